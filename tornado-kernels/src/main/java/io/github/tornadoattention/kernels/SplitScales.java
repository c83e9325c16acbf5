package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The powers of two that {@link Split} multiplies the numbers of a head with, so that the largest one that is finite comes to lie
 * in (2<sup>13</sup>, 2<sup>14</sup>]: float16 ends at 65504. Rows that do not exist, or lie at or past an entry's key length, do
 * not count. Two launches for all matrices: {@link #ofForward} or {@link #ofBackward}, then {@link #scales}.
 *
 * <p>The heads of all matrices stand behind one another in one array: those of q, k, v and, in the backward pass, dOut.
 */
public final class SplitScales {
    /** Groups for each head, each of which finds the maximum of a part. */
    public static final int PIECES = 64;
    /** Work-items of a group. */
    public static final int GROUP = 256;
    /** Numbers that a work-item loads before it looks at the first of them. */
    public static final int AHEAD = 8;
    /** What the largest number of a head becomes at most. */
    private static final float TOP = 0x1p14f;
    /** Scales end here, lest their inverses become subnormal; then the numbers are not far from that themselves. */
    private static final float STEEPEST = 0x1p126f;

    private SplitScales() {
    }

    /**
     * The largest magnitude of each piece of a head. One launch: {@link #PIECES} groups of {@link #GROUP} work-items for each
     * head of q, k and v.
     *
     * @param q       queries [B, H, N, D]; strides in {@code shape}
     * @param k       keys [B, Hkv, M, D]
     * @param v       values, laid out as k
     * @param maxima  result [heads of q, k and v, PIECES]
     * @param shape   the slots of {@link Shape}
     * @param headDim D
     */
    public static void ofForward(KernelContext ctx, FloatArray q, FloatArray k, FloatArray v, FloatArray maxima, IntArray shape,
            int headDim) {
        int head = ctx.groupIdx / PIECES;
        float[] largest = ctx.allocateFloatLocalArray(GROUP);
        float most = largest(ctx, q, shape, headDim, 1, head);
        most = TornadoMath.max(most, largest(ctx, k, shape, headDim, 0, head - keys(shape)));
        largest[ctx.localIdx] = TornadoMath.max(most, largest(ctx, v, shape, headDim, 0, head - values(shape)));
        ctx.localBarrier(); // each work-item's maximum is there
        for (int half = GROUP / 2; half > 0; half = half / 2) {
            if (ctx.localIdx < half) {
                largest[ctx.localIdx] = TornadoMath.max(largest[ctx.localIdx], largest[ctx.localIdx + half]);
            }
            ctx.localBarrier(); // those of half as many are there
        }
        if (ctx.localIdx == 0) {
            maxima.set(ctx.groupIdx, largest[0]);
        }
    }

    /** The same with dOut, laid out as q. */
    public static void ofBackward(KernelContext ctx, FloatArray q, FloatArray k, FloatArray v, FloatArray dOut, FloatArray maxima,
            IntArray shape, int headDim) {
        int head = ctx.groupIdx / PIECES;
        float[] largest = ctx.allocateFloatLocalArray(GROUP);
        float most = largest(ctx, q, shape, headDim, 1, head);
        most = TornadoMath.max(most, largest(ctx, k, shape, headDim, 0, head - keys(shape)));
        most = TornadoMath.max(most, largest(ctx, v, shape, headDim, 0, head - values(shape)));
        largest[ctx.localIdx] = TornadoMath.max(most, largest(ctx, dOut, shape, headDim, 1, head - gradients(shape)));
        ctx.localBarrier(); // each work-item's maximum is there
        for (int half = GROUP / 2; half > 0; half = half / 2) {
            if (ctx.localIdx < half) {
                largest[ctx.localIdx] = TornadoMath.max(largest[ctx.localIdx], largest[ctx.localIdx + half]);
            }
            ctx.localBarrier(); // those of half as many are there
        }
        if (ctx.localIdx == 0) {
            maxima.set(ctx.groupIdx, largest[0]);
        }
    }

    /**
     * The scale of each head. One launch: a group of {@link #PIECES} work-items for each.
     *
     * @param maxima [heads, PIECES]
     * @param scales result [heads]
     */
    public static void scales(KernelContext ctx, FloatArray maxima, FloatArray scales) {
        float[] largest = ctx.allocateFloatLocalArray(PIECES);
        int item = ctx.localIdx;
        largest[item] = maxima.get(ctx.groupIdx * PIECES + item);
        ctx.localBarrier(); // the maxima of all pieces are there
        for (int half = PIECES / 2; half > 0; half = half / 2) {
            if (item < half) {
                largest[item] = TornadoMath.max(largest[item], largest[item + half]);
            }
            ctx.localBarrier(); // those of half as many are there
        }
        float scale = scale(largest[0]);
        if (item == 0) {
            scales.set(ctx.groupIdx, scale);
        }
    }

    /** The power of two that brings a magnitude to (2<sup>13</sup>, 2<sup>14</sup>], or near it; 1 for 0. */
    static float scale(float most) {
        float scale = 1f;
        while (most * scale > TOP) {
            scale = scale * 0.5f;
        }
        while (most > 0f && scale < STEEPEST && most * scale <= TOP / 2) {
            scale = scale * 2f;
        }
        return scale;
    }

    /** Where the heads of k begin. */
    static int keys(IntArray shape) {
        return shape.get(Shape.BATCH) * shape.get(Shape.HEADS);
    }

    /** Where the heads of v begin. */
    static int values(IntArray shape) {
        return shape.get(Shape.BATCH) * (shape.get(Shape.HEADS) + shape.get(Shape.KV_HEADS));
    }

    /** Where the heads of dOut begin. */
    static int gradients(IntArray shape) {
        return shape.get(Shape.BATCH) * (shape.get(Shape.HEADS) + 2 * shape.get(Shape.KV_HEADS));
    }

    /** The largest magnitude that a work-item finds in its share of a head; 0 if the matrix has no such head. */
    private static float largest(KernelContext ctx, FloatArray matrix, IntArray shape, int headDim, int queries, int batchHead) {
        int heads = queries != 0 ? shape.get(Shape.HEADS) : shape.get(Shape.KV_HEADS);
        int known = TornadoMath.max(0, TornadoMath.min(batchHead, shape.get(Shape.BATCH) * heads - 1));
        int batch = known / heads;
        int end = queries != 0 ? shape.get(Shape.SEQ_Q) : shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
        int stride = queries != 0 ? shape.get(Shape.Q_ROW_STRIDE) : shape.get(Shape.K_ROW_STRIDE);
        int base = queries != 0
                ? batch * shape.get(Shape.Q_BATCH_STRIDE) + known % heads * shape.get(Shape.Q_HEAD_STRIDE)
                : batch * shape.get(Shape.K_BATCH_STRIDE) + known % heads * shape.get(Shape.K_HEAD_STRIDE);
        int count = known == batchHead ? end * headDim : 0;
        float most = 0f;
        float[] ahead = new float[AHEAD];
        for (int n = ctx.groupIdx % PIECES * GROUP + ctx.localIdx; n < count; n += PIECES * GROUP * AHEAD) {
            for (int i = 0; i < AHEAD; i++) {
                int at = TornadoMath.min(n + i * PIECES * GROUP, count - 1);
                ahead[i] = matrix.get(base + at / headDim * stride + at % headDim);
            }
            for (int i = 0; i < AHEAD; i++) {
                float x = ahead[i];
                most = x - x == 0f ? TornadoMath.max(most, TornadoMath.max(x, -x)) : most;
            }
        }
        return most;
    }
}
