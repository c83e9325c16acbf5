package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.Tensor;

/** What the backward pass reads (q, k, v, dOut, lse, D) and writes (dq, dk, dv); D lies as {@code [batch * heads * seqQ]}. */
record BackwardTensors(
        Tensor q, Tensor k, Tensor v, Tensor dOut, Tensor lse, float[] delta, Tensor dq, Tensor dk, Tensor dv) {
    /** Turns the lse of queries that see nothing around, so that exp(score - lse) is 0 there and not infinity or NaN. */
    static void emptyRows(float[] lse, int count) {
        for (int r = 0; r < count; r++) {
            lse[r] = lse[r] == Float.NEGATIVE_INFINITY ? Float.POSITIVE_INFINITY : lse[r];
        }
    }
}
