package io.github.tornadoattention.bench.device;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Kernels that do one thing as fast as a device can: what attention's speed is measured against. */
final class CeilingKernels {
    /** Multiply-adds that do not wait for one another, in {@link #multiplyAdds}. */
    static final int CHAINS = 16;
    /** Floats that a work-item copies in {@link #copy}. */
    static final int COPIES = 8;
    /** Chains of products that a warp adds up in {@link #tensorMultiplyAdds}. */
    static final int PRODUCTS = 8;
    /** Floats of local memory that {@link #localReads} walks over, and reads of four in each step. */
    static final int LOCAL = 4096;
    static final int READS = 8;

    private CeilingKernels() {}

    /** Each work-item does {@code steps * CHAINS} fused multiply-adds out of registers. */
    static void multiplyAdds(KernelContext ctx, FloatArray factors, FloatArray out, int steps) {
        float m = factors.get(0);
        float c = factors.get(1);
        float[] s = new float[16];
        for (int i = 0; i < 16; i++) {
            s[i] = c * i;
        }
        for (int n = 0; n < steps; n++) {
            for (int i = 0; i < 16; i++) {
                s[i] = s[i] * m + c;
            }
        }
        float sum = 0f;
        for (int i = 0; i < 16; i++) {
            sum = sum + s[i];
        }
        out.set(ctx.globalIdx, sum);
    }

    /**
     * Each warp does {@code steps * PRODUCTS} products of 16x16 by 16x8 float16 out of registers, all 1 on the left and 2⁻¹⁰ on
     * the right, and adds them up in float32: chain i starts at i and grows by 2⁻⁶ a step.
     *
     * @param out [warps * PRODUCTS * 16, 8] the sums of each chain
     */
    static void tensorMultiplyAdds(KernelContext ctx, FloatArray out, int group, int steps) {
        int[] left = ctx.allocateIntLocalArray(128);
        int[] right = ctx.allocateIntLocalArray(64);
        for (int i = ctx.localIdx; i < 128; i += group) {
            left[i] = 0x3C003C00;
        }
        for (int i = ctx.localIdx; i < 64; i += group) {
            right[i] = 0x14001400;
        }
        ctx.localBarrier(); // both factors are complete
        HalfFloat[] a = ctx.mmaLoadA(left, 16);
        HalfFloat[] b = ctx.mmaLoadB(right, 16);
        float[] c0 = ctx.mmaFragment(0f);
        float[] c1 = ctx.mmaFragment(1f);
        float[] c2 = ctx.mmaFragment(2f);
        float[] c3 = ctx.mmaFragment(3f);
        float[] c4 = ctx.mmaFragment(4f);
        float[] c5 = ctx.mmaFragment(5f);
        float[] c6 = ctx.mmaFragment(6f);
        float[] c7 = ctx.mmaFragment(7f);
        for (int n = 0; n < steps; n++) {
            c0 = ctx.mma(a, b, c0, MMAShape.M16N8K16);
            c1 = ctx.mma(a, b, c1, MMAShape.M16N8K16);
            c2 = ctx.mma(a, b, c2, MMAShape.M16N8K16);
            c3 = ctx.mma(a, b, c3, MMAShape.M16N8K16);
            c4 = ctx.mma(a, b, c4, MMAShape.M16N8K16);
            c5 = ctx.mma(a, b, c5, MMAShape.M16N8K16);
            c6 = ctx.mma(a, b, c6, MMAShape.M16N8K16);
            c7 = ctx.mma(a, b, c7, MMAShape.M16N8K16);
        }
        int row = ctx.globalIdx / 32 * 128;
        ctx.mmaStore(c0, out, row, 0, 8);
        ctx.mmaStore(c1, out, row + 16, 0, 8);
        ctx.mmaStore(c2, out, row + 32, 0, 8);
        ctx.mmaStore(c3, out, row + 48, 0, 8);
        ctx.mmaStore(c4, out, row + 64, 0, 8);
        ctx.mmaStore(c5, out, row + 80, 0, 8);
        ctx.mmaStore(c6, out, row + 96, 0, 8);
        ctx.mmaStore(c7, out, row + 112, 0, 8);
    }

    /** Each work-item copies {@link #COPIES} floats, all of them on their way at once; those of a group lie side by side. */
    static void copy(KernelContext ctx, FloatArray in, FloatArray out, int group) {
        int from = ctx.groupIdx * group * 8 + ctx.localIdx;
        float[] x = new float[8];
        for (int i = 0; i < 8; i++) {
            x[i] = in.get(from + i * group);
        }
        for (int i = 0; i < 8; i++) {
            out.set(from + i * group, x[i]);
        }
    }

    /**
     * Each work-item reads {@code steps * READS} times four neighboring floats of local memory, beside those of its neighbors.
     */
    static void localReads(KernelContext ctx, FloatArray in, FloatArray out, int group, int steps) {
        float[] tile = ctx.allocateFloatLocalArray(4096);
        for (int i = ctx.localIdx; i < 4096; i += group) {
            tile[i] = in.get(i);
        }
        ctx.localBarrier(); // the tile is complete
        float a = 0f;
        float b = 0f;
        float c = 0f;
        float d = 0f;
        for (int n = 0; n < steps; n++) {
            int at = (ctx.localIdx * 4 + n * 512) & 1023;
            for (int u = 0; u < 8; u++) {
                a = a + tile[at + u * 384];
                b = b + tile[at + u * 384 + 1];
                c = c + tile[at + u * 384 + 2];
                d = d + tile[at + u * 384 + 3];
            }
        }
        out.set(ctx.globalIdx, a + b + c + d);
    }
}
