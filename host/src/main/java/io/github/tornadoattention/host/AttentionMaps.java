package io.github.tornadoattention.host;

import io.github.tornadoattention.host.reference.ReferenceAttention;

/** Which query looks at which key: probabilities of chosen queries, computed again from lse. */
public final class AttentionMaps {
    private AttentionMaps() {}

    /**
     * Probabilities {@code P = exp(s - lse)} of some queries, without the matrix of all: memory is in proportion to the rows that
     * are asked for. Dropout, which comes behind the softmax, has no part in them.
     *
     * @param spec what was computed
     * @param f the forward result
     * @param heads query heads, 0 to heads - 1
     * @param rows queries, 0 to seqQ - 1
     * @return {@code [batch, heads.length, rows.length, seqK]} in float32; 0 for pairs that do not see each other
     * @throws IllegalArgumentException if there is no such head or row, or the result would have 2^31 elements or more
     */
    public static Tensor of(AttentionSpec spec, Forward f, int[] heads, int[] rows) {
        SpecChecks.require(heads.length >= 1 && rows.length >= 1, "%d heads and %d rows: there must be at least one of each",
                heads.length, rows.length);
        for (int head : heads) {
            SpecChecks.require(head >= 0 && head < spec.heads(), "head %d is outside 0..%d", head, spec.heads() - 1);
        }
        for (int row : rows) {
            SpecChecks.require(row >= 0 && row < spec.seqQ(), "row %d is outside 0..%d", row, spec.seqQ() - 1);
        }
        long elements = (long) spec.batch() * heads.length * rows.length;
        SpecChecks.require(elements <= Integer.MAX_VALUE && elements * spec.seqK() <= Integer.MAX_VALUE,
                "a map of %d heads and %d rows has 2^31 elements or more", heads.length, rows.length);
        return ReferenceAttention.probabilities(spec, f, heads.clone(), rows.clone());
    }
}
