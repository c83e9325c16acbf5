package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import java.util.BitSet;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * {@link VisitCount} summed over all batch entries and query heads; rows of keys count once for all query heads that share them.
 */
final class VisitSums {
    /** Tiles of the side that walks. */
    private long tiles;
    private long busyTiles;
    private long visits;
    private long visitsOfLast;
    private long keyRows;
    private long queryRows;
    private long wholeKeyRows;
    private long wholeQueryRows;
    private long visitedKeyRows;
    private long lastKeyRows;

    private VisitSums() {
    }

    private interface Walk {
        VisitCount of(int keyLength, int head);
    }

    /** Tiles of queries walk over tiles of keys. */
    static VisitSums ofQueries(AttentionSpec spec, Tiling t) {
        BlockLists lists = BlockLists.ofQueries(spec, t);
        return new VisitSums().add(spec, t, true, (keyLength, head) -> VisitCount.ofQueries(spec, t, lists, keyLength, head));
    }

    /** Tiles of keys walk over tiles of queries, those of every query head that shares the keys. */
    static VisitSums ofKeys(AttentionSpec spec, Tiling t) {
        BlockLists lists = BlockLists.ofKeys(spec, t);
        return new VisitSums().add(spec, t, false, (keyLength, head) -> VisitCount.ofKeys(spec, t, lists, keyLength, head));
    }

    private VisitSums add(AttentionSpec spec, Tiling t, boolean byQueries, Walk walk) {
        int masks = spec.blockMask() == null ? 1 : spec.blockMask().heads();
        int shared = masks == 1 ? 1 : spec.heads() / spec.kvHeads();
        Map<Integer, Integer> entries = new TreeMap<>();
        IntStream.range(0, spec.batch()).forEach(b -> entries.merge(spec.keyLength(b), 1, Integer::sum));
        entries.forEach((keyLength, count) -> {
            long times = (long) count * spec.heads() / masks;
            BitSet keyTiles = new BitSet();
            for (int head = 0; head < masks; head++) {
                VisitCount one = walk.of(keyLength, head);
                BitSet queryTiles = byQueries ? one.busy : one.visited;
                tiles += times * one.tiles;
                busyTiles += times * one.busy.cardinality();
                visits += times * one.visits;
                visitsOfLast += times * one.visitsOfLast;
                queryRows += times * VisitCount.rows(queryTiles, t.blockQ(), spec.seqQ());
                if (byQueries) {
                    visitedKeyRows += times * one.visitedRows(t.blockK(), keyLength);
                    lastKeyRows += times * one.lastVisitedRows(t.blockK(), keyLength);
                }
                wholeQueryRows += times * queryTiles.cardinality() * t.blockQ();
                keyTiles.or(byQueries ? one.visited : one.busy);
                if ((head + 1) % shared == 0) {
                    long groups = (long) count * spec.kvHeads() * shared / masks;
                    keyRows += groups * VisitCount.rows(keyTiles, t.blockK(), keyLength);
                    wholeKeyRows += groups * keyTiles.cardinality() * t.blockK();
                    keyTiles.clear();
                }
            }
        });
        return this;
    }

    /** Tiles of the side that walks, for each query head. */
    long tiles() {
        return tiles;
    }

    /** Those of them that visit any. */
    long busyTiles() {
        return busyTiles;
    }

    /** Tiles that they visit, together. */
    long visits() {
        return visits;
    }

    /** How many of these visits are to the last tile, which the end of the sequence may cut short. */
    long visitsOfLast() {
        return visitsOfLast;
    }

    /** Rows of keys that exist in tiles that anybody visits or that visit. */
    long keyRows() {
        return keyRows;
    }

    /** Rows of queries that exist in such tiles. */
    long queryRows() {
        return queryRows;
    }

    /** {@link #keyRows} with the rows of the last tile that do not exist. */
    long wholeKeyRows() {
        return wholeKeyRows;
    }

    /** {@link #queryRows} with the rows of the last tile that do not exist. */
    long wholeQueryRows() {
        return wholeQueryRows;
    }

    /** Rows of keys that exist in the tiles that tiles of queries visit, visit for visit. */
    long visitedKeyRows() {
        return visitedKeyRows;
    }

    /** Likewise in the last tile alone that each tile of queries visits. */
    long lastKeyRows() {
        return lastKeyRows;
    }
}
