package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.BFloat16;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * A float32 as the sum of three bfloat16, which have its range and together its 24 bits: {@code x0 = bf16(x)}, {@code x1 = bf16(x
 * - x0)} and
 * {@code x2 = bf16(x - x0 - x1)}. A product of two such sums is that of the parts whose indices sum to at most 2; the other three
 * are below 2<sup>-24</sup> of
 * it. The cores multiply bfloat16 exactly. They cut off what they add, though, instead of rounding it, so only few sums may
 * depend on each other: the large
 * products, {@code x0 y0}, get an accumulator without the small ones, or one that starts at 0 every few steps.
 */
final class Split {
    static final int PARTS = 3;

    private Split() {
    }

    /**
     * A number without its parts before {@code part}, which rounded to bfloat16 is that part. What rounds to infinity is cut off
     * instead; infinities, and NaN,
     * become a NaN in one of the parts.
     */
    static float part(int part, float x) {
        float first = TornadoMath.min(TornadoMath.max(x, -BFloat16.BF16_MAX), BFloat16.BF16_MAX);
        float rest = part == 0 ? first : x - rounded(first);
        return part == 2 ? rest - rounded(rest) : rest;
    }

    /** Four numbers' parts in a long, the first in the lowest bits. */
    static long four(int part, float x, float y, float z, float w) {
        long low = pair(part(part, x), part(part, y));
        long high = pair(part(part, z), part(part, w));
        return (low & 0xFFFFFFFFL) + (high << 32);
    }

    /** Two numbers rounded to bfloat16, the first in the lower half. */
    static int pair(float x, float y) {
        return Fragments.pair(Options.BRAIN, x, y);
    }

    /** The nearest bfloat16. */
    static float rounded(float x) {
        return BFloat16.bf16ToFloat(BFloat16.bf16FromFloat(x));
    }

    /** {@code a * b + c} but for the product of the first parts. */
    static float[] small(KernelContext ctx, HalfFloat[] a0, HalfFloat[] a1, HalfFloat[] a2, HalfFloat[] b0, HalfFloat[] b1,
            HalfFloat[] b2, float[] c) {
        float[] sum = ctx.mmaBF16(a2, b0, c, MMAShape.M16N8K16);
        sum = ctx.mmaBF16(a1, b1, sum, MMAShape.M16N8K16);
        sum = ctx.mmaBF16(a0, b2, sum, MMAShape.M16N8K16);
        sum = ctx.mmaBF16(a1, b0, sum, MMAShape.M16N8K16);
        return ctx.mmaBF16(a0, b1, sum, MMAShape.M16N8K16);
    }

    /**
     * {@code a * b}, the right factor in local memory, {@link SplitPack#rows}, from byte {@code at} on; its parts are {@code
     * step} bytes apart.
     */
    static float[] product(KernelContext ctx, HalfFloat[] a0, HalfFloat[] a1, HalfFloat[] a2, int[] tile, int at, int step) {
        HalfFloat[] b0 = ctx.mmaLoadB(tile, 16, at);
        HalfFloat[] b1 = ctx.mmaLoadB(tile, 16, at + step);
        HalfFloat[] b2 = ctx.mmaLoadB(tile, 16, at + 2 * step);
        return ctx.mmaBF16(a0, b0, small(ctx, a0, a1, a2, b0, b1, b2, ctx.mmaFragment(0f)), MMAShape.M16N8K16);
    }

    /**
     * {@code a bᵀ} over a whole row of D = 16 chunks elements, in two sums, the large products and the small ones, kept as
     * fragment {@code n} of either target.
     * The left factor is in fragments, of which the first {@code chunks} of each part count, chunk after chunk; the right one in
     * local memory,
     * {@link SplitPack#columns}, from byte {@code at} on.
     */
    static void product(KernelContext ctx, int chunks,
            HalfFloat[] a00, HalfFloat[] a01, HalfFloat[] a02, HalfFloat[] a10, HalfFloat[] a11, HalfFloat[] a12,
            HalfFloat[] a20, HalfFloat[] a21, HalfFloat[] a22, HalfFloat[] a30, HalfFloat[] a31, HalfFloat[] a32,
            HalfFloat[] a40, HalfFloat[] a41, HalfFloat[] a42, HalfFloat[] a50, HalfFloat[] a51, HalfFloat[] a52,
            HalfFloat[] a60, HalfFloat[] a61, HalfFloat[] a62, HalfFloat[] a70, HalfFloat[] a71, HalfFloat[] a72,
            int[] tile, int at, FloatArray large, FloatArray small, int n, int g, int u) {
        int step = chunks * 256;
        float[] sum = ctx.mmaFragment(0f);
        float[] rest = ctx.mmaFragment(0f);
        HalfFloat[] b00 = ctx.mmaLoadB(tile, 16, at);
        HalfFloat[] b01 = ctx.mmaLoadB(tile, 16, at + step);
        HalfFloat[] b02 = ctx.mmaLoadB(tile, 16, at + 2 * step);
        sum = ctx.mmaBF16(a00, b00, sum, MMAShape.M16N8K16);
        rest = small(ctx, a00, a01, a02, b00, b01, b02, rest);
        if (chunks > 1) {
            HalfFloat[] b10 = ctx.mmaLoadB(tile, 16, at + 256);
            HalfFloat[] b11 = ctx.mmaLoadB(tile, 16, at + step + 256);
            HalfFloat[] b12 = ctx.mmaLoadB(tile, 16, at + 2 * step + 256);
            sum = ctx.mmaBF16(a10, b10, sum, MMAShape.M16N8K16);
            rest = small(ctx, a10, a11, a12, b10, b11, b12, rest);
        }
        if (chunks > 2) {
            HalfFloat[] b20 = ctx.mmaLoadB(tile, 16, at + 512);
            HalfFloat[] b21 = ctx.mmaLoadB(tile, 16, at + step + 512);
            HalfFloat[] b22 = ctx.mmaLoadB(tile, 16, at + 2 * step + 512);
            sum = ctx.mmaBF16(a20, b20, sum, MMAShape.M16N8K16);
            rest = small(ctx, a20, a21, a22, b20, b21, b22, rest);
        }
        if (chunks > 3) {
            HalfFloat[] b30 = ctx.mmaLoadB(tile, 16, at + 768);
            HalfFloat[] b31 = ctx.mmaLoadB(tile, 16, at + step + 768);
            HalfFloat[] b32 = ctx.mmaLoadB(tile, 16, at + 2 * step + 768);
            sum = ctx.mmaBF16(a30, b30, sum, MMAShape.M16N8K16);
            rest = small(ctx, a30, a31, a32, b30, b31, b32, rest);
        }
        if (chunks > 4) {
            HalfFloat[] b40 = ctx.mmaLoadB(tile, 16, at + 1024);
            HalfFloat[] b41 = ctx.mmaLoadB(tile, 16, at + step + 1024);
            HalfFloat[] b42 = ctx.mmaLoadB(tile, 16, at + 2 * step + 1024);
            sum = ctx.mmaBF16(a40, b40, sum, MMAShape.M16N8K16);
            rest = small(ctx, a40, a41, a42, b40, b41, b42, rest);
        }
        if (chunks > 5) {
            HalfFloat[] b50 = ctx.mmaLoadB(tile, 16, at + 1280);
            HalfFloat[] b51 = ctx.mmaLoadB(tile, 16, at + step + 1280);
            HalfFloat[] b52 = ctx.mmaLoadB(tile, 16, at + 2 * step + 1280);
            sum = ctx.mmaBF16(a50, b50, sum, MMAShape.M16N8K16);
            rest = small(ctx, a50, a51, a52, b50, b51, b52, rest);
        }
        if (chunks > 6) {
            HalfFloat[] b60 = ctx.mmaLoadB(tile, 16, at + 1536);
            HalfFloat[] b61 = ctx.mmaLoadB(tile, 16, at + step + 1536);
            HalfFloat[] b62 = ctx.mmaLoadB(tile, 16, at + 2 * step + 1536);
            sum = ctx.mmaBF16(a60, b60, sum, MMAShape.M16N8K16);
            rest = small(ctx, a60, a61, a62, b60, b61, b62, rest);
        }
        if (chunks > 7) {
            HalfFloat[] b70 = ctx.mmaLoadB(tile, 16, at + 1792);
            HalfFloat[] b71 = ctx.mmaLoadB(tile, 16, at + step + 1792);
            HalfFloat[] b72 = ctx.mmaLoadB(tile, 16, at + 2 * step + 1792);
            sum = ctx.mmaBF16(a70, b70, sum, MMAShape.M16N8K16);
            rest = small(ctx, a70, a71, a72, b70, b71, b72, rest);
        }
        Fragments.keep(ctx, sum, large, n, g, u);
        Fragments.keep(ctx, rest, small, n, g, u);
    }
}
