package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.kernels.Shape;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Which tiles of one side the tiles of the other side visit, for one batch entry and query head, by the rules of the kernels'
 * {@code Band} and {@code Visits}.
 */
final class VisitCount {
    private final AttentionSpec spec;
    private final BlockLists lists;
    private final int head;
    private final int others;

    /** Tiles of the side that walks. */
    final int tiles;
    /** How many tiles they visit, together. */
    long visits;
    /** How many of these visits are to the last tile, which the end of the sequence may cut short. */
    long visitsOfLast;
    /** The tiles that visit any. */
    final BitSet busy = new BitSet();
    /** The tiles of the other side that anybody visits. */
    final BitSet visited = new BitSet();
    /** The tiles that each tile visits. */
    private final List<BitSet> visitedBy = new ArrayList<>();

    private VisitCount(AttentionSpec spec, BlockLists lists, int head, int tiles, int others) {
        this.spec = spec;
        this.lists = lists;
        this.head = head;
        this.tiles = tiles;
        this.others = others;
        for (int tile = 0; tile < tiles; tile++) {
            visitedBy.add(new BitSet());
        }
    }

    /** Rows of the tiles that are visited, visit for visit, where the other side ends after {@code length} rows. */
    long visitedRows(int tileLength, int length) {
        return visitedBy.stream().mapToLong(tiles -> rows(tiles, tileLength, length)).sum();
    }

    /** Likewise of the last tile alone that each tile visits. */
    long lastVisitedRows(int tileLength, int length) {
        return busy.stream().mapToLong(tile ->
                Math.min(tileLength, length - (visitedBy.get(tile).length() - 1L) * tileLength)).sum();
    }

    /** Tells of the pairs of tiles of queries that visit tiles of keys; groups are tiles of queries. */
    void pairsByQueries(Tiling tiling, int keyLength, TableTraffic.Pairs pairs) {
        for (int tile = 0; tile < tiles; tile++) {
            int group = tile;
            visitedBy.get(tile).stream().forEach(other -> pair(group, other, tiling, keyLength, pairs));
        }
    }

    /** Likewise where tiles of keys visit tiles of queries. */
    void pairsByKeys(Tiling tiling, int keyLength, TableTraffic.Pairs pairs) {
        for (int tile = 0; tile < tiles; tile++) {
            int keys = tile;
            visitedBy.get(tile).stream().forEach(other -> pair(other, keys, tiling, keyLength, pairs));
        }
    }

    private static void pair(int queries, int keys, Tiling tiling, int keyLength, TableTraffic.Pairs pairs) {
        pairs.are(queries, keys * tiling.blockK(), Math.min((keys + 1) * tiling.blockK(), keyLength));
    }

    /** Tiles of queries visit tiles of keys. */
    static VisitCount ofQueries(AttentionSpec spec, Tiling tiling, BlockLists lists, int keyLength, int head) {
        VisitCount count = new VisitCount(spec, lists, head, Math.ceilDiv(spec.seqQ(), tiling.blockQ()),
                Math.ceilDiv(spec.seqK(), tiling.blockK()));
        for (int tile = 0; tile < count.tiles; tile++) {
            long q0 = (long) tile * tiling.blockQ();
            long queryLast = Math.min(q0 + tiling.blockQ(), spec.seqQ()) - 1;
            long firstKey = Math.max(0, q0 + spec.diagonal() - bound(spec.leftBound()));
            long endKey = Math.min(keyLength, queryLast + spec.diagonal() + bound(spec.rightBound()) + 1);
            count.visit(tile, firstKey / tiling.blockK(), Math.ceilDiv(Math.max(0, endKey), tiling.blockK()));
        }
        return count;
    }

    /** Tiles of keys visit tiles of queries. */
    static VisitCount ofKeys(AttentionSpec spec, Tiling tiling, BlockLists lists, int keyLength, int head) {
        VisitCount count = new VisitCount(spec, lists, head, Math.ceilDiv(spec.seqK(), tiling.blockK()),
                Math.ceilDiv(spec.seqQ(), tiling.blockQ()));
        for (int tile = 0; tile < count.tiles; tile++) {
            long k0 = (long) tile * tiling.blockK();
            long keyLast = Math.min(k0 + tiling.blockK(), keyLength) - 1;
            long firstQuery = Math.max(0, k0 - spec.diagonal() - bound(spec.rightBound()));
            long endQuery = k0 < keyLength ? Math.min(spec.seqQ(), keyLast - spec.diagonal() + bound(spec.leftBound()) + 1) : 0;
            count.visit(tile, firstQuery / tiling.blockQ(), Math.ceilDiv(Math.max(0, endQuery), tiling.blockQ()));
        }
        return count;
    }

    private static long bound(int bound) {
        return Math.min(bound, Shape.UNBOUNDED);
    }

    private void visit(int tile, long first, long end) {
        if (spec.blockMask() != null) {
            int row = head * lists.headStride() + tile;
            int[] listed = lists.lists();
            for (int n = listed[row]; n < listed[row + 1] && listed[n] < end; n++) {
                add(tile, listed[n], listed[n] + 1);
            }
        } else if (first < end) {
            add(tile, (int) first, (int) end);
        }
    }

    private void add(int tile, int first, int end) {
        busy.set(tile);
        visited.set(first, end);
        visitedBy.get(tile).set(first, end);
        visits += end - first;
        visitsOfLast += end == others ? 1 : 0;
    }

    /** Rows of the tiles of a set, where the sequence ends after {@code length} rows. */
    static long rows(BitSet tiles, int tileLength, int length) {
        return tiles.stream().mapToLong(tile -> Math.min(tileLength, length - (long) tile * tileLength)).sum();
    }
}
