package io.github.tornadoattention.simulator.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Kernels that wait: rightly and wrongly. */
public final class Barriers {

    private Barriers() {
    }

    /** Sums each group's part of the input in a tree. */
    public static void groupSum(KernelContext ctx, FloatArray in, FloatArray out) {
        int t = ctx.localIdx;
        int n = ctx.localGroupSizeX;
        float[] part = ctx.allocateFloatLocalArray(64);
        part[t] = in.get(ctx.globalIdx);
        ctx.localBarrier();
        for (int half = n / 2; half > 0; half /= 2) {
            if (t < half) {
                part[t] += part[t + half];
            }
            ctx.localBarrier();
        }
        if (t == 0) {
            out.set(ctx.groupIdx, part[0]);
        }
    }

    /** Each work-item passes its number around the group, one neighbor at a time. */
    public static void ring(KernelContext ctx, IntArray out, int steps) {
        int t = ctx.localIdx;
        int n = ctx.localGroupSizeX;
        int[] hand = ctx.allocateIntLocalArray(n);
        int mine = t;
        for (int step = 0; step < steps; step++) {
            hand[t] = mine;
            ctx.localBarrier();
            mine = hand[(t + 1) % n];
            ctx.globalBarrier();
        }
        out.set(ctx.globalIdx, mine);
    }

    /** Groups past the data return at once, as a whole. */
    public static void wholeGroupReturns(KernelContext ctx, IntArray out, int groups) {
        if (ctx.groupIdx >= groups) {
            return;
        }
        ctx.localBarrier();
        out.set(ctx.globalIdx, 1);
    }

    /** Work-items past the data return before a barrier. */
    public static void someReturn(KernelContext ctx, IntArray out, int items) {
        if (ctx.localIdx >= items) {
            return;
        }
        ctx.localBarrier(); // some wait
        out.set(ctx.globalIdx, 1);
    }

    /** Odd and even work-items wait at different barriers. */
    @SuppressWarnings("DuplicateBranches")
    public static void twoSites(KernelContext ctx, IntArray out) {
        if (ctx.localIdx % 2 == 0) {
            ctx.localBarrier(); // even
        } else {
            ctx.localBarrier(); // odd
        }
        out.set(ctx.globalIdx, 1);
    }

    /** Each work-item goes round as often as its number says. */
    public static void unequalRounds(KernelContext ctx, IntArray out) {
        for (int i = 0; i <= ctx.localIdx; i++) {
            ctx.localBarrier(); // round
        }
        out.set(ctx.globalIdx, 1);
    }

    /** Two barriers on one line are two barriers. */
    @SuppressWarnings("DuplicateBranches")
    public static void oneLine(KernelContext ctx, IntArray out) {
        if (ctx.localIdx == 0) { ctx.localBarrier(); } else { ctx.localBarrier(); } // both
        out.set(ctx.globalIdx, 1);
    }
}
