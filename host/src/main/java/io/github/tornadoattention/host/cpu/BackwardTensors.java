package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.Tensor;

/** What the backward pass reads (q, k, v, dOut, lse, D) and writes (dq, dk, dv); D lies as {@code [batch * heads * seqQ]}. */
record BackwardTensors(
        Tensor q, Tensor k, Tensor v, Tensor dOut, Tensor lse, float[] delta, Tensor dq, Tensor dk, Tensor dv) {}
