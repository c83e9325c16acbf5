package io.github.tornadoattention.host.check;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.PackedSpec;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.reference.Exact;
import java.util.Arrays;
import java.util.Objects;

/** A packed batch by the reference, one sequence after the other. */
final class PackedReference {
    private PackedReference() {}

    /** One sequence as a batch of its own, with gradients. */
    interface Sequence {
        Exact run(AttentionSpec spec, AttentionInputs inputs, Tensor dOut);
    }

    /** Out, lse, dq, dk and dv in the shapes that a packed batch has. */
    static Exact run(PackedSpec spec, AttentionInputs inputs, Tensor dOut, Sequence sequence) {
        int heads = spec.longest().heads();
        int kvHeads = spec.longest().kvHeads();
        int dim = spec.longest().headDim();
        double[] out = new double[spec.totalQ() * heads * dim];
        double[] lse = new double[heads * spec.totalQ()];
        Arrays.fill(lse, Double.NEGATIVE_INFINITY);
        double[] dq = new double[out.length];
        double[] dk = new double[spec.totalK() * kvHeads * dim];
        double[] dv = new double[dk.length];
        for (int b = 0; b < spec.sequences(); b++) {
            int n = spec.lengthQ(b);
            int m = spec.lengthK(b);
            if (n == 0 || m == 0) {
                continue;
            }
            AttentionInputs own = AttentionInputs.of(dense(inputs.q(), spec.startQ(b), n), dense(inputs.k(), spec.startK(b), m),
                    dense(inputs.v(), spec.startK(b), m)).withSeed(inputs.seed(), inputs.dropoutOffset())
                    .withFirstEntry(inputs.firstEntry() + b);
            Exact one = sequence.run(spec.dense(1, n, m), own, dense(dOut, spec.startQ(b), n));
            put(one.out(), out, spec.startQ(b), n, heads, dim);
            put(Objects.requireNonNull(one.dq()), dq, spec.startQ(b), n, heads, dim);
            put(Objects.requireNonNull(one.dk()), dk, spec.startK(b), m, kvHeads, dim);
            put(Objects.requireNonNull(one.dv()), dv, spec.startK(b), m, kvHeads, dim);
            for (int h = 0; h < heads; h++) {
                System.arraycopy(one.lse(), h * n, lse, h * spec.totalQ() + spec.startQ(b), n);
            }
        }
        return new Exact(out, lse, dq, dk, dv);
    }

    /** Rows of {@code [total, heads, dim]} as {@code [1, heads, count, dim]}. */
    private static Tensor dense(Tensor packed, int start, int count) {
        int heads = packed.shape()[1];
        int dim = packed.shape()[2];
        float[] dense = new float[heads * count * dim];
        for (int i = 0; i < count; i++) {
            for (int h = 0; h < heads; h++) {
                packed.read(((long) (start + i) * heads + h) * dim, dense, (h * count + i) * dim, dim);
            }
        }
        return Tensor.of(dense, 1, heads, count, dim);
    }

    /** The other way round. */
    private static void put(double[] dense, double[] packed, int start, int count, int heads, int dim) {
        for (int h = 0; h < heads; h++) {
            for (int i = 0; i < count; i++) {
                System.arraycopy(dense, (h * count + i) * dim, packed, ((start + i) * heads + h) * dim, dim);
            }
        }
    }
}
