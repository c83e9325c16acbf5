package io.github.tornadoattention.simulator.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** A kernel whose helper is loaded before it. */
public final class EarlyKernel {

    private EarlyKernel() {
    }

    /** Calls the helper. */
    public static void callsEarlyHelper(KernelContext ctx, IntArray out) {
        out.set(ctx.globalIdx, EarlyHelper.endless(1));
    }
}
