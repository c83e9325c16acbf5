package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The powers of two that {@link Split} multiplies the numbers of a head with, so that the largest one that is finite comes to lie
 * in (2<sup>13</sup>, 2<sup>14</sup>]: float16 ends at 65504. Rows that do not exist, or lie at or past an entry's key length, do
 * not count. Two launches: {@link #maxima}, then {@link #scales}.
 */
public final class SplitScales {
    /** Groups for each head, each of which finds the maximum of a part. */
    public static final int PIECES = 64;
    /** Work-items of a group. */
    public static final int GROUP = 256;
    /** What the largest number of a head becomes at most. */
    private static final float TOP = 0x1p14f;
    /** Scales end here, lest their inverses become subnormal; then the numbers are not far from that themselves. */
    private static final float STEEPEST = 0x1p126f;

    private SplitScales() {
    }

    /**
     * The largest magnitude of each piece of each head. One launch: {@link #PIECES} groups of {@link #GROUP} work-items for each
     * head.
     *
     * @param q       [B, H, N, D]; strides in {@code shape}
     * @param dOut    laid out as q; read if {@code queries} is 2
     * @param k       [B, Hkv, M, D]
     * @param v       laid out as k
     * @param maxima  result [heads, PIECES]: the heads of q, of dOut if it counts, of k, and of v
     * @param shape   the slots of {@link Shape}
     * @param headDim D
     * @param queries matrices of q's shape, 1 or 2
     */
    public static void maxima(KernelContext ctx, FloatArray q, FloatArray dOut, FloatArray k, FloatArray v, FloatArray maxima,
            IntArray shape, int headDim, int queries) {
        int ofQueries = shape.get(Shape.BATCH) * shape.get(Shape.HEADS);
        int number = ctx.groupIdx / PIECES;
        int keys = number < queries * ofQueries ? 0 : 1;
        int heads = keys != 0 ? shape.get(Shape.KV_HEADS) : shape.get(Shape.HEADS);
        int of = number - keys * queries * ofQueries;
        int second = of / (shape.get(Shape.BATCH) * heads);
        int batchHead = of % (shape.get(Shape.BATCH) * heads);
        int batch = batchHead / heads;
        int end = keys == 0 ? shape.get(Shape.SEQ_Q) : shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
        int stride = keys == 0 ? shape.get(Shape.Q_ROW_STRIDE) : shape.get(Shape.K_ROW_STRIDE);
        int base = keys == 0
                ? batch * shape.get(Shape.Q_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.Q_HEAD_STRIDE)
                : batch * shape.get(Shape.K_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.K_HEAD_STRIDE);
        float[] largest = ctx.allocateFloatLocalArray(GROUP);
        int item = ctx.localIdx;
        int first = ctx.groupIdx % PIECES * GROUP + item;
        float most = 0f;
        if (keys == 0) {
            if (queries == 2 && second != 0) {
                most = largest(dOut, base, stride, headDim, first, end);
            } else {
                most = largest(q, base, stride, headDim, first, end);
            }
        } else {
            if (second != 0) {
                most = largest(v, base, stride, headDim, first, end);
            } else {
                most = largest(k, base, stride, headDim, first, end);
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
    }

    /** The largest magnitude that is finite, of every {@code PIECES * GROUP}th element from {@code first} on. */
    private static float largest(FloatArray matrix, int base, int stride, int headDim, int first, int end) {
        float most = 0f;
        for (int n = first; n < end * headDim; n += PIECES * GROUP) {
            float x = matrix.get(base + n / headDim * stride + n % headDim);
            most = x - x == 0f ? TornadoMath.max(most, TornadoMath.max(x, -x)) : most;
        }
        return most;
    }

    /**
     * The scale of each head, 1 if all its numbers are 0. One launch: a work-item for each head of each matrix; others do nothing.
     *
     * @param maxima     {@link #maxima}
     * @param scalesQ    result [B, H]
     * @param scalesDOut result [B, H]; written if {@code queries} is 2
     * @param scalesK    result [B, Hkv]
     * @param scalesV    result [B, Hkv]
     * @param shape      as above
     * @param queries    as above
     */
    public static void scales(KernelContext ctx, FloatArray maxima, FloatArray scalesQ, FloatArray scalesDOut, FloatArray scalesK,
            FloatArray scalesV, IntArray shape, int queries) {
        int ofQueries = shape.get(Shape.BATCH) * shape.get(Shape.HEADS);
        int ofKeys = shape.get(Shape.BATCH) * shape.get(Shape.KV_HEADS);
        int number = ctx.globalIdx;
        if (number < queries * ofQueries + 2 * ofKeys) {
            float most = 0f;
            for (int n = 0; n < PIECES; n++) {
                most = TornadoMath.max(most, maxima.get(number * PIECES + n));
            }
            float scale = 1f;
            while (most * scale > TOP) {
                scale = scale * 0.5f;
            }
            while (most > 0f && scale < STEEPEST && most * scale <= TOP / 2) {
                scale = scale * 2f;
            }
            int key = number - queries * ofQueries;
            if (number < ofQueries) {
                scalesQ.set(number, scale);
            } else if (key < 0) {
                scalesDOut.set(number - ofQueries, scale);
            } else if (key < ofKeys) {
                scalesK.set(key, scale);
            } else {
                scalesV.set(key - ofKeys, scale);
            }
        }
    }
}
