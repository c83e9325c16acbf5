package io.github.tornadoattention.simulator.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Kernels that leave their arrays, and kernels that fail in other ways. */
public final class Bounds {

    private Bounds() {
    }

    /** Copies with a shift. */
    public static void shifted(KernelContext ctx, FloatArray source, FloatArray target, int readShift, int writeShift) {
        int i = ctx.globalIdx;
        float value = source.get(i + readShift); // read
        target.set(i + writeShift, value); // write
    }

    /** Reads halves past their end, in a helper. */
    public static void helped(KernelContext ctx, HalfFloatArray halves, FloatArray target) {
        target.set(ctx.globalIdx, Helper.halfAt(halves, ctx.globalIdx)); // call
    }

    /** Writes a local array at an index. */
    public static void local(KernelContext ctx, FloatArray target, int index) {
        float[] tile = ctx.allocateFloatLocalArray(8);
        tile[index] = 1f; // local
        target.set(ctx.globalIdx, tile[index]);
    }

    /** Reads a private array at an index. */
    public static void privately(KernelContext ctx, FloatArray target, int index) {
        float[] row = new float[4];
        for (int i = 0; i < 4; i++) {
            row[i] = i;
        }
        target.set(ctx.globalIdx, row[index]); // private
    }

    /** Groups from a number on write past the end. */
    public static void groupsFrom(KernelContext ctx, IntArray target, int group) {
        int at = ctx.groupIdx < group ? 0 : target.getSize();
        target.set(at, 1); // later groups
    }

    /** Divides by zero. */
    public static void divides(KernelContext ctx, IntArray target, int by) {
        target.set(ctx.globalIdx, 7 / by); // division
    }

    /** Plain loops, one step too far. */
    public static void loops(FloatArray target, int n) {
        for (@Parallel int i = 0; i < n; i++) {
            target.set(i, 1f); // loops
        }
    }

    /** Work-items ask for arrays of different lengths. */
    public static void unequalAllocations(KernelContext ctx, FloatArray target) {
        float[] tile = ctx.allocateFloatLocalArray(4 + ctx.localIdx); // allocation
        tile[0] = 0f;
        target.set(ctx.globalIdx, 0f);
    }
}
