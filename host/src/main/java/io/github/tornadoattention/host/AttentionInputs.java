package io.github.tornadoattention.host;

/**
 * What one call works on: everything that may change from call to call without making an {@link Attention} anew.
 *
 * @param q queries, {@code [batch, heads, seqQ, headDim]}
 * @param k keys, {@code [batch, kvHeads, seqK, headDim]}
 * @param v values, {@code [batch, kvHeads, seqK, headDim]}
 * @param seed seed of the dropout; without dropout it means nothing
 * @param dropoutOffset offset of the dropout, an unsigned 32-bit number: another one for each step of a training
 */
public record AttentionInputs(Tensor q, Tensor k, Tensor v, long seed, int dropoutOffset) {
    /** Queries, keys and values alone. */
    public static AttentionInputs of(Tensor q, Tensor k, Tensor v) {
        return new AttentionInputs(q, k, v, 0, 0);
    }

    /** The same with another seed and offset of the dropout. */
    public AttentionInputs withSeed(long seed, int dropoutOffset) {
        return new AttentionInputs(q, k, v, seed, dropoutOffset);
    }

    /**
     * Checks shapes and dtypes.
     *
     * @throws IllegalArgumentException if one is another one than the spec's
     */
    void requireFit(AttentionSpec spec) {
        q.require("q", spec.qShape(), spec.dtype());
        k.require("k", spec.kvShape(), spec.dtype());
        v.require("v", spec.kvShape(), spec.dtype());
    }
}
