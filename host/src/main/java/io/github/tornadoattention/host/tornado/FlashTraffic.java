package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.kernels.FlashBackwardBias;
import io.github.tornadoattention.kernels.FlashBackwardKeys;
import io.github.tornadoattention.kernels.FlashBackwardQueries;
import io.github.tornadoattention.kernels.FlashForward;
import io.github.tornadoattention.kernels.RowDots;

/**
 * What the flash kernels move, counted from their loops: tiles times rows times head dim. A tile that reaches past the end of its
 * sequence is fetched whole, its last row again and again, as the kernels do it; the padding of the head dim is not fetched.
 */
final class FlashTraffic {
    private static final int FLOAT = Float.BYTES;

    private final AttentionSpec spec;
    private final int elementBytes;
    private final long queries;
    private final long d;
    private final TableTraffic tables;
    private final FlashLocalTraffic local;

    /** {@code elementBytes}: size of an element of q, k, v, out and their gradients. */
    FlashTraffic(AttentionSpec spec, int elementBytes) {
        this.spec = spec;
        this.elementBytes = elementBytes;
        this.queries = (long) spec.batch() * spec.heads() * spec.seqQ();
        this.d = spec.headDim();
        this.tables = new TableTraffic(spec);
        this.local = new FlashLocalTraffic(spec);
    }

    private KernelTraffic.Counter tablesOverQueries(KernelTraffic.Counter counter, Tiling t, VisitSums sum) {
        BlockLists lists = BlockLists.ofQueries(spec, t);
        return tables.read(counter, sum.visits() * t.blockQ() * t.blockK(), t.blockQ(), (keyLength, head, pairs) ->
                VisitCount.ofQueries(spec, t, lists, keyLength, head).pairsByQueries(t, keyLength, pairs));
    }

    private KernelTraffic.Counter tablesOverKeys(KernelTraffic.Counter counter, Tiling t, VisitSums sum) {
        BlockLists lists = BlockLists.ofKeys(spec, t);
        return tables.read(counter, sum.visits() * t.blockQ() * t.blockK(), t.blockQ(), (keyLength, head, pairs) ->
                VisitCount.ofKeys(spec, t, lists, keyLength, head).pairsByKeys(t, keyLength, pairs));
    }

    KernelTraffic forward(Tiling t) {
        VisitSums sum = VisitSums.ofQueries(spec, t);
        // the first slice of K is fetched ahead, for a visit after the last one too
        long ahead = sum.busyTiles() * t.blockK() * Math.min(d, t.slices(spec.headDim()) >> 16);
        long streamed = sum.visits() * t.blockK() * d;
        KernelTraffic.Counter counter = new KernelTraffic.Counter()
                .reads("q", elementBytes, sum.tiles() * t.blockQ() * d, queries * d)
                .reads("k", elementBytes, streamed + ahead, sum.keyRows() * d)
                .reads("v", elementBytes, streamed, sum.keyRows() * d)
                .writes("out", elementBytes, queries * d)
                .writes("lse", FLOAT, queries);
        local.forward(counter, t, sum);
        return tablesOverQueries(counter, t, sum).of("flash.forward", t.toString(),
                Contract.of(FlashForward.class).localBytes(t, spec.headDim()));
    }

    KernelTraffic rowDots(String graph) {
        long lanes = Math.ceilDiv(queries, RowDots.ROWS) * RowDots.ROWS * RowDots.LANES;
        return new KernelTraffic.Counter()
                .reads("out", elementBytes, queries * d, queries * d)
                .reads("dOut", elementBytes, queries * d, queries * d)
                .writes("delta", FLOAT, queries)
                .local(RowDots.LANES * lanes, lanes)
                .of(graph + ".rowDots", "", RowDots.ROWS * RowDots.LANES * FLOAT);
    }

    KernelTraffic keys(Tiling t) {
        VisitSums sum = VisitSums.ofKeys(spec, t);
        // each of the work-items that share the queries of a tile reads them, those that exist
        long missing = (long) Math.ceilDiv(spec.seqQ(), t.blockQ()) * t.blockQ() - spec.seqQ();
        long rowReads = t.threadsY() * (sum.visits() * t.blockQ() - sum.visitsOfLast() * missing);
        long keyReads = sum.visits() * t.blockK() * d;
        long queryReads = sum.visits() * t.blockQ() * d;
        long results = (long) spec.batch() * spec.kvHeads() * spec.seqK() * d;
        KernelTraffic.Counter counter = new KernelTraffic.Counter()
                .reads("q", elementBytes, 2 * queryReads, sum.queryRows() * d)
                .reads("k", elementBytes, keyReads, sum.keyRows() * d)
                .reads("v", elementBytes, keyReads, sum.keyRows() * d)
                .reads("dOut", elementBytes, 2 * queryReads, sum.queryRows() * d)
                .reads("lse", FLOAT, rowReads, sum.queryRows())
                .reads("delta", FLOAT, rowReads, sum.queryRows())
                .writes("dk", elementBytes, results)
                .writes("dv", elementBytes, results);
        local.keys(counter, t, sum);
        return tablesOverKeys(counter, t, sum).of("flashBackward.keys", t.toString(),
                Contract.of(FlashBackwardKeys.class).localBytes(t, spec.headDim()));
    }

    KernelTraffic queries(Tiling t) {
        VisitSums sum = VisitSums.ofQueries(spec, t);
        long rowReads = sum.tiles() * t.blockQ() * t.threadsX();
        long keyReads = sum.visits() * t.blockK() * d;
        long queryReads = sum.visits() * t.blockQ() * d;
        KernelTraffic.Counter counter = new KernelTraffic.Counter()
                .reads("q", elementBytes, queryReads, sum.queryRows() * d)
                .reads("k", elementBytes, 2 * keyReads, sum.keyRows() * d)
                .reads("v", elementBytes, keyReads, sum.keyRows() * d)
                .reads("dOut", elementBytes, queryReads, sum.queryRows() * d)
                .reads("lse", FLOAT, rowReads, queries)
                .reads("delta", FLOAT, rowReads, queries)
                .writes("dq", elementBytes, queries * d);
        local.queries(counter, t, sum);
        return tablesOverQueries(counter, t, sum).of("flashBackward.queries", t.toString(),
                Contract.of(FlashBackwardQueries.class).localBytes(t, spec.headDim()));
    }

    /** The gradient of a bias of this shape: every pair of tiles belongs to one tile of the bias. */
    KernelTraffic bias(Tiling t, int[] shape) {
        VisitSums sum = VisitSums.ofQueries(spec, t);
        long rowReads = sum.visits() * t.blockQ() * t.threadsX();
        long keyReads = sum.visits() * t.blockK() * d;
        long queryReads = sum.visits() * t.blockQ() * d;
        KernelTraffic.Counter counter = new KernelTraffic.Counter()
                .reads("q", elementBytes, queryReads, sum.queryRows() * d)
                .reads("k", elementBytes, keyReads, sum.keyRows() * d)
                .reads("v", elementBytes, keyReads, sum.keyRows() * d)
                .reads("dOut", elementBytes, queryReads, sum.queryRows() * d)
                .reads("lse", FLOAT, rowReads, sum.queryRows())
                .reads("delta", FLOAT, rowReads, sum.queryRows())
                .writes("dBias", FLOAT, TableTraffic.elements(shape));
        return tablesOverQueries(counter, t, sum)
                .of("flashBackward.bias", t.toString(), Contract.of(FlashBackwardBias.class).localBytes(t, spec.headDim()));
    }
}
