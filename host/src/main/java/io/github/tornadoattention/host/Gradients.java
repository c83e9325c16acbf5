package io.github.tornadoattention.host;

import org.jspecify.annotations.Nullable;

/**
 * The result of a backward pass.
 *
 * @param dq gradient of q, {@code [batch, heads, seqQ, headDim]}
 * @param dk gradient of k, {@code [batch, kvHeads, seqK, headDim]}, summed over the query heads of the group
 * @param dv gradient of v, {@code [batch, kvHeads, seqK, headDim]}, summed over the query heads of the group
 * @param dBias gradient of the bias, float32, shaped as it: summed over what shares an element; null without a bias
 * @param report what ran
 */
public record Gradients(Tensor dq, Tensor dk, Tensor dv, @Nullable Tensor dBias, Report report) {
    /** Gradients without a bias. */
    public Gradients(Tensor dq, Tensor dk, Tensor dv, Report report) {
        this(dq, dk, dv, null, report);
    }
}
