package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.vectors.Half2;

/**
 * A float32 as two float16, {@code scale x = hi + lo / 2048} with {@code hi = half(scale x)} and {@code lo = half(2048 (scale x -
 * hi))}. The scale is a power of two for each head ({@link SplitScales}) that brings its largest number to 2<sup>14</sup>, so
 * numbers down to 2<sup>-28</sup> of that have 22 bits, and smaller ones are off by 2<sup>-50</sup> of it at most.
 *
 * <p>A product is {@code hi hi' + (hi lo' + lo hi') / 2048}; what is left out, {@code lo lo'}, is below 2<sup>-22</sup> of it.
 * The cores multiply float16 exactly. They cut off what they add, though, instead of rounding it, so only few sums may depend on
 * each other: the large products have an accumulator of their own, one that starts at 0 every few steps.
 */
final class Split {
    static final int PARTS = 2;
    /** By how much the second part is larger than it counts, so that it seldom is a subnormal number. */
    static final float LIFT = 2048f;

    private Split() {
    }

    /** The first part of a scaled number. TornadoVM cannot compile {@code new HalfFloat(x).getFloat32()}. */
    static float high(float x) {
        return Half2.lowFloat(Half2.fromFloats(x, 0f));
    }

    /** A scaled number that rounded to float16 is one of the parts. Of what is not finite, one part is NaN. */
    static float part(int part, float x) {
        return part == 0 ? x : (x - high(x)) * LIFT;
    }

    /** Four scaled numbers' parts in a long, the first in the lowest bits. */
    static long four(int part, float x, float y, float z, float w) {
        long low = pair(part(part, x), part(part, y));
        long high = pair(part(part, z), part(part, w));
        return (low & 0xFFFFFFFFL) + (high << 32);
    }

    /** Two numbers rounded to float16, the first in the lower half. */
    static int pair(float x, float y) {
        return Fragments.pair(0, x, y);
    }

    /** {@code a * b + c}, the large products. */
    static float[] large(KernelContext ctx, HalfFloat[] a0, HalfFloat[] b0, float[] c) {
        return ctx.mma(a0, b0, c, MMAShape.M16N8K16);
    }

    /** {@code 2048 a * b + c}, the small products. */
    static float[] small(KernelContext ctx, HalfFloat[] a0, HalfFloat[] a1, HalfFloat[] b0, HalfFloat[] b1, float[] c) {
        return ctx.mma(a1, b0, ctx.mma(a0, b1, c, MMAShape.M16N8K16), MMAShape.M16N8K16);
    }

    /** The same without {@code a1 b0}, if that is summed apart. */
    private static float[] small(KernelContext ctx, int apart, HalfFloat[] a0, HalfFloat[] a1, HalfFloat[] b0, HalfFloat[] b1,
            float[] c) {
        return apart != 0 ? ctx.mma(a0, b1, c, MMAShape.M16N8K16) : small(ctx, a0, a1, b0, b1, c);
    }

    /** {@code a1 b0 + c}, if that is summed apart. */
    private static float[] other(KernelContext ctx, int apart, HalfFloat[] a1, HalfFloat[] b0, float[] c) {
        return apart != 0 ? ctx.mma(a1, b0, c, MMAShape.M16N8K16) : c;
    }

    /** The sum of the small products: x, and y if some were summed apart. */
    static float small(int apart, float x, float y) {
        return apart != 0 ? x + y : x;
    }

    /**
     * {@code a b} over 16 or 32 rows of b, in two sums, the large products and the small ones, kept as fragment {@code n} of
     * either target. The left factor is in fragments, of which the first {@code chunks} of each part count; the right one in
     * local memory, {@link SplitPack#rows}, from byte {@code at} on, its parts {@code part} bytes apart.
     */
    static void product(KernelContext ctx, int chunks, HalfFloat[] a00, HalfFloat[] a01, HalfFloat[] a10, HalfFloat[] a11,
            int[] tile, int at, int part, FloatArray large, FloatArray small, int n, int g, int u) {
        HalfFloat[] b00 = ctx.mmaLoadB(tile, 16, at);
        HalfFloat[] b01 = ctx.mmaLoadB(tile, 16, at + part);
        float[] sum = large(ctx, a00, b00, ctx.mmaFragment(0f));
        float[] rest = small(ctx, a00, a01, b00, b01, ctx.mmaFragment(0f));
        if (chunks > 1) {
            HalfFloat[] b10 = ctx.mmaLoadB(tile, 16, at + 2 * part);
            HalfFloat[] b11 = ctx.mmaLoadB(tile, 16, at + 3 * part);
            sum = large(ctx, a10, b10, sum);
            rest = small(ctx, a10, a11, b10, b11, rest);
        }
        Fragments.keep(ctx, sum, large, n, g, u);
        Fragments.keep(ctx, rest, small, n, g, u);
    }

    /**
     * {@code a bᵀ} over a whole row of D = 16 chunks elements, in two sums likewise. The left factor is in fragments, chunk after
     * chunk; the right one in local memory, {@link SplitPack#columns}, from byte {@code at} on.
     *
     * <p>Each product waits for the sum that it adds to. Of long rows, the small ones, which are twice as many, may be summed in
     * two: {@code apart} is how many fragments after {@code n} the second sum is kept in {@code small}, or 0 for one sum.
     */
    static void product(KernelContext ctx, int chunks, HalfFloat[] a00, HalfFloat[] a01, HalfFloat[] a10, HalfFloat[] a11,
            HalfFloat[] a20, HalfFloat[] a21, HalfFloat[] a30, HalfFloat[] a31, HalfFloat[] a40, HalfFloat[] a41,
            HalfFloat[] a50, HalfFloat[] a51, HalfFloat[] a60, HalfFloat[] a61, HalfFloat[] a70, HalfFloat[] a71,
            int[] tile, int at, FloatArray large, FloatArray small, int n, int apart, int g, int u) {
        int part = chunks * 256;
        HalfFloat[] b00 = ctx.mmaLoadB(tile, 16, at);
        HalfFloat[] b01 = ctx.mmaLoadB(tile, 16, at + part);
        float[] sum = large(ctx, a00, b00, ctx.mmaFragment(0f));
        float[] rest = small(ctx, apart, a00, a01, b00, b01, ctx.mmaFragment(0f));
        float[] other = other(ctx, apart, a01, b00, ctx.mmaFragment(0f));
        if (chunks > 1) {
            HalfFloat[] b10 = ctx.mmaLoadB(tile, 16, at + 256);
            HalfFloat[] b11 = ctx.mmaLoadB(tile, 16, at + part + 256);
            sum = large(ctx, a10, b10, sum);
            rest = small(ctx, apart, a10, a11, b10, b11, rest);
            other = other(ctx, apart, a11, b10, other);
        }
        if (chunks > 2) {
            HalfFloat[] b20 = ctx.mmaLoadB(tile, 16, at + 512);
            HalfFloat[] b21 = ctx.mmaLoadB(tile, 16, at + part + 512);
            sum = large(ctx, a20, b20, sum);
            rest = small(ctx, apart, a20, a21, b20, b21, rest);
            other = other(ctx, apart, a21, b20, other);
        }
        if (chunks > 3) {
            HalfFloat[] b30 = ctx.mmaLoadB(tile, 16, at + 768);
            HalfFloat[] b31 = ctx.mmaLoadB(tile, 16, at + part + 768);
            sum = large(ctx, a30, b30, sum);
            rest = small(ctx, apart, a30, a31, b30, b31, rest);
            other = other(ctx, apart, a31, b30, other);
        }
        if (chunks > 4) {
            HalfFloat[] b40 = ctx.mmaLoadB(tile, 16, at + 1024);
            HalfFloat[] b41 = ctx.mmaLoadB(tile, 16, at + part + 1024);
            sum = large(ctx, a40, b40, sum);
            rest = small(ctx, apart, a40, a41, b40, b41, rest);
            other = other(ctx, apart, a41, b40, other);
        }
        if (chunks > 5) {
            HalfFloat[] b50 = ctx.mmaLoadB(tile, 16, at + 1280);
            HalfFloat[] b51 = ctx.mmaLoadB(tile, 16, at + part + 1280);
            sum = large(ctx, a50, b50, sum);
            rest = small(ctx, apart, a50, a51, b50, b51, rest);
            other = other(ctx, apart, a51, b50, other);
        }
        if (chunks > 6) {
            HalfFloat[] b60 = ctx.mmaLoadB(tile, 16, at + 1536);
            HalfFloat[] b61 = ctx.mmaLoadB(tile, 16, at + part + 1536);
            sum = large(ctx, a60, b60, sum);
            rest = small(ctx, apart, a60, a61, b60, b61, rest);
            other = other(ctx, apart, a61, b60, other);
        }
        if (chunks > 7) {
            HalfFloat[] b70 = ctx.mmaLoadB(tile, 16, at + 1792);
            HalfFloat[] b71 = ctx.mmaLoadB(tile, 16, at + part + 1792);
            sum = large(ctx, a70, b70, sum);
            rest = small(ctx, apart, a70, a71, b70, b71, rest);
            other = other(ctx, apart, a71, b70, other);
        }
        Fragments.keep(ctx, sum, large, n, g, u);
        Fragments.keep(ctx, rest, small, n, g, u);
        if (apart != 0) {
            Fragments.keep(ctx, other, small, n + apart, g, u);
        }
    }
}
