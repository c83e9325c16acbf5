package io.github.tornadoattention.host;

import org.jspecify.annotations.Nullable;

/**
 * The result of a forward pass, with its inputs: all that the backward pass needs.
 *
 * @param inputs what it was computed from
 * @param out softmax(scores) V, {@code [batch, heads, seqQ, headDim]}; 0 where a query sees no key
 * @param lse natural logarithm of the sum of exp of the scores, {@code [batch, heads, seqQ]}; -infinity where a query sees no key
 * @param report what ran
 * @param spec what was computed; null if this was put together by hand, and then only shapes can be checked
 */
public record Forward(AttentionInputs inputs, Tensor out, Tensor lse, Report report, @Nullable AttentionSpec spec) {
    /** A result that does not know its spec yet: what backends return; {@link Attention} adds the spec. */
    public Forward(AttentionInputs inputs, Tensor out, Tensor lse, Report report) {
        this(inputs, out, lse, report, null);
    }

    /** Likewise, of queries, keys and values alone. */
    public Forward(Tensor q, Tensor k, Tensor v, Tensor out, Tensor lse, Report report) {
        this(AttentionInputs.of(q, k, v), out, lse, report);
    }

    /** Queries, {@code [batch, heads, seqQ, headDim]}. */
    public Tensor q() {
        return inputs.q();
    }

    /** Keys, {@code [batch, kvHeads, seqK, headDim]}. */
    public Tensor k() {
        return inputs.k();
    }

    /** Values, {@code [batch, kvHeads, seqK, headDim]}. */
    public Tensor v() {
        return inputs.v();
    }

    /** The same result, marked as computed by this spec. */
    Forward by(AttentionSpec spec) {
        return new Forward(inputs, out, lse, report, spec);
    }
}
