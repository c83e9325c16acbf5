package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * 16-bit numbers to float32, which is exact, and back, rounded to nearest: they stand in front of and behind the float32 kernels,
 * so that every option works in every type. The cost is a pass over each input and output.
 *
 * <p>Launch: a work-item for each element; those past {@code count[0]} do nothing. bfloat16 in kernels exists on CUDA only;
 * float16 needs the device's own.
 */
public final class Conversions {
    private Conversions() {
    }

    /** {@code to = from}, float16 widened. */
    public static void widenHalf(KernelContext ctx, HalfFloatArray from, FloatArray to, IntArray count) {
        int n = ctx.globalIdx;
        if (n < count.get(0)) {
            to.set(n, from.get(n).getFloat32());
        }
    }

    /** {@code to = from}, rounded to float16. */
    public static void narrowHalf(KernelContext ctx, FloatArray from, HalfFloatArray to, IntArray count) {
        int n = ctx.globalIdx;
        if (n < count.get(0)) {
            float x = from.get(n);
            to.set(n, new HalfFloat(x));
        }
    }

    /** {@code to = from}, bfloat16 widened. */
    public static void widenBrain(KernelContext ctx, BFloat16Array from, FloatArray to, IntArray count) {
        int n = ctx.globalIdx;
        if (n < count.get(0)) {
            to.set(n, from.getFloat(n));
        }
    }

    /** {@code to = from}, rounded to bfloat16. */
    public static void narrowBrain(KernelContext ctx, FloatArray from, BFloat16Array to, IntArray count) {
        int n = ctx.globalIdx;
        if (n < count.get(0)) {
            to.setFloat(n, from.get(n));
        }
    }
}
