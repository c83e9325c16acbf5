package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Standard attention, forward: three passes that write the matrix of scores S, then of probabilities P, to global memory. The
 * baseline that flash attention is measured against (FlashAttention, arXiv 2205.14135, algorithm 0), and the plainest use of
 * TornadoVM: loops marked {@code @Parallel}, one work-item an element.
 *
 * <p>Loop bounds are scalars, so another length compiles anew. Shapes and strides are those of {@link FlashForward#forward}; the
 * matrix is [B, H, N, M].
 */
public final class StandardForward {
    private StandardForward() {
    }

    /**
     * {@code S = scale q kᵀ}, modified, negative infinity where masked; {@code seqK = M}; the lists of
     * {@code shape} are the block mask. {@code elements = B * H * N * M}; one loop over all, so that neighboring work-items write
     * neighboring elements: of two loops TornadoVM makes the grid's dimensions in one order and their bounds in the other.
     */
    public static void scores(FloatArray q, FloatArray k, FloatArray s, IntArray shape, FloatArray numbers,
            FloatArray bias, IntArray mask,
            int elements, int seqK, int headDim, int options) {
        for (@Parallel int element = 0; element < elements; element++) {
            int row = element / seqK;
            int key = element % seqK;
            int heads = shape.get(Shape.HEADS);
            int seqQ = shape.get(Shape.SEQ_Q);
            int head = row / seqQ % heads;
            int batch = row / seqQ / heads;
            int query = row % seqQ;
            int diagonal = shape.get(Shape.DIAGONAL);
            float score = numbers.get(Shape.NEGATIVE_INFINITY);
            int keyLength = shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
            int seen = Band.sees(options, query, key, diagonal, shape.get(Shape.LEFT), shape.get(Shape.RIGHT), keyLength);
            if (seen != 0) {
                seen = Visits.computes(options, shape, head, query, key);
            }
            if (seen != 0) {
                int baseQ = batch * shape.get(Shape.Q_BATCH_STRIDE) + head * shape.get(Shape.Q_HEAD_STRIDE)
                        + query * shape.get(Shape.Q_ROW_STRIDE);
                int kvHead = head / (heads / shape.get(Shape.KV_HEADS));
                int baseK = batch * shape.get(Shape.K_BATCH_STRIDE) + kvHead * shape.get(Shape.K_HEAD_STRIDE)
                        + key * shape.get(Shape.K_ROW_STRIDE);
                float sum = 0f;
                for (int d = 0; d < headDim; d++) {
                    sum = sum + q.get(baseQ + d) * k.get(baseK + d);
                }
                float slope = 0f;
                if ((options & Options.ALIBI) != 0) {
                    slope = numbers.get(Shape.SLOPES + head);
                }
                score = Score.modified(options, sum * numbers.get(Shape.SCALE), numbers.get(Shape.SOFTCAP),
                        slope, query, key, diagonal);
                if ((options & Tables.ANY) != 0) {
                    score = Tables.applied(options, score, query, key, bias, Tables.biasBase(shape, batch, head), mask,
                            Tables.maskBase(shape, batch, head),
                        shape, numbers.get(Shape.NEGATIVE_INFINITY));
                }
            }
            s.set(element, score);
        }
    }

    /**
     * {@code P = softmax(S)} in place, {@code lse = log rowsum exp S}; a row that is masked whole becomes 0 with an lse of
     * negative infinity. What {@link Dropout} drops gets a minus.
     */
    public static void softmax(FloatArray s, FloatArray lse, IntArray shape, FloatArray numbers, int rows,
            int seqK, int options) {
        for (@Parallel int row = 0; row < rows; row++) {
            int base = row * seqK;
            float m = -Float.MAX_VALUE;
            float masked = numbers.get(Shape.NEGATIVE_INFINITY);
            for (int key = 0; key < seqK; key++) {
                m = TornadoMath.max(m, s.get(base + key));
            }
            float sum = 0f;
            for (int key = 0; key < seqK; key++) {
                float p = s.get(base + key) == masked ? 0f : TornadoMath.exp(s.get(base + key) - m);
                s.set(base + key, p);
                sum = sum + p;
            }
            float inverse = sum == 0f ? 0f : 1f / sum;
            for (int key = 0; key < seqK; key++) {
                float p = s.get(base + key);
                p = p == 0f ? 0f : p * inverse;
                if ((options & Options.DROPOUT) != 0) {
                    int seqQ = shape.get(Shape.SEQ_Q);
                    int kept = Dropout.kept(row % seqQ, key / 4, row / seqQ, shape);
                    p = (kept >> key % 4) % 2 == 0 ? -p : p;
                }
                s.set(base + key, p);
            }
            lse.set(row, sum == 0f ? masked : m + TornadoMath.log(sum));
        }
    }

    /**
     * {@code out = P v}, without what was dropped and times {@code 1 / (1 - p)}; keys past the length are not read; {@code
     * elements = B * H * N * D}.
     */
    public static void output(FloatArray p, FloatArray v, FloatArray out, IntArray shape, FloatArray numbers,
            int elements, int seqK, int headDim,
            int options) {
        for (@Parallel int element = 0; element < elements; element++) {
            int row = element / headDim;
            int d = element % headDim;
            int heads = shape.get(Shape.HEADS);
            int seqQ = shape.get(Shape.SEQ_Q);
            int head = row / seqQ % heads;
            int batch = row / seqQ / heads;
            int kvHead = head / (heads / shape.get(Shape.KV_HEADS));
            int baseK = batch * shape.get(Shape.K_BATCH_STRIDE) + kvHead * shape.get(Shape.K_HEAD_STRIDE);
            int rowStride = shape.get(Shape.K_ROW_STRIDE);
            int keyLength = shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
            float sum = 0f;
            for (int key = 0; key < keyLength; key++) {
                float probability = p.get(row * seqK + key);
                if (probability != 0f && !(probability < 0f)) {
                    sum = sum + probability * v.get(baseK + key * rowStride + d);
                }
            }
            int baseQ = batch * shape.get(Shape.Q_BATCH_STRIDE) + head * shape.get(Shape.Q_HEAD_STRIDE)
                    + row % seqQ * shape.get(Shape.Q_ROW_STRIDE);
            if ((options & Options.DROPOUT) != 0) {
                sum = sum * numbers.get(Shape.KEEP_FACTOR);
            }
            out.set(baseQ + d, sum);
        }
    }
}
