package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.BFloat16;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * What the tensor-core kernels share. A warp multiplies fragments, 16x16 by 16x8 elements, that its lanes hold in pieces. Of an
 * accumulator, lane (g, u) = (lane / 4, lane % 4) holds columns 2u and 2u + 1 of the rows g and g + 8.
 *
 * <p>TornadoVM's fragments are opaque: the one way to look at an accumulator is to store it. {@code mmaStore} addresses element
 * (row, column) of a matrix in global memory. Here it gets an array of the lane's own instead, and the lane's place in the
 * fragment subtracted beforehand, so that every lane writes the same elements of its own array; the device's compiler sees that,
 * and the store becomes a name for registers. Such an array begins with four elements that nothing uses, as long as the header
 * that {@code mmaStore} skips, and has the accumulators of eight fragments, 64 columns, in 32 elements ({@link #at}): sixteen of
 * row g, then sixteen of row g + 8.
 */
public final class Fragments {
    /** Elements before the first one in an array of accumulators. */
    static final int HEADER = 4;
    /** From an element of row g to the one below it in row g + 8. */
    static final int BELOW = 16;
    /** What {@code mmaStore} takes for the length of a row, so that row g + 8 comes {@link #BELOW} elements after row g. */
    private static final int ROW = 2;

    /** The exponent bits of a float16, and of a bfloat16. */
    public static final int HALF_EXPONENT = 0x7C00;
    public static final int BRAIN_EXPONENT = 0x7F80;

    private Fragments() {
    }

    /** Length of an array with the accumulators of this many columns. */
    static int length(int columns) {
        return HEADER + (columns + 63) / 64 * 32;
    }

    /** Where row g of fragment {@code n}, columns 8n + 2u and the next, stands in an array of accumulators. */
    static int at(int n) {
        return HEADER + n / 8 * 32 + n % 8 * 2;
    }

    /** 0, which no compiler of Java can know, but that of the device can: a bit of x that x does not have. */
    static int zero(int x, int y) {
        return x & y & ~x;
    }

    /**
     * A private array as what {@code mmaStore} takes. The condition is never true; it keeps TornadoVM from looking through to the
     * array's type.
     *
     * @param zero {@link #zero}
     * @param other any array in global memory
     */
    static FloatArray target(float[] array, FloatArray other, int zero) {
        Object target = array;
        if (zero != 0) {
            target = other;
        }
        return (FloatArray) target;
    }

    /**
     * Stores the accumulators of fragment {@code n} to a lane's own array. Once all are stored, and before any is read, the
     * kernel has to write element {@code zero} of the array: TornadoVM does not know that stores to the target changed the array,
     * and would use what it read before.
     */
    static void keep(KernelContext ctx, float[] fragment, FloatArray target, int n, int g, int u) {
        ctx.mmaStore(fragment, target, -g, n / 8 * 32 + n % 8 * 2 - 2 * u, ROW);
    }

    /**
     * Rounds a number to float16 and writes it to a lane's part of a left factor. Of its eight elements, 0 and 1 are columns 2u
     * and 2u + 1 of row g, 2 and 3 of row g + 8; 4 to 7 are the same, eight columns further. That is how accumulators of two
     * products lie, so P need not leave the lane. Below 64 elements, the tile that the operation is made for is an array as it
     * stands.
     */
    static void put(KernelContext ctx, HalfFloat[] fragment, int element, float x) {
        ctx.swizzleStoreFp16Stride32(fragment, 0, element, 16, new HalfFloat(x));
    }

    /** {@code a * b + c} in float32, the factors float16 or bfloat16. */
    static float[] multiply(KernelContext ctx, int options, HalfFloat[] a, HalfFloat[] b, float[] c) {
        float[] d;
        if ((options & Options.BRAIN) != 0) {
            d = ctx.mmaBF16(a, b, c, MMAShape.M16N8K16);
        } else {
            d = ctx.mma(a, b, c, MMAShape.M16N8K16);
        }
        return d;
    }

    /** The bits that are all set in 16-bit numbers that are not finite. */
    static int exponent(int options) {
        return (options & Options.BRAIN) != 0 ? BRAIN_EXPONENT : HALF_EXPONENT;
    }

    /**
     * Two numbers rounded to 16 bits, the first in the lower half. TornadoVM computes with the bits of a bfloat16 in 16 bits,
     * unless they become a long.
     */
    static int pair(int options, float x, float y) {
        int pair;
        if ((options & Options.BRAIN) != 0) {
            long low = BFloat16.bf16FromFloat(x);
            long high = BFloat16.bf16FromFloat(y);
            pair = (int) ((low & 0xFFFFL) + (high << 16));
        } else {
            pair = (new HalfFloat(x).getHalfFloatValue() & 0xFFFF) + (new HalfFloat(y).getHalfFloatValue() << 16);
        }
        return pair;
    }

    /** P of a visible pair: {@code exp(score - lse)}, for {@code s = scale * q . k}. */
    static float probability(int options, float s, float lse, float softcap, float slope, int query, int key, int diagonal) {
        return TornadoMath.exp(((options & (Options.SOFTCAP | Options.ALIBI)) == 0 ? s : Score.modified(options, s, softcap,
                slope, query, key, diagonal)) - lse);
    }

    /** d out / d s of a visible pair but for the scale: {@code P (dP - D)} times the derivative of what happens to scores. */
    static float gradient(int options, float s, float dp, float lse, float delta, float softcap, float slope, int query,
            int key, int diagonal) {
        return probability(options, s, lse, softcap, slope, query, key, diagonal) * (dp - delta)
                * Score.derivative(options, s, softcap);
    }

    /**
     * {@code a bᵀ} over a whole row of D = 16 chunks elements: the left factor in fragments, of which the first {@code chunks}
     * count; the right one in local memory, {@link TensorPack#columns}, from byte {@code at} on.
     */
    static float[] product(KernelContext ctx, int options, int chunks, HalfFloat[] a0, HalfFloat[] a1, HalfFloat[] a2,
            HalfFloat[] a3, HalfFloat[] a4,
            HalfFloat[] a5, HalfFloat[] a6, HalfFloat[] a7, int[] tile, int at) {
        float[] c = multiply(ctx, options, a0, ctx.mmaLoadB(tile, 16, at), ctx.mmaFragment(0f));
        if (chunks > 1) {
            c = multiply(ctx, options, a1, ctx.mmaLoadB(tile, 16, at + 256), c);
        }
        if (chunks > 2) {
            c = multiply(ctx, options, a2, ctx.mmaLoadB(tile, 16, at + 512), c);
        }
        if (chunks > 3) {
            c = multiply(ctx, options, a3, ctx.mmaLoadB(tile, 16, at + 768), c);
        }
        if (chunks > 4) {
            c = multiply(ctx, options, a4, ctx.mmaLoadB(tile, 16, at + 1024), c);
        }
        if (chunks > 5) {
            c = multiply(ctx, options, a5, ctx.mmaLoadB(tile, 16, at + 1280), c);
        }
        if (chunks > 6) {
            c = multiply(ctx, options, a6, ctx.mmaLoadB(tile, 16, at + 1536), c);
        }
        if (chunks > 7) {
            c = multiply(ctx, options, a7, ctx.mmaLoadB(tile, 16, at + 1792), c);
        }
        return c;
    }

    /**
     * Two products of whole rows, as {@link #product}, by turns: neither waits for the other's sums.
     */
    static void both(KernelContext ctx, int options, int chunks, HalfFloat[] a0, HalfFloat[] a1, HalfFloat[] a2, HalfFloat[] a3,
            HalfFloat[] a4, HalfFloat[] a5, HalfFloat[] a6, HalfFloat[] a7, HalfFloat[] b0, HalfFloat[] b1, HalfFloat[] b2,
            HalfFloat[] b3, HalfFloat[] b4, HalfFloat[] b5, HalfFloat[] b6, HalfFloat[] b7, int[] tileA, int[] tileB, int at,
            FloatArray targetA, FloatArray targetB, int n, int g, int u) {
        float[] c = multiply(ctx, options, a0, ctx.mmaLoadB(tileA, 16, at), ctx.mmaFragment(0f));
        float[] d = multiply(ctx, options, b0, ctx.mmaLoadB(tileB, 16, at), ctx.mmaFragment(0f));
        if (chunks > 1) {
            c = multiply(ctx, options, a1, ctx.mmaLoadB(tileA, 16, at + 256), c);
            d = multiply(ctx, options, b1, ctx.mmaLoadB(tileB, 16, at + 256), d);
        }
        if (chunks > 2) {
            c = multiply(ctx, options, a2, ctx.mmaLoadB(tileA, 16, at + 512), c);
            d = multiply(ctx, options, b2, ctx.mmaLoadB(tileB, 16, at + 512), d);
        }
        if (chunks > 3) {
            c = multiply(ctx, options, a3, ctx.mmaLoadB(tileA, 16, at + 768), c);
            d = multiply(ctx, options, b3, ctx.mmaLoadB(tileB, 16, at + 768), d);
        }
        if (chunks > 4) {
            c = multiply(ctx, options, a4, ctx.mmaLoadB(tileA, 16, at + 1024), c);
            d = multiply(ctx, options, b4, ctx.mmaLoadB(tileB, 16, at + 1024), d);
        }
        if (chunks > 5) {
            c = multiply(ctx, options, a5, ctx.mmaLoadB(tileA, 16, at + 1280), c);
            d = multiply(ctx, options, b5, ctx.mmaLoadB(tileB, 16, at + 1280), d);
        }
        if (chunks > 6) {
            c = multiply(ctx, options, a6, ctx.mmaLoadB(tileA, 16, at + 1536), c);
            d = multiply(ctx, options, b6, ctx.mmaLoadB(tileB, 16, at + 1536), d);
        }
        if (chunks > 7) {
            c = multiply(ctx, options, a7, ctx.mmaLoadB(tileA, 16, at + 1792), c);
            d = multiply(ctx, options, b7, ctx.mmaLoadB(tileB, 16, at + 1792), d);
        }
        keep(ctx, c, targetA, n, g, u);
        keep(ctx, d, targetB, n, g, u);
    }

    /**
     * Scores of two blocks of queries, up to 64 elements each, by eight keys: {@link Fragments#product} with each K read once.
     */
    static void products(KernelContext ctx, int options, int chunks, HalfFloat[] q0f, HalfFloat[] q1f, HalfFloat[] q2f,
            HalfFloat[] q3f, HalfFloat[] q4f, HalfFloat[] q5f, HalfFloat[] q6f, HalfFloat[] q7f, int[] tile, int at,
            FloatArray target, int c, int g, int u) {
        HalfFloat[] k0f = ctx.mmaLoadB(tile, 16, at);
        float[] above = multiply(ctx, options, q0f, k0f, ctx.mmaFragment(0f));
        float[] below = multiply(ctx, options, q4f, k0f, ctx.mmaFragment(0f));
        if (chunks > 1) {
            HalfFloat[] k1f = ctx.mmaLoadB(tile, 16, at + 256);
            above = multiply(ctx, options, q1f, k1f, above);
            below = multiply(ctx, options, q5f, k1f, below);
        }
        if (chunks > 2) {
            HalfFloat[] k2f = ctx.mmaLoadB(tile, 16, at + 512);
            above = multiply(ctx, options, q2f, k2f, above);
            below = multiply(ctx, options, q6f, k2f, below);
        }
        if (chunks > 3) {
            HalfFloat[] k3f = ctx.mmaLoadB(tile, 16, at + 768);
            above = multiply(ctx, options, q3f, k3f, above);
            below = multiply(ctx, options, q7f, k3f, below);
        }
        keep(ctx, above, target, c, g, u);
        keep(ctx, below, target, 8 + c, g, u);
    }

    /** The accumulators of fragment n, as what {@code mma} adds to. */
    static float[] accumulators(float[] acc, int n) {
        int at = at(n);
        float[] o = new float[4];
        o[0] = acc[at];
        o[1] = acc[at + 1];
        o[2] = acc[at + BELOW];
        o[3] = acc[at + BELOW + 1];
        return o;
    }

    /** The largest value among the four lanes of a row, in each of them. */
    static float rowMaximum(KernelContext ctx, float value, int lane) {
        float pairs = TornadoMath.max(value, ctx.simdShuffleDown(value, 1));
        float most = TornadoMath.max(pairs, ctx.simdShuffleDown(pairs, 2)); // of lanes with u = 0
        float result = most;
        for (int row = 0; row < 8; row++) {
            float one = ctx.simdSum(lane == 4 * row ? most : 0f);
            result = lane >> 2 == row ? one : result;
        }
        return result;
    }
}
