package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/**
 * Rearranges float32 matrices for the tensor cores as {@link TensorPack} does 16-bit ones, each number as the two float16 of
 * {@link Split}. The parts stand inside the pieces in which the kernels take tiles, so that a tile is one stretch of memory:
 *
 * <ul>
 *   <li>{@link #columns}: [L/8][part][D][8].
 *   <li>{@link #rows}: [L/16][part][D/8][16][8].
 * </ul>
 *
 * <p>L is rounded up to {@link TensorPack#ROWS}; rows that do not exist, or lie at or past an entry's key length, are not read
 * and become 0.
 *
 * <p>Launch: one work-item for each eight elements ({@link #columns}) or four in each of {@link #TOGETHER} rows ({@link #rows});
 * others do nothing.
 */
public final class SplitPack {
    /** Rows that a work-item of {@link #rows} packs. */
    public static final int TOGETHER = 4;

    private SplitPack() {
    }

    /**
     * The head dimension as inner dimension.
     *
     * @param matrix  [B, H, L, D]
     * @param scales  {@link SplitScales}
     * @param packed  [B, H, L'/8, 2, D, 8], float16 in longs of four, L' being L rounded up to {@link TensorPack#ROWS}
     * @param shape   the slots of {@link Shape}: batch and heads, strides, lengths
     * @param headDim D, a multiple of 16
     * @param queries 1 if the matrix has the shape of q, 0 if that of k
     * @param first   where the matrix's heads begin in {@code scales}
     */
    public static void columns(KernelContext ctx, FloatArray matrix, FloatArray scales, LongArray packed, IntArray shape,
            int headDim, int queries, int first) {
        int heads = queries != 0 ? shape.get(Shape.HEADS) : shape.get(Shape.KV_HEADS);
        int seq = queries != 0 ? shape.get(Shape.SEQ_Q) : shape.get(Shape.SEQ_K);
        int padded = (seq + TensorPack.ROWS - 1) / TensorPack.ROWS * TensorPack.ROWS;
        int item = ctx.globalIdx;
        int d = item % headDim;
        int row = item / headDim % (padded / 8) * 8;
        int batchHead = item / headDim / (padded / 8);
        int batch = batchHead / heads;
        if (batch < shape.get(Shape.BATCH)) {
            int end = queries != 0 ? seq : shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
            int stride = queries != 0 ? shape.get(Shape.Q_ROW_STRIDE) : shape.get(Shape.K_ROW_STRIDE);
            int base = queries != 0
                    ? batch * shape.get(Shape.Q_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.Q_HEAD_STRIDE)
                    : batch * shape.get(Shape.K_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.K_HEAD_STRIDE);
            float scale = scales.get(first + batchHead);
            float[] eight = new float[8];
            for (int r = 0; r < 8; r++) {
                eight[r] = 0f;
                if (row + r < end) {
                    eight[r] = matrix.get(base + (row + r) * stride + d) * scale;
                }
            }
            int to = (batchHead * padded + row) / 8 * headDim * 4 + d * 2;
            for (int part = 0; part < Split.PARTS; part++) {
                packed.set(to + part * headDim * 2, Split.four(part, eight[0], eight[1], eight[2], eight[3]));
                packed.set(to + part * headDim * 2 + 1, Split.four(part, eight[4], eight[5], eight[6], eight[7]));
            }
        }
    }

    /**
     * The sequence as inner dimension.
     *
     * @param matrix  [B, H, L, D]
     * @param scales  as above
     * @param packed  [B, H, L'/16, 2, D/8, 16, 8], float16 in longs of four
     * @param shape   as above
     * @param headDim D, a multiple of 16
     * @param queries as above
     * @param first   as above
     * @param finite  1 if numbers that are not finite become 0, 0 if they stay
     */
    public static void rows(KernelContext ctx, FloatArray matrix, FloatArray scales, LongArray packed, IntArray shape,
            int headDim, int queries, int first, int finite) {
        int perRow = headDim / 4;
        int heads = queries != 0 ? shape.get(Shape.HEADS) : shape.get(Shape.KV_HEADS);
        int seq = queries != 0 ? shape.get(Shape.SEQ_Q) : shape.get(Shape.SEQ_K);
        int padded = (seq + TensorPack.ROWS - 1) / TensorPack.ROWS * TensorPack.ROWS;
        int item = ctx.globalIdx;
        int c = item % perRow;
        int row = item / perRow % (padded / TOGETHER) * TOGETHER;
        int batchHead = item / perRow / (padded / TOGETHER);
        int batch = batchHead / heads;
        if (batch < shape.get(Shape.BATCH)) {
            int end = queries != 0 ? seq : shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
            int stride = queries != 0 ? shape.get(Shape.Q_ROW_STRIDE) : shape.get(Shape.K_ROW_STRIDE);
            int base = queries != 0
                    ? batch * shape.get(Shape.Q_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.Q_HEAD_STRIDE)
                    : batch * shape.get(Shape.K_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.K_HEAD_STRIDE);
            float scale = scales.get(first + batchHead);
            float[] x = new float[4 * TOGETHER];
            for (int n = 0; n < 4 * TOGETHER; n++) {
                x[n] = 0f;
                if (row + n / 4 < end) {
                    x[n] = matrix.get(base + (row + n / 4) * stride + c * 4 + n % 4);
                }
            }
            for (int r = 0; r < TOGETHER; r++) {
                for (int e = 4 * r; e < 4 * r + 4; e++) {
                    x[e] = finite != 0 && x[e] - x[e] != 0f ? 0f : x[e] * scale;
                }
                int to = (batchHead * padded + row) / 16 * headDim * 8 + c / 2 * 32 + (row % 16 + r) * 2 + c % 2;
                for (int part = 0; part < Split.PARTS; part++) {
                    packed.set(to + part * headDim * 4, Split.four(part, x[4 * r], x[4 * r + 1], x[4 * r + 2], x[4 * r + 3]));
                }
            }
        }
    }
}
