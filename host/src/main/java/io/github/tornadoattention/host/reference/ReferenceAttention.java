package io.github.tornadoattention.host.reference;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Tensor;
import org.jspecify.annotations.Nullable;

/** The specification as a function. */
public final class ReferenceAttention {
    private ReferenceAttention() {}

    /**
     * Forward, and backward if {@code dOut} is given, in float64.
     *
     * @param q queries, {@code [batch, heads, seqQ, headDim]}
     * @param k keys, {@code [batch, kvHeads, seqK, headDim]}
     * @param v values, {@code [batch, kvHeads, seqK, headDim]}
     * @param dOut gradient of out, shaped like q, or null
     */
    public static Exact forwardBackward(AttentionSpec spec, Tensor q, Tensor k, Tensor v, @Nullable Tensor dOut) {
        return forwardBackward(spec, AttentionInputs.of(q, k, v), dOut);
    }

    /**
     * Forward, and backward if {@code dOut} is given, in float64.
     *
     * @param dOut gradient of out, shaped like q, or null
     */
    public static Exact forwardBackward(AttentionSpec spec, AttentionInputs inputs, @Nullable Tensor dOut) {
        return new ReferencePasses(spec, Precision.FLOAT64, inputs, dOut).run();
    }

    /**
     * The plain standard attention whose error sets the tolerance for the fast ones: the same passes in float32 arithmetic, with
     * each tensor that an implementation which materializes them writes to memory rounded to the spec's dtype. Those are, as in
     * PyTorch's written-out attention: q kᵀ, the scaled scores, the quotient, tanh and product of softcap, the bias and the
     * biased scores, P, out, D, dP, dS before and after softcap and scale, dq, dk and dv. Sums inside an operation (of matrix
     * products, softmax, D) stay in float32, and so does lse. For float32 that is every result rounded to float32.
     */
    public static Exact plain(AttentionSpec spec, AttentionInputs inputs, @Nullable Tensor dOut) {
        return new ReferencePasses(spec, Precision.of(spec.dtype()), inputs, dOut).run();
    }

    /**
     * Probabilities of chosen queries in float64, computed again from lse and rounded to float32.
     *
     * @return {@code [batch, heads.length, rows.length, seqK]}
     */
    public static Tensor probabilities(AttentionSpec spec, Forward f, int[] heads, int[] rows) {
        float[] map = new ReferencePasses(spec, Precision.FLOAT64, f.inputs(), null).probabilities(f.lse(), heads, rows);
        return Tensor.of(map, spec.batch(), heads.length, rows.length, spec.seqK());
    }
}
