package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.WIDTH;

import io.github.tornadoattention.host.AttentionSpec;

/**
 * The mask and the bias of a call, pair by pair: adds the bias to scores and puts a given number in place of hidden ones, those
 * with a bias of negative infinity included.
 */
final class PairTables {
    /** What hidden scores become where exp takes no infinities; its exp may be 1, so that probabilities are hidden again. */
    static final float FINITE = -Float.MAX_VALUE;

    private final boolean active;
    private final Call call;

    PairTables(AttentionSpec spec, Call call) {
        this.active = spec.maskShape() != null || spec.biasShape() != null;
        this.call = call;
    }

    /** Whether there is anything to do. */
    boolean active() {
        return active;
    }

    /** {@code s[y]} is the score of query {@code i} and key {@code firstKey + y}. */
    void alongKeys(float[] s, int b, int h, int i, int firstKey, int from, int to, float hidden) {
        for (int y = from; y < to; y++) {
            s[y] = score(s[y], b, h, i, firstKey + y, hidden);
        }
    }

    /** {@code s[y]} is the score of query {@code firstQuery + y} and key {@code j}. */
    void alongQueries(float[] s, int b, int h, int firstQuery, int j, int from, int to, float hidden) {
        for (int y = from; y < to; y++) {
            s[y] = score(s[y], b, h, firstQuery + y, j, hidden);
        }
    }

    /** Zeros in place of the probabilities of hidden pairs. */
    void hideAlongKeys(float[] p, int b, int h, int i, int firstKey, int from, int to) {
        for (int y = from; y < to; y++) {
            p[y] = call.hides(b, h, i, firstKey + y) ? 0f : p[y];
        }
    }

    /** Zeros in place of the probabilities of hidden pairs. */
    void hideAlongQueries(float[] p, int b, int h, int firstQuery, int j, int from, int to) {
        for (int y = from; y < to; y++) {
            p[y] = call.hides(b, h, firstQuery + y, j) ? 0f : p[y];
        }
    }

    /**
     * A panel of scores, one key a row from {@code firstKey} on, one query a lane from {@code firstQuery} on; hidden ones become
     * negative infinity.
     */
    void panelOfQueries(float[] a, int s, int rows, int b, int h, int firstKey, int firstQuery, int lanes) {
        for (int y = 0; y < lanes; y++) {
            for (int x = 0; x < rows; x++) {
                int at = s + x * WIDTH + y;
                a[at] = score(a[at], b, h, firstQuery + y, firstKey + x, Float.NEGATIVE_INFINITY);
            }
        }
    }

    /**
     * A panel of scores, one query a row from {@code firstQuery} on, one key a lane from {@code firstKey} on; hidden ones become
     * negative infinity.
     */
    void panelOfKeys(float[] a, int s, int rows, int b, int h, int firstQuery, int firstKey, int lanes) {
        for (int x = 0; x < rows; x++) {
            for (int y = 0; y < lanes; y++) {
                int at = s + x * WIDTH + y;
                a[at] = score(a[at], b, h, firstQuery + x, firstKey + y, Float.NEGATIVE_INFINITY);
            }
        }
    }

    /** A visible score that is not finite becomes NaN. */
    private float score(float s, int b, int h, int i, int j, float hidden) {
        if (call.hides(b, h, i, j)) {
            return hidden;
        }
        float biased = s + call.bias(b, h, i, j);
        return biased + 0f * biased;
    }
}
