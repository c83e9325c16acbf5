package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.AttentionSpec;

/** Sizes of what attention takes and gives. */
final class Bytes {
    private Bytes() {}

    /** Bytes of inputs and outputs: q, k, v, out and lse; backward also dOut, dq, dk and dv. */
    static long ofTensors(AttentionSpec spec, String direction) {
        long queries = (long) spec.batch() * spec.heads() * spec.seqQ();
        long keys = (long) spec.batch() * spec.kvHeads() * spec.seqK();
        long elements = 2 * (queries + keys) * spec.headDim();
        return (direction.equals("forward") ? 1 : 2) * elements * spec.dtype().bytes() + queries * Float.BYTES;
    }
}
