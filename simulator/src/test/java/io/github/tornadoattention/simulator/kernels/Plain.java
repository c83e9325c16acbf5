package io.github.tornadoattention.simulator.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.DoubleArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/** Kernels that do nothing wrong. */
public final class Plain {

    private Plain() {
    }

    /** Writes where each work-item is: 15 numbers of each. */
    public static void places(KernelContext ctx, IntArray out) {
        int width = ctx.globalGroupSizeX;
        int height = ctx.globalGroupSizeY;
        int at = ((ctx.globalIdz * height + ctx.globalIdy) * width + ctx.globalIdx) * 15;
        int[] numbers = {ctx.globalIdx, ctx.globalIdy, ctx.globalIdz, ctx.groupIdx, ctx.groupIdy, ctx.groupIdz, ctx.localIdx,
            ctx.localIdy, ctx.localIdz, ctx.globalGroupSizeX, ctx.globalGroupSizeY, ctx.globalGroupSizeZ, ctx.localGroupSizeX,
            ctx.localGroupSizeY, ctx.localGroupSizeZ};
        for (int i = 0; i < 15; i++) {
            out.set(at + i, numbers[i]);
        }
    }

    /** {@code y = a x} as parallel loops. */
    public static void scale(FloatArray x, FloatArray y, float a) {
        for (@Parallel int i = 0; i < x.getSize(); i++) {
            y.set(i, a * x.get(i));
        }
    }

    /** Adds one to each element. */
    public static void increment(FloatArray x) {
        for (@Parallel int i = 0; i < x.getSize(); i++) {
            x.set(i, x.get(i) + 1f);
        }
    }

    /** Writes the first half of an array only. */
    public static void firstHalf(FloatArray x, FloatArray y) {
        for (@Parallel int i = 0; i < x.getSize() / 2; i++) {
            y.set(i, x.get(i));
        }
    }

    /** Every type of array, each read and written once by each work-item. */
    public static void allTypes(KernelContext ctx, IntArray i, LongArray l, DoubleArray d, ByteArray b, HalfFloatArray h,
            BFloat16Array f) {
        int x = ctx.globalIdx;
        i.set(x, i.get(x) + 1);
        l.set(x, l.get(x) + 1L);
        d.set(x, d.get(x) + 1d);
        b.set(x, (byte) (b.get(x) + 1));
        h.set(x, HalfFloat.add(h.get(x), new HalfFloat(1f)));
        f.setFloat(x, f.getFloat(x) + 1f);
    }

    /** Reads a tile of each group once and writes each element of it as often as there are work-items in the group. */
    public static void tiled(KernelContext ctx, FloatArray in, FloatArray out) {
        int t = ctx.localIdx;
        int n = ctx.localGroupSizeX;
        float[] tile = ctx.allocateFloatLocalArray(n);
        tile[t] = in.get(ctx.globalIdx);
        ctx.localBarrier();
        for (int i = 0; i < n; i++) {
            out.set(ctx.globalIdx * n + i, tile[i]);
        }
    }

    /** Asks for local memory. */
    public static void wantsLocal(KernelContext ctx, FloatArray out, int floats, int doubles) {
        float[] a = ctx.allocateFloatLocalArray(floats);
        double[] b = ctx.allocateDoubleLocalArray(doubles); // second
        a[0] = 1f;
        b[0] = 2d;
        out.set(ctx.globalIdx, a[0]);
    }

    /** Twenty arguments, the context among them. */
    public static void twenty(KernelContext ctx, IntArray out, int a3, int a4, int a5, int a6, int a7, int a8, int a9, int a10,
            int a11, int a12, int a13, int a14, int a15, int a16, long a17, float a18, double a19, IntArray a20) {
        int sum = a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10 + a11 + a12 + a13 + a14 + a15 + a16;
        out.set(ctx.globalIdx, sum + (int) a17 + (int) a18 + (int) a19 + a20.get(0));
    }
}
