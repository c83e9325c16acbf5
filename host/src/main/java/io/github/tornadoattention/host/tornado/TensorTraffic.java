package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.kernels.BrainPack;
import io.github.tornadoattention.kernels.TensorBackwardKeysWide;
import io.github.tornadoattention.kernels.TensorBackwardQueries;
import io.github.tornadoattention.kernels.TensorForward;
import java.util.List;

/**
 * What {@link TensorPlan}'s kernels move, counted from their loops. Matrices are read in longs of four 16-bit numbers and written
 * in ints of two; the last rows of packed ones, beyond the sequence, are written and read like others.
 */
final class TensorTraffic {
    private static final int FLOAT = Float.BYTES;
    private static final int LONG = Long.BYTES;
    private static final int PAIR = Integer.BYTES;
    private static final String FORWARD = "tensor.";
    private static final String BACKWARD = "tensorBackward.";

    private final AttentionSpec spec;
    private final PackedRows rows;
    private final long queries;
    /** Longs of a row. */
    private final long perRow;

    TensorTraffic(AttentionSpec spec) {
        this.spec = spec;
        this.rows = new PackedRows(spec);
        this.queries = rows.existing(true);
        this.perRow = spec.headDim() / 4;
    }

    /** The launches of the forward pass, in order. */
    List<KernelTraffic> forward(Tiling t) {
        return brain() ? List.of(maxima(), brainPack(), kernel(t)) : List.of(pack(FORWARD + "columns0", "k", false), kernel(t));
    }

    private boolean brain() {
        return spec.dtype() == DType.BF16;
    }

    /** The launches of the backward pass, in order. */
    List<KernelTraffic> backward(Tiling tq, Tiling tk) {
        return List.of(new FlashTraffic(spec, spec.dtype().bytes()).rowDots("tensorBackward"),
                pack(BACKWARD + "columns0", "q", true),
                pack(BACKWARD + "rows1", "q", true),
                pack(BACKWARD + "columns2", "dOut", true),
                pack(BACKWARD + "rows3", "dOut", true),
                keys(tk),
                pack(BACKWARD + "columns4", "k", false),
                pack(BACKWARD + "rows5", "k", false),
                pack(BACKWARD + "columns6", "v", false),
                queries(tq));
    }

    private KernelTraffic pack(String task, String matrix, boolean likeQ) {
        long read = rows.existing(likeQ) * perRow;
        return new KernelTraffic.Counter()
                .reads(matrix, LONG, read, read)
                .writes("packed", LONG, rows.packed(likeQ) * perRow)
                .of(task, "", 0);
    }

    /** {@link BrainPack#maxima}. */
    private KernelTraffic maxima() {
        return new KernelTraffic.Counter()
                .reads("v", LONG, rows.scanned(false, perRow, BrainPack.PIECES * BrainPack.GROUP, BrainPack.LONGS),
                        rows.existing(false) * perRow)
                .writes("maxima", Integer.BYTES, rows.heads(false) * BrainPack.PIECES)
                .writes("scales", FLOAT, rows.heads(false))
                .of(FORWARD + "maxima", "", BrainPack.GROUP * Integer.BYTES);
    }

    /** {@link BrainPack#pack} of ordinary numbers; huge ones of K are each noted besides. */
    private KernelTraffic brainPack() {
        long longs = rows.existing(false) * perRow;
        return new KernelTraffic.Counter()
                .reads("k", LONG, longs, longs)
                .reads("v", LONG, longs, longs)
                .reads("maxima", Integer.BYTES, rows.packed(false) * perRow / 4, rows.heads(false) * BrainPack.PIECES)
                .writes("columns", LONG, rows.packed(false) * perRow)
                .writes("halves", LONG, longs)
                .writes("scales", FLOAT, rows.heads(false))
                .of(FORWARD + "pack", "", BrainPack.PIECES * Integer.BYTES);
    }

    private KernelTraffic kernel(Tiling t) {
        VisitSums sum = VisitSums.ofQueries(spec, t);
        return new KernelTraffic.Counter()
                .reads("q", LONG, sum.tiles() * t.blockQ() * perRow, queries * perRow)
                // two tiles before the loop; in the loop the one after the next, and the last one again and again
                .reads("k", LONG, (sum.visits() + 2 * sum.busyTiles()) * t.blockK() * perRow, sum.wholeKeyRows() * perRow)
                .reads("v", LONG, (sum.visitedKeyRows() + 2 * sum.lastKeyRows()) * perRow, sum.keyRows() * perRow)
                .reads("scales", FLOAT, brain() ? 2 * sum.tiles() * t.group() : 0, 2 * rows.heads(false))
                .writes("out", PAIR, queries * perRow * 2)
                .writes("lse", FLOAT, queries)
                .of(FORWARD + "forward", t.toString(), Contract.of(TensorForward.class).localBytes(t, spec.headDim()));
    }

    private KernelTraffic keys(Tiling t) {
        VisitSums sum = VisitSums.ofKeys(spec, t);
        long keys = rows.existing(false) * perRow;
        // the first tile before the loop; in the loop the next one, and the last one again
        long streamed = (sum.visits() + sum.busyTiles()) * t.blockQ() * perRow;
        Class<?> kernel = TensorPlan.keysKernel(spec.headDim());
        // with two warps for 16 keys, the rows of a tile are fetched while it is the current one
        long rowsStreamed = kernel == TensorBackwardKeysWide.class ? sum.visits() * t.blockQ() * perRow : streamed;
        long distinct = sum.wholeQueryRows() * perRow;
        long rowReads = sum.busyTiles() * t.blockQ() + sum.visits() * t.group();
        long results = rows.heads(false) * spec.seqK() * perRow * 2;
        return new KernelTraffic.Counter()
                .reads("k", LONG, keys, keys)
                .reads("v", LONG, keys, keys)
                .reads("qColumns", LONG, streamed, distinct)
                .reads("qRows", LONG, rowsStreamed, distinct)
                .reads("dColumns", LONG, streamed, distinct)
                .reads("dRows", LONG, rowsStreamed, distinct)
                .reads("lse", FLOAT, rowReads, sum.queryRows())
                .reads("delta", FLOAT, rowReads, sum.queryRows())
                .writes("dk", PAIR, results)
                .writes("dv", PAIR, results)
                .of(BACKWARD + "keys", t.toString(), Contract.of(kernel).localBytes(t, spec.headDim()));
    }

    private KernelTraffic queries(Tiling t) {
        VisitSums sum = VisitSums.ofQueries(spec, t);
        long own = sum.tiles() * t.blockQ() * perRow;
        long streamed = (sum.visits() + sum.busyTiles()) * t.blockK() * perRow;
        long distinct = sum.wholeKeyRows() * perRow;
        long rowReads = 2 * sum.tiles() * t.group();
        return new KernelTraffic.Counter()
                .reads("q", LONG, own, queries * perRow)
                .reads("dOut", LONG, own, queries * perRow)
                .reads("kColumns", LONG, streamed, distinct)
                .reads("kRows", LONG, streamed, distinct)
                .reads("v", LONG, streamed, distinct)
                .reads("lse", FLOAT, rowReads, queries)
                .reads("delta", FLOAT, rowReads, queries)
                .writes("dq", PAIR, queries * perRow * 2)
                .of(BACKWARD + "queries", t.toString(), Contract.of(TensorBackwardQueries.class).localBytes(t, spec.headDim()));
    }
}
