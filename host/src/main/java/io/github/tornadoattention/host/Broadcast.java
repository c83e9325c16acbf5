package io.github.tornadoattention.host;

/**
 * Where a pair's element lies in an array of shape {@code [batch or 1, heads or 1, seqQ or 1, seqK or 1]}: elements from one
 * entry, head, query and key to the next, 0 along lengths of 1, whose element counts for all.
 */
public record Broadcast(int batch, int head, int query, int key) {
    /** The strides of a shape of four lengths, row-major. */
    public static Broadcast of(int... shape) {
        return new Broadcast(
                shape[0] == 1 ? 0 : shape[1] * shape[2] * shape[3],
                shape[1] == 1 ? 0 : shape[2] * shape[3],
                shape[2] == 1 ? 0 : shape[3],
                shape[3] == 1 ? 0 : 1);
    }

    /** The element of a pair. */
    public int at(int b, int h, int i, int j) {
        return b * batch + h * head + i * query + j * key;
    }
}
