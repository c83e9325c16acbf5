package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Standard attention, backward: from the matrix P that {@link StandardForward} leaves in global memory, a second matrix dS and
 * the three gradients (FlashAttention, arXiv 2205.14135, algorithm 3). The baseline, as {@link StandardForward} is.
 */
public final class StandardBackward {
    private StandardBackward() {
    }

    /**
     * {@code dS = P ∘ (dOut vᵀ - D)}, times the derivative of what modified the score; both matrices are [B, H, N, M], {@code
     * elements} of them.
     */
    public static void scores(FloatArray q, FloatArray k, FloatArray v, FloatArray dOut, FloatArray p, FloatArray delta,
            FloatArray ds, IntArray shape,
            FloatArray numbers, int elements, int seqK, int headDim, int options) {
        for (@Parallel int element = 0; element < elements; element++) {
            int row = element / seqK;
            int key = element % seqK;
            int heads = shape.get(Shape.HEADS);
            int seqQ = shape.get(Shape.SEQ_Q);
            int head = row / seqQ % heads;
            int batch = row / seqQ / heads;
            int query = row % seqQ;
            float gradient = 0f;
            int keyLength = shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
            int seen = Band.sees(options, query, key, shape.get(Shape.DIAGONAL), shape.get(Shape.LEFT),
                    shape.get(Shape.RIGHT), keyLength);
            if (seen != 0) {
                seen = Visits.computes(options, shape, head, query, key);
            }
            if (seen != 0) {
                int baseQ = batch * shape.get(Shape.Q_BATCH_STRIDE) + head * shape.get(Shape.Q_HEAD_STRIDE)
                        + query * shape.get(Shape.Q_ROW_STRIDE);
                int kvHead = head / (heads / shape.get(Shape.KV_HEADS));
                int baseK = batch * shape.get(Shape.K_BATCH_STRIDE) + kvHead * shape.get(Shape.K_HEAD_STRIDE)
                        + key * shape.get(Shape.K_ROW_STRIDE);
                float dp = 0f;
                for (int d = 0; d < headDim; d++) {
                    dp = dp + dOut.get(baseQ + d) * v.get(baseK + d);
                }
                float score = 0f;
                if ((options & Options.SOFTCAP) != 0) {
                    for (int d = 0; d < headDim; d++) {
                        score = score + q.get(baseQ + d) * k.get(baseK + d);
                    }
                }
                float probability = p.get(element);
                if ((options & Options.DROPOUT) != 0) {
                    dp = probability < 0f ? 0f : dp * numbers.get(Shape.KEEP_FACTOR);
                    probability = probability < 0f ? -probability : probability;
                }
                gradient = probability * (dp - delta.get(row))
                    * Score.derivative(options, score * numbers.get(Shape.SCALE), numbers.get(Shape.SOFTCAP));
                if ((options & Tables.ANY) != 0) {
                    gradient = probability == 0f ? 0f : gradient;
                }
            }
            ds.set(element, gradient);
        }
    }

    /**
     * Gradient of the bias: {@code dbias = dS}, summed over what shares an element, where dS has no softcap in it; {@code
     * elements} of the bias, whose shape is [B or 1, H or 1, N or 1, M or 1].
     */
    public static void bias(FloatArray ds, FloatArray dBias, IntArray shape, int elements, int seqK) {
        for (@Parallel int element = 0; element < elements; element++) {
            int batches = shape.get(Shape.BATCH);
            int heads = shape.get(Shape.HEADS);
            int seqQ = shape.get(Shape.SEQ_Q);
            int keyStride = shape.get(Shape.BIAS_KEY_STRIDE);
            int queryStride = shape.get(Shape.BIAS_QUERY_STRIDE);
            int headStride = shape.get(Shape.BIAS_HEAD_STRIDE);
            int batchStride = shape.get(Shape.BIAS_BATCH_STRIDE);
            // from the largest stride to the smallest: what the element's place is, or all
            int rest = element;
            int batchFirst = batchStride == 0 ? 0 : rest / TornadoMath.max(batchStride, 1);
            int batchEnd = batchStride == 0 ? batches : batchFirst + 1;
            rest = batchStride == 0 ? rest : rest % TornadoMath.max(batchStride, 1);
            int headFirst = headStride == 0 ? 0 : rest / TornadoMath.max(headStride, 1);
            int headEnd = headStride == 0 ? heads : headFirst + 1;
            rest = headStride == 0 ? rest : rest % TornadoMath.max(headStride, 1);
            int queryFirst = queryStride == 0 ? 0 : rest / TornadoMath.max(queryStride, 1);
            int queryEnd = queryStride == 0 ? seqQ : queryFirst + 1;
            rest = queryStride == 0 ? rest : rest % TornadoMath.max(queryStride, 1);
            int keyFirst = keyStride == 0 ? 0 : rest;
            int keyEnd = keyStride == 0 ? seqK : keyFirst + 1;
            float sum = 0f;
            for (int batch = batchFirst; batch < batchEnd; batch++) {
                for (int head = headFirst; head < headEnd; head++) {
                    for (int query = queryFirst; query < queryEnd; query++) {
                        for (int key = keyFirst; key < keyEnd; key++) {
                            sum = sum + ds.get(((batch * heads + head) * seqQ + query) * seqK + key);
                        }
                    }
                }
            }
            dBias.set(element, sum);
        }
    }

    /** {@code dq = scale dS k}, {@code elements = B * H * N * D}. */
    public static void queries(FloatArray ds, FloatArray k, FloatArray dq, IntArray shape, FloatArray numbers, int elements,
            int seqK, int headDim) {
        for (@Parallel int element = 0; element < elements; element++) {
            int row = element / headDim;
            int d = element % headDim;
            int heads = shape.get(Shape.HEADS);
            int seqQ = shape.get(Shape.SEQ_Q);
            int head = row / seqQ % heads;
            int batch = row / seqQ / heads;
            int baseK = batch * shape.get(Shape.K_BATCH_STRIDE) + head / (heads / shape.get(Shape.KV_HEADS))
                    * shape.get(Shape.K_HEAD_STRIDE);
            int rowStride = shape.get(Shape.K_ROW_STRIDE);
            int keyLength = shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
            float sum = 0f;
            for (int key = 0; key < keyLength; key++) {
                float gradient = ds.get(row * seqK + key);
                if (gradient != 0f) {
                    sum = sum + gradient * k.get(baseK + key * rowStride + d);
                }
            }
            int baseQ = batch * shape.get(Shape.Q_BATCH_STRIDE) + head * shape.get(Shape.Q_HEAD_STRIDE)
                    + row % seqQ * shape.get(Shape.Q_ROW_STRIDE);
            dq.set(baseQ + d, sum * numbers.get(Shape.SCALE));
        }
    }

    /**
     * {@code dk = scale dSᵀ q} and {@code dv = Pᵀ dOut}, summed over the query heads of a group; {@code elements = B * Hkv * M *
     * D}.
     */
    public static void keys(FloatArray q, FloatArray dOut, FloatArray p, FloatArray ds, FloatArray dk, FloatArray dv,
            IntArray shape, FloatArray numbers,
            int elements, int seqK, int headDim, int options) {
        for (@Parallel int element = 0; element < elements; element++) {
            int row = element / headDim;
            int d = element % headDim;
            int heads = shape.get(Shape.HEADS);
            int kvHeads = shape.get(Shape.KV_HEADS);
            int seqQ = shape.get(Shape.SEQ_Q);
            int rowStride = shape.get(Shape.Q_ROW_STRIDE);
            int key = row % seqK;
            int kvHead = row / seqK % kvHeads;
            int batch = row / seqK / kvHeads;
            int shared = heads / kvHeads;
            float sumK = 0f;
            float sumV = 0f;
            for (int head = kvHead * shared; head < (kvHead + 1) * shared; head++) {
                int baseQ = batch * shape.get(Shape.Q_BATCH_STRIDE) + head * shape.get(Shape.Q_HEAD_STRIDE) + d;
                int matrix = (batch * heads + head) * seqQ;
                for (int query = 0; query < seqQ; query++) {
                    int pair = (matrix + query) * seqK + key;
                    if (p.get(pair) != 0f) {
                        sumK = sumK + ds.get(pair) * q.get(baseQ + query * rowStride);
                        float probability = p.get(pair);
                        if ((options & Options.DROPOUT) != 0) {
                            probability = probability < 0f ? 0f : probability * numbers.get(Shape.KEEP_FACTOR);
                        }
                        sumV = sumV + probability * dOut.get(baseQ + query * rowStride);
                    }
                }
            }
            int at = batch * shape.get(Shape.K_BATCH_STRIDE) + kvHead * shape.get(Shape.K_HEAD_STRIDE)
                    + key * shape.get(Shape.K_ROW_STRIDE) + d;
            dk.set(at, sumK * numbers.get(Shape.SCALE));
            dv.set(at, sumV);
        }
    }
}
