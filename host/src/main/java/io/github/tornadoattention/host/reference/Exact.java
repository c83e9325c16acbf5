package io.github.tornadoattention.host.reference;

import org.jspecify.annotations.Nullable;

/**
 * What the reference computed, in the layouts of the tensors of the same names.
 *
 * @param out {@code [batch, heads, seqQ, headDim]}
 * @param lse {@code [batch, heads, seqQ]}, -infinity where a query sees no key
 * @param dq {@code [batch, heads, seqQ, headDim]}; null if no gradient was asked for
 * @param dk {@code [batch, kvHeads, seqK, headDim]}; null if no gradient was asked for
 * @param dv {@code [batch, kvHeads, seqK, headDim]}; null if no gradient was asked for
 * @param dBias as the bias; null without a bias or gradients
 */
public record Exact(
        double[] out, double[] lse, double @Nullable [] dq, double @Nullable [] dk, double @Nullable [] dv,
        double @Nullable [] dBias) {
    /** Without a bias. */
    public Exact(double[] out, double[] lse, double @Nullable [] dq, double @Nullable [] dk, double @Nullable [] dv) {
        this(out, lse, dq, dk, dv, null);
    }
}
