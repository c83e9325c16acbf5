package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * What the backward pass needs of each row beforehand: {@code D = rowsum(dOut ∘ out)}, which equals rowsum(P ∘ dP)
 * (FlashAttention, arXiv 2205.14135, appendix B). Neighbors read neighboring numbers of a row.
 */
public final class RowDots {
    /** Rows of a group. */
    public static final int ROWS = 4;
    /** Work-items that share a row. */
    public static final int LANES = 16;

    private RowDots() {
    }

    /**
     * One launch: a group of {@link #ROWS} times {@link #LANES} work-items for as many rows, of which the last one may have
     * fewer.
     *
     * @param out     [B, H, N, D] of the forward pass; strides in {@code shape}
     * @param dOut    its gradient, laid out alike
     * @param delta   result [B, H, N]
     * @param shape   the slots of {@link Shape}
     * @param headDim D
     */
    public static void rowDots(KernelContext ctx, FloatArray out, FloatArray dOut, FloatArray delta, IntArray shape,
            int headDim) {
        int item = ctx.localIdx;
        int row = ctx.groupIdx * ROWS + item / LANES;
        int seqQ = shape.get(Shape.SEQ_Q);
        int heads = shape.get(Shape.HEADS);
        int rows = shape.get(Shape.BATCH) * heads * seqQ;
        int base = base(shape, row / seqQ, heads) + row % seqQ * shape.get(Shape.Q_ROW_STRIDE);
        float[] parts = ctx.allocateFloatLocalArray(ROWS * LANES);
        float part = 0f;
        for (int d = row < rows ? item % LANES : headDim; d < headDim; d += LANES) {
            part = part + out.get(base + d) * dOut.get(base + d);
        }
        parts[item] = part;
        ctx.localBarrier(); // the sums of all parts of a row are there
        float sum = 0f;
        for (int n = 0; n < LANES; n++) {
            sum = sum + parts[item / LANES * LANES + n];
        }
        if (item % LANES == 0 && row < rows) {
            delta.set(row, sum);
        }
    }

    /** The same of float16. */
    public static void rowDotsHalf(KernelContext ctx, HalfFloatArray out, HalfFloatArray dOut, FloatArray delta, IntArray shape,
            int headDim) {
        int item = ctx.localIdx;
        int row = ctx.groupIdx * ROWS + item / LANES;
        int seqQ = shape.get(Shape.SEQ_Q);
        int heads = shape.get(Shape.HEADS);
        int rows = shape.get(Shape.BATCH) * heads * seqQ;
        int base = base(shape, row / seqQ, heads) + row % seqQ * shape.get(Shape.Q_ROW_STRIDE);
        float[] parts = ctx.allocateFloatLocalArray(ROWS * LANES);
        float part = 0f;
        for (int d = row < rows ? item % LANES : headDim; d < headDim; d += LANES) {
            part = part + out.get(base + d).getFloat32() * dOut.get(base + d).getFloat32();
        }
        parts[item] = part;
        ctx.localBarrier(); // the sums of all parts of a row are there
        float sum = 0f;
        for (int n = 0; n < LANES; n++) {
            sum = sum + parts[item / LANES * LANES + n];
        }
        if (item % LANES == 0 && row < rows) {
            delta.set(row, sum);
        }
    }

    /** The same of bfloat16. */
    public static void rowDotsBrain(KernelContext ctx, BFloat16Array out, BFloat16Array dOut, FloatArray delta, IntArray shape,
            int headDim) {
        int item = ctx.localIdx;
        int row = ctx.groupIdx * ROWS + item / LANES;
        int seqQ = shape.get(Shape.SEQ_Q);
        int heads = shape.get(Shape.HEADS);
        int rows = shape.get(Shape.BATCH) * heads * seqQ;
        int base = base(shape, row / seqQ, heads) + row % seqQ * shape.get(Shape.Q_ROW_STRIDE);
        float[] parts = ctx.allocateFloatLocalArray(ROWS * LANES);
        float part = 0f;
        for (int d = row < rows ? item % LANES : headDim; d < headDim; d += LANES) {
            part = part + out.getFloat(base + d) * dOut.getFloat(base + d);
        }
        parts[item] = part;
        ctx.localBarrier(); // the sums of all parts of a row are there
        float sum = 0f;
        for (int n = 0; n < LANES; n++) {
            sum = sum + parts[item / LANES * LANES + n];
        }
        if (item % LANES == 0 && row < rows) {
            delta.set(row, sum);
        }
    }

    /** Where a head begins. */
    private static int base(IntArray shape, int batchHead, int heads) {
        return batchHead / heads * shape.get(Shape.Q_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.Q_HEAD_STRIDE);
    }
}
