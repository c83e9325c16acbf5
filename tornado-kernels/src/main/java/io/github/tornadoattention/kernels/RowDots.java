package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** What the backward pass needs of each row beforehand: {@code D = rowsum(dOut ∘ out)}, which equals rowsum(P ∘ dP) (FlashAttention, arXiv 2205.14135, appendix B). */
public final class RowDots {
    private RowDots() {
    }

    /**
     * One launch: a work-item for each row; those past the last one do nothing.
     *
     * @param out     [B, H, N, D] of the forward pass; strides in {@code shape}
     * @param dOut    its gradient, laid out alike
     * @param delta   result [B, H, N]
     * @param shape   the slots of {@link Shape}
     * @param headDim D
     */
    public static void rowDots(KernelContext ctx, FloatArray out, FloatArray dOut, FloatArray delta, IntArray shape, int headDim) {
        int row = ctx.globalIdx;
        int seqQ = shape.get(Shape.SEQ_Q);
        int heads = shape.get(Shape.HEADS);
        if (row < shape.get(Shape.BATCH) * heads * seqQ) {
            int batchHead = row / seqQ;
            int base = batchHead / heads * shape.get(Shape.Q_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.Q_HEAD_STRIDE)
                + row % seqQ * shape.get(Shape.Q_ROW_STRIDE);
            float sum = 0f;
            for (int d = 0; d < headDim; d++) {
                sum = sum + out.get(base + d) * dOut.get(base + d);
            }
            delta.set(row, sum);
        }
    }

    /** The same of float16. */
    public static void rowDotsHalf(KernelContext ctx, HalfFloatArray out, HalfFloatArray dOut, FloatArray delta, IntArray shape, int headDim) {
        int row = ctx.globalIdx;
        int seqQ = shape.get(Shape.SEQ_Q);
        int heads = shape.get(Shape.HEADS);
        if (row < shape.get(Shape.BATCH) * heads * seqQ) {
            int batchHead = row / seqQ;
            int base = batchHead / heads * shape.get(Shape.Q_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.Q_HEAD_STRIDE)
                + row % seqQ * shape.get(Shape.Q_ROW_STRIDE);
            float sum = 0f;
            for (int d = 0; d < headDim; d++) {
                sum = sum + out.get(base + d).getFloat32() * dOut.get(base + d).getFloat32();
            }
            delta.set(row, sum);
        }
    }

    /** The same of bfloat16. */
    public static void rowDotsBrain(KernelContext ctx, BFloat16Array out, BFloat16Array dOut, FloatArray delta, IntArray shape, int headDim) {
        int row = ctx.globalIdx;
        int seqQ = shape.get(Shape.SEQ_Q);
        int heads = shape.get(Shape.HEADS);
        if (row < shape.get(Shape.BATCH) * heads * seqQ) {
            int batchHead = row / seqQ;
            int base = batchHead / heads * shape.get(Shape.Q_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.Q_HEAD_STRIDE)
                + row % seqQ * shape.get(Shape.Q_ROW_STRIDE);
            float sum = 0f;
            for (int d = 0; d < headDim; d++) {
                sum = sum + out.getFloat(base + d) * dOut.getFloat(base + d);
            }
            delta.set(row, sum);
        }
    }
}
