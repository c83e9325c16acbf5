package io.github.tornadoattention.bench.device;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Linformer's projection of keys or values along the sequence (arXiv 2006.04768): {@code y = Eᵀ x}. */
final class ProjectionKernel {
    /** Projected rows that a work-item computes. */
    static final int ROWS = 8;

    private ProjectionKernel() {}

    /**
     * One launch: a work-item for each head, run of {@link #ROWS} projected rows, and element of the head dimension.
     *
     * @param e       [N, K] the projection, transposed
     * @param x       [heads, N, D] keys or values
     * @param y       [heads, K, D] result
     * @param lengths N, K and the number of work-items
     * @param headDim D
     */
    static void project(KernelContext ctx, FloatArray e, FloatArray x, FloatArray y, IntArray lengths, int headDim) {
        int n = lengths.get(0);
        int k = lengths.get(1);
        int item = ctx.globalIdx;
        if (item < lengths.get(2)) {
            int d = item % headDim;
            int r0 = item / headDim % (k / 8) * 8;
            int head = item / headDim / (k / 8);
            float[] sum = new float[8];
            for (int r = 0; r < 8; r++) {
                sum[r] = 0f;
            }
            for (int j = 0; j < n; j++) {
                float value = x.get((head * n + j) * headDim + d);
                int at = j * k + r0;
                for (int r = 0; r < 8; r++) {
                    sum[r] = sum[r] + e.get(at + r) * value;
                }
            }
            for (int r = 0; r < 8; r++) {
                y.set((head * k + r0 + r) * headDim + d, sum[r]);
            }
        }
    }
}
