package io.github.tornadoattention.host;

/** The slopes that the ALiBi paper (Press et al., 2022) gives each head: a geometric sequence that starts at its own ratio. */
final class AlibiSlopes {
    private AlibiSlopes() {}

    /**
     * The slopes of {@code heads} heads. For a power of two these are {@code r, r^2, r^3 ...} with {@code r = 2^(-8 /
     * heads)}. For any other number: the slopes of the next smaller power of two, then every second slope of the next
     * larger one.
     */
    static float[] of(int heads) {
        float[] slopes = new float[heads];
        int below = Integer.highestOneBit(heads);
        for (int h = 0; h < below; h++) {
            slopes[h] = slope(h + 1, below);
        }
        for (int h = below; h < heads; h++) {
            slopes[h] = slope(2 * (h - below) + 1, 2 * below);
        }
        return slopes;
    }

    /** 2^(-8 · nth / powerOfTwo). */
    private static float slope(int nth, int powerOfTwo) {
        return (float) Math.pow(2.0, -8.0 * nth / powerOfTwo);
    }
}
