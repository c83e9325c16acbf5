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
     * The largest magnitude of each piece of a head. One launch: {@link #PIECES} groups of {@link #GROUP} work-items for each head.
     *
     * @param matrix  [B, H, L, D]; strides in {@code shape}
     * @param maxima  result [B, H, PIECES]
     * @param shape   the slots of {@link Shape}
     * @param headDim D
     * @param queries 1 if the matrix has the shape of q, 0 if that of k
     */
    public static void maxima(KernelContext ctx, FloatArray matrix, FloatArray maxima, IntArray shape, int headDim, int queries) {
        int heads = queries != 0 ? shape.get(Shape.HEADS) : shape.get(Shape.KV_HEADS);
        int batchHead = ctx.groupIdx / PIECES;
        int batch = batchHead / heads;
        int end = queries != 0 ? shape.get(Shape.SEQ_Q) : shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
        int stride = queries != 0 ? shape.get(Shape.Q_ROW_STRIDE) : shape.get(Shape.K_ROW_STRIDE);
        int base = queries != 0
                ? batch * shape.get(Shape.Q_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.Q_HEAD_STRIDE)
                : batch * shape.get(Shape.K_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.K_HEAD_STRIDE);
        float[] largest = ctx.allocateFloatLocalArray(GROUP);
        int item = ctx.localIdx;
        float most = 0f;
        for (int n = ctx.groupIdx % PIECES * GROUP + item; n < end * headDim; n += PIECES * GROUP) {
            float x = matrix.get(base + n / headDim * stride + n % headDim);
            most = x - x == 0f ? TornadoMath.max(most, TornadoMath.max(x, -x)) : most;
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

    /**
     * The scale of each head, 1 if all its numbers are 0. One launch: a work-item for each head; others do nothing.
     *
     * @param maxima  {@link #maxima}
     * @param scales  result [B, H]
     * @param shape   as above
     * @param queries as above
     */
    public static void scales(KernelContext ctx, FloatArray maxima, FloatArray scales, IntArray shape, int queries) {
        int heads = queries != 0 ? shape.get(Shape.HEADS) : shape.get(Shape.KV_HEADS);
        int batchHead = ctx.globalIdx;
        if (batchHead < shape.get(Shape.BATCH) * heads) {
            float most = 0f;
            for (int n = 0; n < PIECES; n++) {
                most = TornadoMath.max(most, maxima.get(batchHead * PIECES + n));
            }
            float scale = 1f;
            while (most * scale > TOP) {
                scale = scale * 0.5f;
            }
            while (most > 0f && scale < STEEPEST && most * scale <= TOP / 2) {
                scale = scale * 2f;
            }
            scales.set(batchHead, scale);
        }
    }
}
