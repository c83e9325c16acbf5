package io.github.tornadoattention.simulator.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Kernels that run for long, or for ever. */
public final class Loops {

    private Loops() {
    }

    /** Never ends. */
    public static void forever(KernelContext ctx, IntArray out) {
        int i = 0;
        while (i >= 0) { // forever
            i = (i + 1) & 0xff;
        }
        out.set(ctx.globalIdx, i);
    }

    /** A step that is zero. */
    public static void noStep(KernelContext ctx, IntArray out, int step) {
        int sum = 0;
        for (int i = 0; i < 10; i += step) { // step
            sum += i;
        }
        out.set(ctx.globalIdx, sum);
    }

    /** A bound that is garbage: nobody copied the lengths to the device. */
    public static void garbageBound(KernelContext ctx, IntArray lengths, IntArray out) {
        int n = lengths.get(0);
        int sum = 0;
        for (int i = 0; i < n; i++) { // bound
            sum += i;
        }
        out.set(ctx.globalIdx, sum);
    }

    /** Waits at a barrier for ever. */
    public static void foreverAtABarrier(KernelContext ctx, IntArray out) {
        int i = 1;
        do {
            ctx.localBarrier(); // barrier
            i = i % 7 + 1;
        } while (i > 0);
        out.set(ctx.globalIdx, i);
    }

    /** A helper of another class never ends. */
    public static void helperForever(KernelContext ctx, IntArray out) {
        out.set(ctx.globalIdx, Helper.endless(3));
    }

    /** Plain loops of which one never ends. */
    public static void parallelForever(IntArray out) {
        for (@Parallel int i = 0; i < 4; i++) {
            int n = 1;
            while (n != 0) { // inner
                n = n * 3 % 1000;
            }
            out.set(i, n);
        }
    }

    /** Many short loops within the budget of each outer iteration: counted ones, ones that jump out and ones that go down. */
    public static void parallelMany(IntArray out, int rounds, int length) {
        for (@Parallel int i = 0; i < rounds; i++) {
            int sum = 0;
            for (int k = 0; k < length; k += 3) {
                sum += k;
            }
            for (int k = length; k > 0; k--) {
                if (k == 5) {
                    break;
                }
                sum += 1;
            }
            out.set(i % out.getSize(), sum);
        }
    }

    /** Loops that end, of every form that the agent tells apart; the sum is the same with and without it. */
    public static void allForms(KernelContext ctx, IntArray out, int n, int step) {
        int sum = 0;
        for (int i = 0; i < n; i++) {
            sum += i;
        }
        for (int i = n; i <= n * 2; i += 2) {
            sum += i;
        }
        for (int i = 0; i < n; i += step) {
            sum += i;
        }
        for (int i = 0, m = n; i < m; i++) {
            m--;
            sum += m;
        }
        int k = n;
        do {
            sum += k;
        } while (k-- > 0);
        for (long i = 0; i < n; i++) {
            if (i == 3) {
                continue;
            }
            sum += (int) i;
        }
        for (int i = n; i < 0; i++) {
            sum += 1000;
        }
        out.set(ctx.globalIdx, sum);
    }
}
