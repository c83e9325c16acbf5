package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.MergedParts;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Flash attention larger than the device: the host walks blocks of queries and of keys, streams them through the device and puts
 * the parts together. Forward it merges (out, lse) of the blocks of keys, as decoding does; backward each block gives its share
 * of dq, dk, dv and dBias from the final lse, and the host adds them up in double precision and in a fixed order. Blocks that
 * nobody sees are left out. One or two blocks are under way at a time, see {@link BlockSize} and {@link BlockLanes}.
 */
final class StreamedPlan implements Plan {
    private final String backend;
    private final Platform.Device device;
    private final AttentionSpec spec;
    private final String why;
    private final BlockSize size;
    private final Limits limits;
    private final boolean profiled;
    private final int dim;
    private final BlockLanes lanes;
    private long kernelNanos;
    private long compileNanos;

    /** What is done with one block. */
    private interface Visit {
        void block(BlockKernels.Place place, int kvHead);
    }

    /**
     * A plan.
     *
     * @param why why it is not computed in one go, for reports
     */
    StreamedPlan(String backend, Platform.Device device, AttentionSpec spec, Limits limits, boolean profiled, String why) {
        this.backend = backend;
        this.device = device;
        this.spec = spec;
        this.why = why;
        this.size = BlockSize.choose(spec, limits);
        this.limits = limits;
        this.profiled = profiled;
        this.dim = spec.headDim();
        this.lanes = new BlockLanes(size.lanes(), () -> new BlockKernels(spec, device, limits, profiled, size));
    }

    /** What a lane's arrays of queries hold in one call. */
    private record Held(Object call, int batchHead, int query) {}

    @Override
    public Forward forward(AttentionInputs inputs) {
        return finished(() -> streamedForward(inputs));
    }

    @Override
    public Gradients backward(Tensor dOut, Forward f) {
        return finished(() -> streamedBackward(dOut, f));
    }

    /** Leaves nothing on its way if it fails. */
    private <T> T finished(Supplier<T> work) {
        try {
            return work.get();
        } finally {
            lanes.abandon();
        }
    }

    private Forward streamedForward(AttentionInputs inputs) {
        long start = start();
        Object call = new Object();
        int rows = spec.batch() * spec.heads() * spec.seqQ();
        Tensor q = inputs.q().to(DType.FP32);
        Tensor k = inputs.k().to(DType.FP32);
        Tensor v = inputs.v().to(DType.FP32);
        Tensor out = Tensor.zeros(DType.FP32, spec.qShape());
        float[] lse = new float[rows];
        float[] row = new float[dim];
        long held = 0;
        for (int batchHead = 0; batchHead < spec.batch() * spec.heads(); batchHead += size.heads()) {
            for (int query = 0; query < spec.seqQ(); query += size.queries()) {
                int queries = Math.min(size.queries(), spec.seqQ() - query);
                MergedParts parts = new MergedParts(size.heads() * queries, dim);
                held = Math.max(held, size.lanes() * parts.bytes());
                int first = batchHead;
                int firstQuery = query;
                keys(batchHead, query, queries, (place, kvHead) -> {
                    BlockLanes.Lane lane = lanes.next();
                    BlockKernels block = lane.kernels;
                    if (lane.mustLoad(new Held(call, place.batchHead(), place.query()))) {
                        queries(q, block.q, place.batchHead(), place.query(), queries);
                    }
                    rows(k, block.k, kvHead * spec.seqK() + place.key(), place.keys());
                    rows(v, block.v, kvHead * spec.seqK() + place.key(), place.keys());
                    lanes.start(lane, false, () -> block.forward(place, inputs), cost -> {
                        count(cost);
                        merge(block, queries, parts, row);
                    });
                });
                lanes.after(() -> {
                    for (int n = 0; n < size.heads() * queries; n++) {
                        int to = (first + n / queries) * spec.seqQ() + firstQuery + n % queries;
                        parts.out(n, row, 0);
                        out.write(row, 0, (long) to * dim, dim);
                        lse[to] = parts.lse(n);
                    }
                });
            }
        }
        lanes.finish();
        return new Forward(inputs, out.to(spec.dtype()), Tensor.of(lse, spec.lseShape()),
                report(List.of("FlashForward"), start, held));
    }

    private void merge(BlockKernels block, int queries, MergedParts parts, float[] row) {
        for (int n = 0; n < size.heads() * queries; n++) {
            int at = n / queries * size.queries() + n % queries;
            for (int d = 0; d < dim; d++) {
                row[d] = block.out.get(at * dim + d);
            }
            parts.add(n, row, 0, block.lse.get(at));
        }
    }

    private Gradients streamedBackward(Tensor dOut, Forward f) {
        long start = start();
        Object call = new Object();
        Tensor q = f.q().to(DType.FP32);
        Tensor k = f.k().to(DType.FP32);
        Tensor v = f.v().to(DType.FP32);
        Tensor out = f.out().to(DType.FP32);
        Tensor d = dOut.to(DType.FP32);
        double[] dq = new double[q.size()];
        double[] dk = new double[k.size()];
        double[] dv = new double[v.size()];
        int[] biasShape = spec.biasShape();
        double[] dBias = new double[biasShape == null ? 0 : Objects.requireNonNull(f.inputs().bias()).size()];
        for (int batchHead = 0; batchHead < spec.batch() * spec.heads(); batchHead += size.heads()) {
            int first = batchHead;
            for (int query = 0; query < spec.seqQ(); query += size.queries()) {
                int queries = Math.min(size.queries(), spec.seqQ() - query);
                int firstQuery = query;
                keys(batchHead, query, queries, (place, kvHead) -> {
                    BlockLanes.Lane lane = lanes.next();
                    BlockKernels block = lane.kernels;
                    BlockKernels.Gradient g = block.gradient();
                    if (lane.mustLoad(new Held(call, first, firstQuery))) {
                        queries(q, block.q, first, firstQuery, queries);
                        queries(out, block.out, first, firstQuery, queries);
                        queries(d, g.dOut(), first, firstQuery, queries);
                        lseOf(f, block, first, firstQuery, queries);
                    }
                    int firstKey = kvHead * spec.seqK() + place.key();
                    rows(k, block.k, firstKey, place.keys());
                    rows(v, block.v, firstKey, place.keys());
                    lanes.start(lane, true, () -> block.backward(place, f.inputs()), cost -> {
                        count(cost);
                        block.addBiasGradient(place, dBias);
                        add(g.dk(), 0, dk, firstKey, place.keys());
                        add(g.dv(), 0, dv, firstKey, place.keys());
                        for (int h = 0; h < size.heads(); h++) {
                            add(g.dq(), h * size.queries(), dq, (first + h) * spec.seqQ() + firstQuery, queries);
                        }
                    });
                });
            }
        }
        lanes.finish();
        long held = (dq.length + (long) dk.length + dv.length + dBias.length) * Double.BYTES;
        List<String> names = new ArrayList<>(List.of("RowDots", "FlashBackwardKeys", "FlashBackwardQueries"));
        if (biasShape != null) {
            names.add("FlashBackwardBias");
        }
        return new Gradients(rounded(dq, spec.qShape()).to(spec.dtype()), rounded(dk, spec.kvShape()).to(spec.dtype()),
                rounded(dv, spec.kvShape()).to(spec.dtype()), biasShape == null ? null : rounded(dBias, biasShape),
                report(names, start, held));
    }

    private void lseOf(Forward f, BlockKernels block, int batchHead, int query, int queries) {
        for (int h = 0; h < size.heads(); h++) {
            for (int i = 0; i < queries; i++) {
                block.lse.set(h * size.queries() + i,
                        f.lse().get((batchHead + h) / spec.heads(), (batchHead + h) % spec.heads(), query + i));
            }
        }
    }

    /** Visits the blocks of keys that some of these queries see, in rising order. */
    private void keys(int batchHead, int query, int queries, Visit visit) {
        int b = batchHead / spec.heads();
        int head = batchHead % spec.heads();
        BlockMask mask = spec.blockMask();
        long from = Math.max(0, (long) query + spec.diagonal() - spec.leftBound());
        long end = Math.min(spec.keyLength(b), (long) query + queries - 1 + spec.diagonal() + spec.rightBound() + 1);
        for (int key = 0; key < end; key += size.keys()) {
            boolean set = mask == null || mask.isSet(head, query / mask.size(), key / mask.size());
            if (set && key + (long) size.keys() > from) {
                int keys = Math.min(size.keys(), spec.keyLength(b) - key);
                visit.block(new BlockKernels.Place(batchHead, query, queries, key, keys), b * spec.kvHeads() + spec.kvHead(head));
            }
        }
    }

    /** Queries of the heads of a block, to where the kernels look for them. */
    private void queries(Tensor from, FloatArray to, int batchHead, int query, int queries) {
        for (int h = 0; h < size.heads(); h++) {
            MemorySegment.copy(from.segment(), ((long) (batchHead + h) * spec.seqQ() + query) * dim * Float.BYTES,
                    to.getSegment(), (long) h * size.queries() * dim * Float.BYTES, (long) queries * dim * Float.BYTES);
        }
    }

    private void rows(Tensor from, FloatArray to, int first, int count) {
        MemorySegment.copy(from.segment(), (long) first * dim * Float.BYTES, to.getSegment(), 0,
                (long) count * dim * Float.BYTES);
    }

    private void add(FloatArray part, int first, double[] sum, int row, int rows) {
        for (int n = 0; n < rows * dim; n++) {
            sum[row * dim + n] += part.get(first * dim + n);
        }
    }

    private static Tensor rounded(double[] sum, int[] shape) {
        float[] floats = new float[sum.length];
        for (int n = 0; n < floats.length; n++) {
            floats[n] = (float) sum[n];
        }
        return Tensor.of(floats, shape);
    }

    private long start() {
        kernelNanos = 0;
        compileNanos = 0;
        return System.nanoTime();
    }

    private void count(Stage.Cost cost) {
        kernelNanos = cost.kernelNanos() < 0 ? -1 : kernelNanos + cost.kernelNanos();
        compileNanos = cost.compileNanos() < 0 ? -1 : compileNanos + cost.compileNanos();
    }

    private Report report(List<String> names, long start, long held) {
        String remark = "streamed in blocks of %d queries and %d keys%s: %s".formatted(size.queries(), size.keys(),
                size.lanes() == 1 ? "" : ", two at a time", why);
        List<String> remarks = new ArrayList<>(List.of(remark));
        remarks.addAll(lanes.first().tileRemarks(names));
        return new Report(backend, device.description(), device.driverName(), "flash", names, kernelNanos, compileNanos,
                System.nanoTime() - start, held + size.bytes(spec), remarks);
    }

    @Override
    public void close() {
        lanes.close();
    }
}
