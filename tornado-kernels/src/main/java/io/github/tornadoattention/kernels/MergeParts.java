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
    private MergeParts() {
    }

    /**
     * One launch: a work-item for each element of out; those past the last one do nothing.
     *
     * @param partOut [splits, B, H, N, D]
     * @param partLse [splits, B, H, N]
     * @param out     result [B, H, N, D]
     * @param lse     result [B, H, N]
     * @param step    the slots of {@link Step}
     * @param numbers the slots of {@link Shape}
     * @param headDim D
     */
    public static void merge(KernelContext ctx, FloatArray partOut, FloatArray partLse, FloatArray out, FloatArray lse,
            IntArray step, FloatArray numbers, int headDim) {
        int row = ctx.globalIdx / headDim;
        int rows = step.get(Step.BATCH) * step.get(Step.HEADS) * step.get(Step.QUERIES);
        if (row < rows) {
            int splits = step.get(Step.SPLITS);
            float empty = numbers.get(Shape.NEGATIVE_INFINITY);
            float m = -Float.MAX_VALUE;
            for (int n = 0; n < splits; n++) {
                m = TornadoMath.max(m, partLse.get(n * rows + row)); // empty parts are below the start
            }
            float l = 0f;
            float sum = 0f;
            for (int n = 0; n < splits; n++) {
                float part = partLse.get(n * rows + row);
                if (part != empty) {
                    float weight = TornadoMath.exp(part - m);
                    l = l + weight;
                    sum = sum + weight * partOut.get(n * rows * headDim + ctx.globalIdx);
                }
            }
            out.set(ctx.globalIdx, l == 0f ? 0f : sum / l);
            if (ctx.globalIdx % headDim == 0) {
                lse.set(row, l == 0f ? empty : m + TornadoMath.log(l));
            }
        }
    }
}
