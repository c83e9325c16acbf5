package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Merges attention over parts of the keys: {@code lse = log sum exp(lse_s)} and {@code out = sum exp(lse_s - lse) out_s}. An
 * empty part, whose lse is negative infinity, changes nothing; nothing but empty parts is empty.
 */
public final class MergeParts {
    /** Parts of an element that are read before the first one is summed. */
    private static final int AHEAD = 16;

    private MergeParts() {
    }

    /** Floats of local memory that a group allocates. */
    public static int localFloats(int splits) {
        return 2 * padded(splits);
    }

    /** Parts with those that fill the last {@link #AHEAD}. */
    private static int padded(int splits) {
        return (splits + AHEAD - 1) / AHEAD * AHEAD;
    }

    /**
     * One launch: a group of {@code threads} work-items for each row of out; those past the last one do nothing. Local memory:
     * {@link #localFloats}.
     *
     * @param partOut [splits, B, H, N, D]
     * @param partLse [splits, B, H, N]
     * @param out     result [B, H, N, D]
     * @param lse     result [B, H, N]
     * @param step    the slots of {@link Step}
     * @param numbers the slots of {@link Shape}
     * @param headDim D
     * @param splits  parts
     * @param threads work-items of a group
     */
    public static void merge(KernelContext ctx, FloatArray partOut, FloatArray partLse, FloatArray out, FloatArray lse,
            IntArray step, FloatArray numbers, int headDim, int splits, int threads) {
        int padded = padded(splits);
        float[] parts = ctx.allocateFloatLocalArray(padded);
        float[] weights = ctx.allocateFloatLocalArray(padded);
        float[] next = new float[AHEAD];
        int row = ctx.groupIdx;
        int rows = step.get(Step.BATCH) * step.get(Step.HEADS) * step.get(Step.QUERIES);
        if (row < rows) {
            float empty = numbers.get(Shape.NEGATIVE_INFINITY);
            for (int n = ctx.localIdx; n < padded; n += threads) {
                parts[n] = n < splits ? partLse.get(n * rows + row) : empty;
            }
            ctx.localBarrier(); // lse of all parts is there
            float m = -Float.MAX_VALUE;
            for (int n = 0; n < padded; n++) {
                m = TornadoMath.max(m, parts[n]); // empty parts are below the start
            }
            for (int n = ctx.localIdx; n < padded; n += threads) {
                weights[n] = parts[n] == empty ? -1f : TornadoMath.exp(parts[n] - m);
            }
            ctx.localBarrier(); // the weights of all parts are there, -1 where nothing counts
            float l = 0f;
            for (int n = 0; n < padded; n++) {
                l = weights[n] < 0f ? l : l + weights[n];
            }
            for (int d = ctx.localIdx; d < headDim; d += threads) {
                float sum = 0f;
                for (int n0 = 0; n0 < padded; n0 += AHEAD) {
                    for (int n = 0; n < AHEAD; n++) {
                        next[n] = partOut.get((TornadoMath.min(n0 + n, splits - 1) * rows + row) * headDim + d);
                    }
                    for (int n = 0; n < AHEAD; n++) {
                        float weight = weights[n0 + n];
                        sum = weight < 0f ? sum : sum + weight * next[n];
                    }
                }
                out.set(row * headDim + d, l == 0f ? 0f : sum / l);
            }
            if (ctx.localIdx == 0) {
                lse.set(row, l == 0f ? empty : m + TornadoMath.log(l));
            }
        }
    }
}
