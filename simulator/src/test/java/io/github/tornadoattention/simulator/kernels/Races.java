package io.github.tornadoattention.simulator.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Kernels whose work-items get in each other's way, or read what nobody wrote. */
public final class Races {

    private Races() {
    }

    /** Reads the neighbor's element without a barrier in between. */
    public static void readsNeighbor(KernelContext ctx, FloatArray out, int distance) {
        int t = ctx.localIdx;
        float[] tile = ctx.allocateFloatLocalArray(8);
        tile[t] = t; // written
        if (distance == 0) {
            ctx.localBarrier();
        }
        out.set(ctx.globalIdx, tile[Math.max(t - distance, 0)]); // read
    }

    /** Overwrites an element that another work-item reads in the same interval. */
    public static void overwrites(KernelContext ctx, IntArray out) {
        int t = ctx.localIdx;
        int[] tile = ctx.allocateIntLocalArray(4);
        tile[t] = t;
        ctx.localBarrier();
        if (t < 2) {
            out.set(t, tile[3]); // read before
        } else if (t == 3) {
            tile[t] = 7; // overwritten
        }
    }

    /** All write one element. */
    public static void allWrite(KernelContext ctx, FloatArray out) {
        double[] cell = ctx.allocateDoubleLocalArray(1);
        cell[0] = ctx.localIdx; // all
        ctx.localBarrier();
        out.set(ctx.globalIdx, (float) cell[0]);
    }

    /** Reads an element of each type that nobody wrote; {@code which} selects the type. */
    public static void unwrittenLocal(KernelContext ctx, FloatArray out, int which) {
        float[] floats = ctx.allocateFloatLocalArray(2);
        int[] ints = ctx.allocateIntLocalArray(2);
        byte[] bytes = ctx.allocateByteLocalArray(2);
        long[] longs = ctx.allocateLongLocalArray(2);
        HalfFloat[] halves = ctx.allocateHalfFloatLocalArray(2);
        floats[0] = 0f;
        ints[0] = 0;
        bytes[0] = 0;
        longs[0] = 0;
        halves[0] = new HalfFloat(0f);
        float sum = floats[which == 0 ? 1 : 0]; // 0
        sum += ints[which == 1 ? 1 : 0]; // 1
        sum += bytes[which == 2 ? 1 : 0]; // 2
        sum += longs[which == 3 ? 1 : 0]; // 3
        sum += halves[which == 4 ? 1 : 0].getFloat32(); // 4
        out.set(ctx.globalIdx, sum);
    }

    /** Adds to a private array that holds zeros in Java only. */
    public static void unwrittenPrivate(KernelContext ctx, FloatArray out) {
        float[] acc = new float[3];
        acc[1] += 1f; // private
        out.set(ctx.globalIdx, acc[1]);
    }

    /** Adds to an output that holds garbage. */
    public static void unwrittenGlobal(KernelContext ctx, FloatArray out) {
        int i = ctx.globalIdx;
        out.set(i, out.get(i) + 1f); // global
    }

    /** Groups write one element, or read what another group writes, as {@code how} says. */
    public static void groupsMeet(KernelContext ctx, FloatArray data, int how) {
        int g = ctx.groupIdx;
        if (ctx.localIdx != 0) {
            return;
        }
        if (how == 0) {
            data.set(0, g); // both write
        } else if (how == 1) {
            data.set(g, data.get(1 - g)); // read then written
        } else if (how == 2 && g == 0) {
            data.set(5, 1f);
        } else if (how == 2) {
            data.set(g, data.get(5)); // written then read
        }
    }

    /** Reads a local element in a helper of another class. */
    public static void helperReads(KernelContext ctx, FloatArray out) {
        float[] tile = ctx.allocateFloatLocalArray(4);
        if (ctx.localIdx < 2) {
            tile[ctx.localIdx] = 1f;
        }
        ctx.localBarrier();
        out.set(ctx.globalIdx, Helper.element(tile, ctx.localIdx));
    }

    /** Uses every kind of array and shares what it may: nothing to report. */
    public static void clean(KernelContext ctx, FloatArray in, FloatArray out) {
        int t = ctx.localIdx;
        float[] tile = ctx.allocateFloatLocalArray(4);
        HalfFloat[] halves = ctx.allocateHalfFloatLocalArray(4);
        byte[] bytes = ctx.allocateByteLocalArray(4);
        boolean[] flags = new boolean[2];
        float[] mine = {1f, 2f};
        short[] shorts = new short[1];
        shorts[0] = (short) t;
        flags[t % 2] = true;
        float sum = 0f;
        for (int round = 0; round < 3; round++) {
            tile[t] = in.get(ctx.globalIdx) * mine[round % 2];
            halves[t] = new HalfFloat(tile[t]);
            bytes[t] = (byte) shorts[0];
            ctx.localBarrier();
            for (int i = 0; i < 4; i++) {
                sum += tile[i] + halves[i].getFloat32() + bytes[i];
            }
            ctx.localBarrier();
        }
        out.set(ctx.globalIdx, flags[t % 2] ? sum : -1f);
        out.set(ctx.globalIdx, out.get(ctx.globalIdx) + in.get(0));
    }
}
