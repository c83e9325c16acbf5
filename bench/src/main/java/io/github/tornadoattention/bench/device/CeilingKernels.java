package io.github.tornadoattention.bench.device;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Kernels that do one thing as fast as a device can: what attention's speed is measured against. */
final class CeilingKernels {
    /** Multiply-adds that do not wait for one another, in {@link #multiplyAdds}. */
    static final int CHAINS = 16;
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

    /** Each work-item copies one float. */
    static void copy(KernelContext ctx, FloatArray in, FloatArray out) {
        out.set(ctx.globalIdx, in.get(ctx.globalIdx));
    }

    /** Each work-item reads {@code steps * READS} times four neighboring floats of local memory, beside those of its neighbors. */
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
