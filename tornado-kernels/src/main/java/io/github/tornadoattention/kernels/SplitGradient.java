package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;

/**
 * How the factors that the backward pass makes itself, P and dS, are scaled before they are split ({@link Split}), and how the
 * scales are taken back. P is at most 1. Of dS a bound is known: {@code |dP - D| <= 2 headDim max|dO| max|V|}, and scaled numbers
 * are at most 2<sup>14</sup>; so with the scales of dO and V, which their product has already, a power of two that follows from
 * the head dim alone brings every dS below 2<sup>15</sup>. Most are far below: the second part keeps their bits.
 */
final class SplitGradient {
    /** What P is scaled with. */
    static final float TOP = 0x1p14f;

    private SplitGradient() {
    }

    /** What dS is scaled with besides the scales of dO and V: {@code 2^-14} and the head dim, rounded up to a power of two. */
    static float shrink(int headDim) {
        return headDim > 64 ? 0x1p-21f : headDim > 32 ? 0x1p-20f : headDim > 16 ? 0x1p-19f : 0x1p-18f;
    }

    /** {@link Fragments#probability} without what rounding of large scores puts above 1; NaN stays. */
    static float probability(int options, float s, float lse, float softcap, float slope, int query, int key, int diagonal) {
        float p = Fragments.probability(options, s, lse, softcap, slope, query, key, diagonal);
        return p > 1f ? 1f : p;
    }

    /** D times the scales of dO and V, the smaller one first: the product of both may be too large. */
    static float scaled(float delta, float scaleD, float scaleV) {
        return delta * TornadoMath.min(scaleD, scaleV) * TornadoMath.max(scaleD, scaleV);
    }

    /** The smallest of three positive numbers times the largest: seldom too small or large. {@link #middle} is the rest. */
    static float extremes(float a, float b, float c) {
        return TornadoMath.min(a, TornadoMath.min(b, c)) * TornadoMath.max(a, TornadoMath.max(b, c));
    }

    /** The number in the middle. */
    static float middle(float a, float b, float c) {
        return TornadoMath.max(TornadoMath.min(a, b), TornadoMath.min(TornadoMath.max(a, b), c));
    }
}
