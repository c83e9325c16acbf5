package io.github.tornadoattention.host.tornado;

import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/**
 * Room on the device for what a backward pass on tensor cores packs. The task for dK and dV reads four matrices, q and dOut each
 * by columns and by rows; the task for dQ comes after it and reads three, of k and v, which are packed into the first three of
 * these once dK and dV are there.
 *
 * <p>Tasks of a graph run one after the other, but TornadoVM orders them by what they take from whom and knows nothing of
 * readers. The task for dK and dV comes before those that overwrite what it reads because it waits for no more tasks in a row
 * than they do: those that packed. Give it nothing to read that takes longer to come about.
 *
 * @param first  longs for the larger of a matrix of queries and one of keys
 * @param second likewise
 * @param third  likewise
 * @param fourth longs for a matrix of queries
 */
record PackedBuffers(LongArray first, LongArray second, LongArray third, LongArray fourth) {
    /** Buffers for matrices of this many longs. */
    PackedBuffers(int queryLongs, int keyLongs) {
        this(shared(queryLongs, keyLongs), shared(queryLongs, keyLongs), shared(queryLongs, keyLongs), new LongArray(queryLongs));
    }

    private static LongArray shared(int queryLongs, int keyLongs) {
        return new LongArray(Math.max(queryLongs, keyLongs));
    }

    LongArray[] arrays() {
        return new LongArray[] {first, second, third, fourth};
    }

    /** Device memory of all of them. */
    static long bytes(int queryLongs, int keyLongs) {
        return Long.BYTES * (3L * Math.max(queryLongs, keyLongs) + queryLongs);
    }
}
