package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.BFloat16;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/**
 * K and V of bfloat16 for {@link TensorForward}: K as {@link TensorPack#columns}, V as float16, so that it may be multiplied with
 * a P of float16, which needs no way through local memory and has 11 bits instead of 8.
 *
 * <p>Each head of V is multiplied with a power of two of its own, as in {@link SplitScales}, which brings its largest finite
 * number to (2<sup>13</sup>, 2<sup>14</sup>]. The 8 bits of a bfloat16 fit into the 11 of a float16: numbers down to
 * 2<sup>-30</sup> of the largest one stay exactly as they are, smaller ones are off by 2<sup>-38</sup> of it at most. What is not
 * finite stays what it is.
 *
 * <p>Two launches, {@link #maxima}, then {@link #pack}. Rows at or past an entry's key length are not read, and do not count.
 */
public final class BrainPack {
    /**
     * Groups of {@link #maxima} for each head, each of which finds the maximum of a part; work-items of a group of {@link #pack}.
     */
    public static final int PIECES = 64;
    /** Work-items of a group of {@link #maxima}. */
    public static final int GROUP = 256;
    /** Numbers that a work-item of {@link #maxima} reads at a time, in longs of four. */
    public static final int LONGS = 4;
    /** The bits of infinity. */
    private static final int INFINITE = Fragments.BRAIN_EXPONENT;
    /** The bits of 2<sup>60</sup>: a sum of 128 products of smaller numbers is below the largest float32. */
    private static final int HUGE = 60 + 127 << 7;

    private BrainPack() {
    }

    /**
     * The largest finite magnitude of each piece of a head of V. One launch: {@link #PIECES} groups of {@link #GROUP} work-items
     * for each head.
     *
     * @param v       values [B, Hkv, N, D] in longs of four; strides in {@code shape}
     * @param maxima  result [B, Hkv, PIECES], the bits
     * @param scales  [2, B, Hkv]; the second half becomes 0, as {@link #pack} expects it
     * @param shape   the slots of {@link Shape}
     * @param headDim D, a multiple of 4
     */
    public static void maxima(KernelContext ctx, LongArray v, IntArray maxima, FloatArray scales, IntArray shape, int headDim) {
        int heads = shape.get(Shape.KV_HEADS);
        int perRow = headDim / 4;
        int batchHead = ctx.groupIdx / PIECES;
        int batch = batchHead / heads;
        int count = shape.get(shape.get(Shape.KEY_LENGTHS) + batch) * perRow;
        int stride = shape.get(Shape.K_ROW_STRIDE) / 4;
        int base = batch * (shape.get(Shape.K_BATCH_STRIDE) / 4) + batchHead % heads * (shape.get(Shape.K_HEAD_STRIDE) / 4);
        int[] largest = ctx.allocateIntLocalArray(GROUP);
        long[] fours = new long[LONGS];
        int item = ctx.localIdx;
        int most = 0;
        for (int n = ctx.groupIdx % PIECES * GROUP + item; n < count; n += PIECES * GROUP * LONGS) {
            for (int i = 0; i < LONGS; i++) {
                int at = TornadoMath.min(n + i * (PIECES * GROUP), count - 1); // twice the last one does not harm a maximum
                fours[i] = v.get(base + at / perRow * stride + at % perRow);
            }
            for (int i = 0; i < LONGS; i++) {
                for (int e = 0; e < 4; e++) {
                    int one = magnitude(fours[i], e);
                    most = TornadoMath.max(most, one >= INFINITE ? 0 : one);
                }
            }
        }
        largest[item] = most;
        ctx.localBarrier(); // each work-item's maximum is there
        for (int half = GROUP / 2; half > 0; half = half / 2) {
            if (item < half) {
                largest[item] = TornadoMath.max(largest[item], largest[item + half]);
            }
            ctx.localBarrier(); // those of half as many are there
        }
        if (item == 0) {
            maxima.set(ctx.groupIdx, largest[0]);
        }
        if (ctx.groupIdx % PIECES == 0 && item == 0) {
            scales.set(shape.get(Shape.BATCH) * heads + batchHead, 0f);
        }
    }

    /**
     * K and V. One launch: a work-item for each four rows and four elements, in groups of {@link #PIECES}.
     *
     * @param k       keys [B, Hkv, N, D] in longs of four
     * @param v       values [B, Hkv, N, D] in longs of four
     * @param maxima  {@link #maxima}
     * @param columns result, K as in {@link TensorPack#columns}
     * @param halves  result, V laid out as it is, float16 in longs of four; rows that do not count are not written
     * @param scales  result [2, B, Hkv]: what each head of V was multiplied with, 1 where all numbers are 0; then whether K has
     *                numbers of 2<sup>60</sup> and more, with which scores may overflow
     * @param shape   as above
     * @param headDim D, a multiple of 16
     */
    public static void pack(KernelContext ctx, LongArray k, LongArray v, IntArray maxima, LongArray columns, LongArray halves,
            FloatArray scales, IntArray shape, int headDim) {
        int perRow = headDim / 4;
        int heads = shape.get(Shape.KV_HEADS);
        int padded = (shape.get(Shape.SEQ_K) + TensorPack.ROWS - 1) / TensorPack.ROWS * TensorPack.ROWS;
        int item = ctx.localIdx;
        int c = ctx.globalIdx % perRow;
        int row = ctx.globalIdx / perRow % (padded / 4) * 4;
        int batchHead = ctx.globalIdx / perRow / (padded / 4);
        int batch = batchHead / heads;
        int end = shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
        int stride = shape.get(Shape.K_ROW_STRIDE) / 4;
        int base = batch * (shape.get(Shape.K_BATCH_STRIDE) / 4) + batchHead % heads * (shape.get(Shape.K_HEAD_STRIDE) / 4) + c;
        int[] largest = ctx.allocateIntLocalArray(PIECES);
        long[] keys = new long[4];
        long[] values = new long[4];
        for (int r = 0; r < 4; r++) {
            keys[r] = 0L;
            values[r] = 0L;
            if (row + r < end) {
                keys[r] = k.get(base + (row + r) * stride);
                values[r] = v.get(base + (row + r) * stride);
            }
        }

        largest[item] = maxima.get(batchHead * PIECES + item);
        ctx.localBarrier(); // the maxima of all pieces are there
        for (int half = PIECES / 2; half > 0; half = half / 2) {
            if (item < half) {
                largest[item] = TornadoMath.max(largest[item], largest[item + half]);
            }
            ctx.localBarrier(); // those of half as many are there
        }
        int most = largest[0];
        float scale = SplitScales.scale(BFloat16.bf16ToFloat((short) most));
        if (row == 0 && c == 0) {
            scales.set(batchHead, scale);
        }

        int largestKey = 0;
        for (int r = 0; r < 4; r++) {
            for (int e = 0; e < 4; e++) {
                largestKey = TornadoMath.max(largestKey, magnitude(keys[r], e));
            }
            keys[r] = TensorPack.notANumber(keys[r], Fragments.BRAIN_EXPONENT);
        }
        if (largestKey >= HUGE) {
            scales.set(shape.get(Shape.BATCH) * heads + batchHead, 1f); // whoever writes writes this
        }
        TensorPack.putColumns(keys, columns, batchHead * padded + row, c, headDim);

        float[] four = new float[4];
        for (int r = 0; r < 4; r++) {
            for (int e = 0; e < 4; e++) {
                short bits = (short) (values[r] >> 16 * e);
                four[e] = BFloat16.bf16ToFloat(bits) * scale;
            }
            if (row + r < end) {
                halves.set(base + (row + r) * stride, Split.four(0, four[0], four[1], four[2], four[3]));
            }
        }
    }

    /** The bits of the magnitude of one of four numbers; those of larger numbers are larger. */
    private static int magnitude(long four, int element) {
        return (int) (four >> 16 * element) & 0x7FFF;
    }

    /** 1 if one of four numbers is 2<sup>60</sup> or more, or not finite, else 0. */
    static float huge(long four) {
        int most = TornadoMath.max(TornadoMath.max(magnitude(four, 0), magnitude(four, 1)),
                TornadoMath.max(magnitude(four, 2), magnitude(four, 3)));
        return most >= HUGE ? 1f : 0f;
    }
}
