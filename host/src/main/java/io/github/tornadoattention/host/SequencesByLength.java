package io.github.tornadoattention.host;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A packed batch as dense batches without padding: sequences of the same lengths are gathered into one, computed by the backend's
 * own dense attention and put back; with dropout, which counts batch entries, only those that follow each other. For backends on
 * the host, where gathering costs little beside computing.
 */
public final class SequencesByLength implements PackedPlan {
    private final Backend backend;
    private final PackedSpec spec;
    private final Algorithm algorithm;
    private final List<Group> groups = new ArrayList<>();

    /** Sequences of the same lengths, both above 0. */
    private record Group(Lengths lengths, List<Integer> sequences) {
        int seqQ() {
            return lengths.seqQ;
        }

        int seqK() {
            return lengths.seqK;
        }

        int first() {
            return sequences.getFirst();
        }

        boolean continuesWith(int sequence, Lengths its) {
            return lengths.equals(its) && sequences.getLast() + 1 == sequence;
        }
    }

    private record Lengths(int seqQ, int seqK) {}

    /** Dense attention by this backend and algorithm. */
    public SequencesByLength(Backend backend, PackedSpec spec, Algorithm algorithm) {
        this.backend = backend;
        this.spec = spec;
        this.algorithm = algorithm;
        Map<Lengths, Group> byLengths = new HashMap<>();
        for (int b = 0; b < spec.sequences(); b++) {
            Lengths lengths = new Lengths(spec.lengthQ(b), spec.lengthK(b));
            if (lengths.seqQ > 0 && lengths.seqK > 0) {
                Group group = byLengths.get(lengths);
                if (group == null || (spec.longest().dropout() > 0 && !group.continuesWith(b, lengths))) {
                    group = new Group(lengths, new ArrayList<>());
                    groups.add(group);
                    byLengths.put(lengths, group);
                }
                group.sequences.add(b);
            }
        }
    }

    /** What a call gives to one group. */
    private AttentionInputs gathered(AttentionInputs inputs, Group group) {
        return AttentionInputs.of(gathered(inputs.q(), group, true), gathered(inputs.k(), group, false),
                gathered(inputs.v(), group, false))
                .withSeed(inputs.seed(), inputs.dropoutOffset())
                .withFirstEntry(inputs.firstEntry() + group.first());
    }

    @Override
    public Forward forward(AttentionInputs inputs) {
        long start = System.nanoTime();
        Tensor out = Tensor.zeros(spec.longest().dtype(), spec.qShape());
        float[] lse = new float[spec.longest().heads() * spec.totalQ()];
        Arrays.fill(lse, Float.NEGATIVE_INFINITY);
        Cost cost = new Cost();
        for (Group group : groups) {
            AttentionSpec dense = spec.dense(group.sequences.size(), group.seqQ(), group.seqK());
            try (Attention attention = Attention.on(backend, dense, algorithm)) {
                Forward f = attention.forward(gathered(inputs, group));
                scatter(f.out(), out, group, true);
                scatterRows(f.lse().toArray(), lse, group);
                cost.add(f.report(), gatheredBytes(dense, 1));
            }
        }
        return new Forward(inputs, out, Tensor.of(lse, spec.lseShape()), cost.report(start));
    }

    @Override
    public Gradients backward(Tensor dOut, Forward f) {
        long start = System.nanoTime();
        DType dtype = spec.longest().dtype();
        Tensor dq = Tensor.zeros(dtype, spec.qShape());
        Tensor dk = Tensor.zeros(dtype, spec.kvShape());
        Tensor dv = Tensor.zeros(dtype, spec.kvShape());
        float[] lse = f.lse().toArray();
        Cost cost = new Cost();
        for (Group group : groups) {
            AttentionSpec dense = spec.dense(group.sequences.size(), group.seqQ(), group.seqK());
            try (Attention attention = Attention.on(backend, dense, algorithm)) {
                Forward part = new Forward(gathered(f.inputs(), group), gathered(f.out(), group, true),
                        gatheredRows(lse, dense, group), f.report());
                Gradients g = attention.backward(gathered(dOut, group, true), part);
                scatter(g.dq(), dq, group, true);
                scatter(g.dk(), dk, group, false);
                scatter(g.dv(), dv, group, false);
                cost.add(g.report(), gatheredBytes(dense, 2));
            }
        }
        return new Gradients(dq, dk, dv, cost.report(start));
    }

    /** Bytes of gathered inputs and outputs, of which there are {@code 2 * passes} like q and as many like k. */
    private static long gatheredBytes(AttentionSpec dense, int passes) {
        long elements = (long) dense.batch() * dense.headDim() * (dense.heads() * (long) dense.seqQ()
                + dense.kvHeads() * (long) dense.seqK());
        return 2L * passes * elements * dense.dtype().bytes();
    }

    /** What all groups cost together; memory is held for one at a time. */
    private final class Cost {
        private @Nullable Report first;
        private long kernelNanos;
        private long extraBytes;

        void add(Report report, long gathered) {
            first = first == null ? report : first;
            kernelNanos = report.kernelNanos() < 0 || kernelNanos < 0 ? -1 : kernelNanos + report.kernelNanos();
            extraBytes = Math.max(extraBytes, report.extraBytes() + gathered);
        }

        Report report(long start) {
            long wall = System.nanoTime() - start;
            String name = algorithm.name().toLowerCase(Locale.ROOT);
            return first == null
                    ? new Report(backend.name(), backend.device(), null, name, List.of(), 0, 0, wall, 0)
                    : new Report(first.backend(), first.device(), first.driver(), first.algorithm(), first.kernels(), kernelNanos,
                            -1, wall, extraBytes, first.remarks());
        }
    }

    /** {@code [total, heads, headDim]} to {@code [batch, heads, n, headDim]}. */
    private Tensor gathered(Tensor packed, Group group, boolean queries) {
        return moved(packed, null, group, queries);
    }

    /** {@code [batch, heads, n, headDim]} to {@code [total, heads, headDim]}. */
    private void scatter(Tensor dense, Tensor packed, Group group, boolean queries) {
        moved(packed, dense, group, queries);
    }

    /** Copies rows from packed to a new dense tensor, or from a given dense one to packed. */
    private Tensor moved(Tensor packed, @Nullable Tensor from, Group group, boolean queries) {
        int heads = packed.shape()[1];
        int dim = packed.shape()[2];
        int n = queries ? group.seqQ() : group.seqK();
        Tensor dense = from == null ? Tensor.zeros(packed.dtype(), group.sequences.size(), heads, n, dim) : from;
        long bytes = (long) dim * packed.dtype().bytes();
        for (int b = 0; b < group.sequences.size(); b++) {
            int sequence = group.sequences.get(b);
            long first = queries ? spec.startQ(sequence) : spec.startK(sequence);
            for (int h = 0; h < heads; h++) {
                for (int i = 0; i < n; i++) {
                    long inDense = (((long) b * heads + h) * n + i) * bytes;
                    long inPacked = ((first + i) * heads + h) * bytes;
                    if (from == null) {
                        MemorySegment.copy(packed.segment(), inPacked, dense.segment(), inDense, bytes);
                    } else {
                        MemorySegment.copy(dense.segment(), inDense, packed.segment(), inPacked, bytes);
                    }
                }
            }
        }
        return dense;
    }

    private void scatterRows(float[] dense, float[] packed, Group group) {
        int heads = spec.longest().heads();
        for (int row = 0; row < group.sequences.size() * heads; row++) {
            int to = row % heads * spec.totalQ() + spec.startQ(group.sequences.get(row / heads));
            System.arraycopy(dense, row * group.seqQ(), packed, to, group.seqQ());
        }
    }

    private Tensor gatheredRows(float[] packed, AttentionSpec dense, Group group) {
        int heads = spec.longest().heads();
        float[] rows = new float[group.sequences.size() * heads * group.seqQ()];
        for (int row = 0; row < group.sequences.size() * heads; row++) {
            int from = row % heads * spec.totalQ() + spec.startQ(group.sequences.get(row / heads));
            System.arraycopy(packed, from, rows, row * group.seqQ(), group.seqQ());
        }
        return Tensor.of(rows, dense.lseShape());
    }

    @Override
    public void close() {
        // Attention is opened for each group and closed again.
    }
}
