package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/**
 * Rearranges 16-bit matrices for the tensor cores, once, so that the kernels which stream them copy tiles as they stand. The
 * right factor of a product is read from local memory in pieces of 16 (inner dimension) x 8, rows of 16 bytes; see {@code
 * mmaLoadB}. Which dimension of a matrix is the inner one depends on the product:
 *
 * <ul>
 *   <li>{@link #columns}: the head dimension is, as in {@code Q Kᵀ}: [L/8][D][8], eight neighboring rows side by side.
 * <li>{@link #rows}: the sequence is, as in {@code P V}: [L/16][D/8][16][8], eight neighboring elements of the head dimension
 * side by side.
 * </ul>
 *
 * <p>Matrices are [B, H, L, D] of float16 or bfloat16, which are moved as bits, four to a long. The result has L rounded up to
 * {@link #ROWS}; rows that do not exist, or lie at or past an entry's key length, are not read and become 0.
 *
 * <p>Launch: one work-item for each four rows and four elements; others do nothing.
 */
public final class TensorPack {
    /** What L is rounded up to: the longest tile that a kernel streams. */
    public static final int ROWS = 64;

    private TensorPack() {
    }

    /**
     * The head dimension as inner dimension.
     *
     * @param matrix  [B, H, L, D] in longs of four
     * @param packed  [B, H, L'/8, D, 8] in longs of four, L' being L rounded up to {@link #ROWS}
     * @param shape   the slots of {@link Shape}: batch and heads, strides, lengths
     * @param headDim  D, a multiple of 16
     * @param queries  1 if the matrix has the shape of q, 0 if that of k
     * @param exponent the bits that are all set in numbers that are not finite, which become NaN, so that no product of them is
     *     negative infinity
     */
    public static void columns(KernelContext ctx, LongArray matrix, LongArray packed, IntArray shape, int headDim,
            int queries, int exponent) {
        int perRow = headDim / 4;
        int heads = queries != 0 ? shape.get(Shape.HEADS) : shape.get(Shape.KV_HEADS);
        int seq = queries != 0 ? shape.get(Shape.SEQ_Q) : shape.get(Shape.SEQ_K);
        int padded = (seq + ROWS - 1) / ROWS * ROWS;
        int item = ctx.globalIdx;
        int c = item % perRow;
        int row = item / perRow % (padded / 4) * 4;
        int batchHead = item / perRow / (padded / 4);
        int batch = batchHead / heads;
        if (batch < shape.get(Shape.BATCH)) {
            int end = queries != 0 ? seq : shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
            int stride = queries != 0 ? shape.get(Shape.Q_ROW_STRIDE) : shape.get(Shape.K_ROW_STRIDE);
            int base = queries != 0
                    ? batch * shape.get(Shape.Q_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.Q_HEAD_STRIDE)
                    : batch * shape.get(Shape.K_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.K_HEAD_STRIDE);
            long[] four = new long[4];
            for (int r = 0; r < 4; r++) {
                four[r] = 0L;
                if (row + r < end) {
                    four[r] = notANumber(matrix.get((base + (row + r) * stride) / 4 + c), exponent);
                }
            }
            putColumns(four, packed, batchHead * padded + row, c, headDim);
        }
    }

    /** Writes longs of four rows, the first of them {@code row} of all heads' rows, and of elements 4c to 4c + 3. */
    static void putColumns(long[] four, LongArray packed, int row, int c, int headDim) {
        int to = (row / 8 * headDim + c * 4) * 2 + row % 8 / 4;
        // shifts keep the sign and the mask drops it: TornadoVM makes >> of >>>, and counts on zeros from it
        for (int e = 0; e < 4; e++) {
            int shift = 16 * e;
            long low = (four[0] >> shift & 0xFFFFL) + ((four[1] >> shift & 0xFFFFL) << 16);
            long high = (four[2] >> shift & 0xFFFFL) + ((four[3] >> shift & 0xFFFFL) << 16);
            packed.set(to + 2 * e, low + (high << 32));
        }
    }

    /**
     * The sequence as inner dimension.
     *
     * @param matrix  [B, H, L, D] in longs of four
     * @param packed  [B, H, L'/16, D/8, 16, 8] in longs of four
     * @param shape   as above
     * @param headDim  D, a multiple of 16
     * @param queries  as above
     * @param exponent the bits that are all set in numbers that are not finite, which become 0; 0 if all stay as they are
     */
    public static void rows(KernelContext ctx, LongArray matrix, LongArray packed, IntArray shape, int headDim,
            int queries, int exponent) {
        int perRow = headDim / 4;
        int heads = queries != 0 ? shape.get(Shape.HEADS) : shape.get(Shape.KV_HEADS);
        int seq = queries != 0 ? shape.get(Shape.SEQ_Q) : shape.get(Shape.SEQ_K);
        int padded = (seq + ROWS - 1) / ROWS * ROWS;
        int item = ctx.globalIdx;
        int c = item % perRow;
        int row = item / perRow % (padded / 4) * 4;
        int batchHead = item / perRow / (padded / 4);
        int batch = batchHead / heads;
        if (batch < shape.get(Shape.BATCH)) {
            int end = queries != 0 ? seq : shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
            int stride = queries != 0 ? shape.get(Shape.Q_ROW_STRIDE) : shape.get(Shape.K_ROW_STRIDE);
            int base = queries != 0
                    ? batch * shape.get(Shape.Q_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.Q_HEAD_STRIDE)
                    : batch * shape.get(Shape.K_BATCH_STRIDE) + batchHead % heads * shape.get(Shape.K_HEAD_STRIDE);
            int to = ((batchHead * padded + row) / 16 * (headDim / 8) + c / 2) * 32 + row % 16 * 2 + c % 2;
            for (int r = 0; r < 4; r++) {
                long four = 0L;
                if (row + r < end) {
                    four = zeroed(matrix.get((base + (row + r) * stride) / 4 + c), exponent);
                }
                packed.set(to + 2 * r, four);
            }
        }
    }

    /** Four 16-bit numbers, 0 in place of each that is not finite; as they are if {@code exponent} is 0. */
    private static long zeroed(long four, int exponent) {
        long result = four;
        if (exponent != 0) {
            long bits = exponent;
            for (int e = 0; e < 4; e++) {
                long one = bits << 16 * e;
                result = (four & one) == one ? result & ~(0xFFFFL << 16 * e) : result;
            }
        }
        return result;
    }

    /** Four 16-bit numbers, NaN in place of each that is not finite. */
    static long notANumber(long four, int exponent) {
        long result = four;
        long bits = exponent;
        for (int e = 0; e < 4; e++) {
            long one = bits << 16 * e;
            result = (four & one) == one ? result | 0x7FFFL << 16 * e : result;
        }
        return result;
    }
}
