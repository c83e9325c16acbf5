package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.kernels.SplitBackwardKeys;
import io.github.tornadoattention.kernels.SplitBackwardQueries;
import io.github.tornadoattention.kernels.SplitForward;
import io.github.tornadoattention.kernels.SplitPack;
import io.github.tornadoattention.kernels.SplitScales;
import java.util.List;

/**
 * What {@link SplitPlan}'s kernels move, counted from their loops. Packed matrices stand in longs of four float16, and a number
 * has two; their last rows, beyond the sequence, are written and read like others.
 */
final class SplitTraffic {
    private static final int FLOAT = Float.BYTES;
    private static final int LONG = Long.BYTES;
    private static final String FORWARD = "split.";
    private static final String BACKWARD = "splitBackward.";

    private final AttentionSpec spec;
    private final PackedRows rows;
    private final long d;
    /** Longs of a row of a packed matrix. */
    private final long perRow;

    SplitTraffic(AttentionSpec spec) {
        this.spec = spec;
        this.rows = new PackedRows(spec);
        this.d = spec.headDim();
        this.perRow = d / 2;
    }

    /** The launches of the forward pass, in order. */
    List<KernelTraffic> forward(Tiling t) {
        return List.of(maxima(FORWARD, "q", "k", "v"), scales(FORWARD, 3),
                columns(FORWARD + "columns", "k", false),
                rows(FORWARD + "rows", "v", false),
                kernel(t));
    }

    /** The launches of the backward pass, in order. */
    List<KernelTraffic> backward(Tiling tq, Tiling tk) {
        return List.of(new FlashTraffic(spec, FLOAT).rowDots("splitBackward"),
                maxima(BACKWARD, "q", "k", "v", "dOut"), scales(BACKWARD, 4),
                columns(BACKWARD + "columnsQ", "q", true),
                rows(BACKWARD + "rowsQ", "q", true),
                columns(BACKWARD + "columnsD", "dOut", true),
                rows(BACKWARD + "rowsD", "dOut", true),
                keys(tk),
                columns(BACKWARD + "columnsK", "k", false),
                rows(BACKWARD + "rowsK", "k", false),
                columns(BACKWARD + "columnsV", "v", false),
                queries(tq));
    }

    private static boolean likeQ(String matrix) {
        return matrix.equals("q") || matrix.equals("dOut");
    }

    /** Heads of q, k, v (3) and dOut (4) together, each with a scale. */
    private long heads(int matrices) {
        return (matrices - 2) * rows.heads(true) + 2 * rows.heads(false);
    }

    private KernelTraffic maxima(String graph, String... matrices) {
        KernelTraffic.Counter counter = new KernelTraffic.Counter();
        for (String matrix : matrices) {
            boolean queries = likeQ(matrix);
            long reads = rows.scanned(queries, d, SplitScales.PIECES * SplitScales.GROUP, SplitScales.AHEAD);
            counter.reads(matrix, FLOAT, reads, rows.existing(queries) * d);
        }
        return counter.writes("maxima", FLOAT, heads(matrices.length) * SplitScales.PIECES)
                .of(graph + "maxima", "", SplitScales.GROUP * FLOAT);
    }

    private KernelTraffic scales(String graph, int matrices) {
        long maxima = heads(matrices) * SplitScales.PIECES;
        return new KernelTraffic.Counter()
                .reads("maxima", FLOAT, maxima, maxima)
                .writes("scales", FLOAT, heads(matrices))
                .of(graph + "scales", "", SplitScales.PIECES * FLOAT);
    }

    private KernelTraffic columns(String task, String matrix, boolean queries) {
        return pack(task, matrix, queries, 8);
    }

    private KernelTraffic rows(String task, String matrix, boolean queries) {
        return pack(task, matrix, queries, 4 * SplitPack.TOGETHER);
    }

    /** {@code elements}: those that a work-item packs. */
    private KernelTraffic pack(String task, String matrix, boolean queries, int elements) {
        long read = rows.existing(queries) * d;
        return new KernelTraffic.Counter()
                .reads(matrix, FLOAT, read, read)
                .reads("scales", FLOAT, rows.packed(queries) * d / elements, rows.heads(queries))
                .writes("packed", LONG, rows.packed(queries) * perRow)
                .of(task, "", 0);
    }

    private KernelTraffic kernel(Tiling t) {
        VisitSums sum = VisitSums.ofQueries(spec, t);
        long tile = t.blockK() * perRow;
        long queries = rows.existing(true);
        return new KernelTraffic.Counter()
                .reads("q", FLOAT, sum.tiles() * t.blockQ() * d, queries * d)
                // the first tile before the loop; in the loop the next one, and the last one again
                .reads("k", LONG, (sum.visits() + sum.busyTiles()) * tile, sum.wholeKeyRows() * perRow)
                .reads("v", LONG, sum.visits() * tile, sum.wholeKeyRows() * perRow)
                .reads("scales", FLOAT, 3 * sum.tiles() * t.group(), heads(3))
                .writes("out", FLOAT, queries * d)
                .writes("lse", FLOAT, queries)
                .of(FORWARD + "forward", t.toString(), Contract.of(SplitForward.class).localBytes(t, spec.headDim()));
    }

    private KernelTraffic keys(Tiling t) {
        VisitSums sum = VisitSums.ofKeys(spec, t);
        long groups = rows.heads(false) * Math.ceilDiv(spec.seqK(), t.blockK());
        long shared = spec.heads() / spec.kvHeads();
        long keys = rows.existing(false) * d;
        long tile = t.blockQ() * perRow;
        long ahead = (sum.visits() + sum.busyTiles()) * tile;
        long distinct = sum.wholeQueryRows() * perRow;
        long rowReads = sum.busyTiles() * t.blockQ() + sum.visits() * t.group();
        long results = rows.heads(false) * spec.seqK() * d;
        return new KernelTraffic.Counter()
                .reads("k", FLOAT, 2 * keys, keys)
                .reads("v", FLOAT, 2 * keys, keys)
                .reads("qColumns", LONG, ahead, distinct)
                .reads("qRows", LONG, sum.visits() * tile, distinct)
                .reads("dColumns", LONG, ahead, distinct)
                .reads("dRows", LONG, sum.visits() * tile, distinct)
                .reads("lse", FLOAT, rowReads, sum.queryRows())
                .reads("delta", FLOAT, rowReads, sum.queryRows())
                .reads("scales", FLOAT, groups * t.group() * (2 + 2 * shared), heads(4))
                .writes("dk", FLOAT, results)
                .writes("dv", FLOAT, results)
                .of(BACKWARD + "keys", t.toString(), Contract.of(SplitBackwardKeys.class).localBytes(t, spec.headDim()));
    }

    private KernelTraffic queries(Tiling t) {
        VisitSums sum = VisitSums.ofQueries(spec, t);
        long queries = rows.existing(true);
        long own = 2 * sum.tiles() * t.blockQ() * d;
        long tile = t.blockK() * perRow;
        long ahead = (sum.visits() + sum.busyTiles()) * tile;
        long distinct = sum.wholeKeyRows() * perRow;
        long rowReads = 2 * sum.tiles() * t.group();
        return new KernelTraffic.Counter()
                .reads("q", FLOAT, own, queries * d)
                .reads("dOut", FLOAT, own, queries * d)
                .reads("kColumns", LONG, ahead, distinct)
                .reads("kRows", LONG, sum.visits() * tile, distinct)
                .reads("vColumns", LONG, ahead, distinct)
                .reads("lse", FLOAT, rowReads, queries)
                .reads("delta", FLOAT, rowReads, queries)
                .reads("scales", FLOAT, 4 * sum.tiles() * t.group(), heads(4))
                .writes("dq", FLOAT, queries * d)
                .of(BACKWARD + "queries", t.toString(), Contract.of(SplitBackwardQueries.class).localBytes(t, spec.headDim()));
    }
}
