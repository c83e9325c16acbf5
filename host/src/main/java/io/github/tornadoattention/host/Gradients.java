package io.github.tornadoattention.host;

/**
 * The result of a backward pass.
 *
 * @param dq gradient of q, {@code [batch, heads, seqQ, headDim]}
 * @param dk gradient of k, {@code [batch, kvHeads, seqK, headDim]}, summed over the query heads of the group
 * @param dv gradient of v, {@code [batch, kvHeads, seqK, headDim]}, summed over the query heads of the group
 * @param report what ran
 */
public record Gradients(Tensor dq, Tensor dk, Tensor dv, Report report) {}
