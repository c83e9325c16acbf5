package io.github.tornadoattention.host.reference;

import io.github.tornadoattention.host.AttentionSpec;
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
        return new ReferencePasses(spec, Precision.FLOAT64, q, k, v, dOut).run();
    }

    /**
     * The same passes with every result rounded to float32: the plain standard attention whose error sets the tolerance for the
     * fast ones.
     */
    public static Exact inFloat32(AttentionSpec spec, Tensor q, Tensor k, Tensor v, @Nullable Tensor dOut) {
        return new ReferencePasses(spec, Precision.FLOAT32, q, k, v, dOut).run();
    }
}
