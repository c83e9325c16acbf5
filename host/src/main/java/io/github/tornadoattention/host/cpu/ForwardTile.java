package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.Tensor;

/** The forward pass of one tile of queries, with one worker's memory. */
interface ForwardTile {
    /** Writes out and lse of queries {@code i0 <= i < i1} of entry {@code b}, head {@code h}. */
    void run(Tensor q, Tensor k, Tensor v, Tensor out, Tensor lse, int b, int h, int i0, int i1);

    /** Bytes of memory that it holds. */
    long bytes();
}
