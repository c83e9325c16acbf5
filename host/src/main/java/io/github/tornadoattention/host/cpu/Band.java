package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;

/**
 * Causal and window seen from either side: the band of the score matrix along the diagonal that is visible. Query
 * {@code i} sees keys {@code firstKey(i) <= j < endKey(i)}, key {@code j} is seen by queries {@code firstQuery(j) <= i
 * < endQuery(j)}, both before sequence ends, key lengths and block masks cut them shorter.
 *
 * @param diagonal the key that lines up with query 0
 * @param left keys seen left of the diagonal
 * @param right keys seen right of the diagonal
 */
record Band(int diagonal, int left, int right) {
    static Band of(AttentionSpec spec) {
        return new Band(spec.diagonal(), spec.leftBound(), spec.rightBound());
    }

    private boolean boundedLeft() {
        return left < AttentionSpec.UNBOUNDED;
    }

    private boolean boundedRight() {
        return right < AttentionSpec.UNBOUNDED;
    }

    private static int clamp(long value, int low, int high) {
        return (int) Math.max(low, Math.min(high, value));
    }

    /** The first key that query {@code i} sees, clamped to {@code low..high}. */
    int firstKey(int i, int low, int high) {
        return boundedLeft() ? clamp((long) i + diagonal - left, low, high) : low;
    }

    /** One past the last key that query {@code i} sees, clamped to {@code low..high}. */
    int endKey(int i, int low, int high) {
        return boundedRight() ? clamp((long) i + diagonal + right + 1, low, high) : high;
    }

    /** The first query that sees key {@code j}, clamped to {@code low..high}. */
    int firstQuery(int j, int low, int high) {
        return boundedRight() ? clamp((long) j - diagonal - right, low, high) : low;
    }

    /** One past the last query that sees key {@code j}, clamped to {@code low..high}. */
    int endQuery(int j, int low, int high) {
        return boundedLeft() ? clamp((long) j - diagonal + left + 1, low, high) : high;
    }
}
