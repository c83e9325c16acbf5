package io.github.tornadoattention.simulator.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

/** Kernels that use the operations of a warp wrongly. Most lines at fault end with the number that selects them. */
public final class WarpFaults {

    private WarpFaults() {
    }

    /** Some lanes do not come to the operation where the others are. */
    @SuppressWarnings("DuplicateBranches")
    public static void apart(KernelContext ctx, FloatArray out, int which) {
        int lane = ctx.localIdx;
        float value = lane;
        if (which == 0 && lane >= 30) {
            return;
        }
        if (which == 1 && lane == 7) {
            ctx.localBarrier(); // waits
        }
        if (which == 2 && lane % 2 == 1) {
            value = ctx.simdSum(value); // odd
        } else {
            value = ctx.simdSum(value); // even
        }
        if (which == 3 && lane == 31) {
            value = ctx.simdBroadcastFirst(value); // apart 3
        } else {
            value = ctx.simdShuffleDown(value, 1); // others
        }
        out.set(ctx.globalIdx, value);
    }

    /** Operands that the device does not take. */
    public static void operands(KernelContext ctx, HalfFloatArray in, FloatArray out, int which) {
        int[] tile = ctx.allocateIntLocalArray(128);
        float[] floats = ctx.allocateFloatLocalArray(4 + 128);
        int[] mine = new int[128];
        float[] two = new float[2];
        HalfFloat[] a = ctx.mmaLoadA(which == 0 ? mine : tile, 16); // operand 0
        HalfFloat[] b = ctx.mmaLoadB(tile, which == 1 ? 32 : 16); // operand 1
        b = ctx.mmaLoadB(tile, 16, which == 2 ? 8 : 16); // operand 2
        float[] c = ctx.mma(which == 3 ? b : a, b, ctx.mmaFragment(0f), MMAShape.M16N8K16); // operand 3
        c = ctx.mma(a, b, which == 4 ? two : c, MMAShape.M16N8K16); // operand 4
        c = ctx.mmaBF16(a, b, c, which == 5 ? MMAShape.M16N8K32 : MMAShape.M16N8K16); // operand 5
        FloatArray view = (FloatArray) (Object) floats;
        out.set(0, which == 7 ? view.get(0) : 0f); // operand 7
        out.set(0, ctx.simdShuffleDown(1f, which == 8 ? 32 : 1)); // operand 8
        ctx.asyncCopyToLocal(tile, 0, in, which == 9 ? 1 : 0); // operand 9
        ctx.asyncCopyToLocal(which == 10 ? mine : tile, 0, in, 0); // operand 10
        ctx.asyncCopyWaitGroup(which == 11 ? -1 : 0); // operand 11
        ctx.allocateFloatLocalArray(which == 13 ? 2 : 4);
        ctx.mmaLoadA(tile, 16); // operand 13
    }

    /** Indices outside local and global arrays. */
    public static void outside(KernelContext ctx, HalfFloatArray in, FloatArray out, int which) {
        int[] tile = ctx.allocateIntLocalArray(128);
        float[] floats = ctx.allocateFloatLocalArray(4 + 128);
        HalfFloat[] halves = ctx.allocateHalfFloatLocalArray(128);
        for (int i = ctx.localIdx; i < 128; i += 32) {
            tile[i] = 0;
            halves[i] = in.get(0);
        }
        ctx.localBarrier();
        ctx.mmaLoadA(tile, 16, which == 0 ? 16 : 0); // outside 0
        ctx.mmaLoadB(tile, 16, which == 1 ? -16 : 0); // outside 1
        ctx.mmaLoadBSwizzled(halves, 16, which == 2 ? 16 : 0); // outside 2
        float[] c = ctx.mmaFragment(1f);
        ctx.mmaStore(c, (FloatArray) (Object) floats, which == 3 ? 1 : 0, 0, 8); // outside 3
        ctx.mmaStore(c, out, which == 4 ? 1 : 0, 0, 8); // outside 4
        ctx.localBarrier();
        ctx.asyncCopyToLocal(tile, which == 5 ? 128 : ctx.localIdx, in, 0); // outside 5
        ctx.asyncCopyToLocal(tile, 32 + ctx.localIdx, in, which == 6 ? 256 : 0); // outside 6
    }

    /** Local memory is used by two lanes between two barriers, or before anybody wrote it. */
    public static void races(KernelContext ctx, FloatArray out, int which) {
        int lane = ctx.localIdx;
        int[] tile = ctx.allocateIntLocalArray(128);
        float[] floats = ctx.allocateFloatLocalArray(4 + 128);
        float[] own = new float[4];
        for (int i = lane; i < 128 && which != 0; i += 32) {
            tile[i] = 0; // written
        }
        if (which > 1) {
            ctx.localBarrier();
        }
        HalfFloat[] a = ctx.mmaLoadA(tile, 16); // race 0 and 1
        if (which == 2) {
            tile[127 - lane] = 1; // race 2
        }
        HalfFloat[] b = ctx.mmaLoadB(tile, 16);
        float[] c = ctx.mma(a, b, which == 3 ? own : ctx.mmaFragment(0f), MMAShape.M16N8K16); // race 3
        ctx.mmaStore(c, (FloatArray) (Object) floats, 0, 0, 8); // stored
        out.set(lane, floats[which == 4 ? 4 + lane : 4 + lane / 4 * 8 + lane % 4 * 2]); // race 4
    }

    /** Copies that are used too early: {@code which} says what is left out. */
    public static void early(KernelContext ctx, HalfFloatArray in, FloatArray out, int which) {
        int lane = ctx.localIdx;
        int[] tile = ctx.allocateIntLocalArray(128);
        for (int i = lane; i < 128; i += 32) {
            ctx.asyncCopyToLocal(tile, i, in, i * 2); // copied
        }
        if (which != 0) {
            ctx.asyncCopyCommit();
        }
        if (which == 1) {
            tile[lane] = 1; // early 1
        }
        if (which != 2) {
            ctx.asyncCopyWaitGroup(which == 3 ? 1 : 0);
        }
        if (which != 4) {
            ctx.localBarrier();
        }
        out.set(lane, tile[lane]); // read
    }
}
