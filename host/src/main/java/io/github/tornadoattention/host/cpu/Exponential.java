package io.github.tornadoattention.host.cpu;

/**
 * exp of many floats at once, written so that the JIT compiler vectorizes the costly part.
 *
 * <p>{@code x = k · ln 2 + r} with {@code |r| <= ln(2) / 2}, so {@code exp(x) = 2^k · exp(r)}; exp(r) is the degree-7
 * polynomial of the Cephes library and {@code 2^k} comes from a table. The error stays below 2 units in the last place.
 * Results below the range of normal floats are 0, since arithmetic on subnormal numbers is slow; from 88.4 on they are
 * infinite.
 */
final class Exponential {
    /** Arguments have to be at least this; its exp is 0. */
    static final float LOWEST = -105f;

    /** Arguments have to be at most this; its exp is infinity. */
    static final float HIGHEST = 89f;

    private static final float LOG2_E = 1.44269504f;
    /** ln 2 in two parts; the first has so few bits that its product with {@code k} is exact. */
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;
    /** Adding and subtracting 1.5 · 2^23 rounds to the nearest integer. */
    private static final float ROUNDER = 12582912f;

    private static final int LOWEST_EXPONENT = -152;
    private static final float[] POWERS = new float[129 - LOWEST_EXPONENT];

    static {
        for (int n = 0; n < POWERS.length; n++) {
            int k = n + LOWEST_EXPONENT;
            POWERS[n] = k <= Float.MIN_EXPONENT ? 0f : (float) Math.pow(2.0, k);
        }
    }

    private Exponential() {}

    /**
     * {@code x[y] = exp(x[y])}; NaN stays NaN.
     *
     * @param x arguments between {@link #LOWEST} and {@link #HIGHEST}, replaced by the results
     * @param k room for as many intermediate numbers
     */
    static void of(float[] x, float[] k, int from, int to) {
        for (int y = from; y < to; y++) {
            float rounded = (x[y] * LOG2_E + ROUNDER) - ROUNDER;
            float r = (x[y] - rounded * LN2_HIGH) - rounded * LN2_LOW;
            float p = 1.9875691500e-4f;
            p = p * r + 1.3981999507e-3f;
            p = p * r + 8.3334519073e-3f;
            p = p * r + 4.1665795894e-2f;
            p = p * r + 1.6666665459e-1f;
            p = p * r + 5.0000001201e-1f;
            x[y] = (p * (r * r) + r) + 1f;
            k[y] = rounded;
        }
        for (int y = from; y < to; y++) {
            x[y] *= POWERS[(int) k[y] - LOWEST_EXPONENT];
        }
    }
}
