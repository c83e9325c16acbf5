package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** The one task of a graph that only brings arrays to the device: TornadoVM runs no graph without a task. */
public final class Arrival {
    private Arrival() {
    }

    /** One launch of any size: {@code mark[0] = 1}. */
    public static void arrived(KernelContext ctx, IntArray mark) {
        if (ctx.globalIdx == 0) {
            mark.set(0, 1);
        }
    }
}
