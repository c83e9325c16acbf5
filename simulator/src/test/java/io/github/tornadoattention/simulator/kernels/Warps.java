package io.github.tornadoattention.simulator.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FP8Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.vectors.Half2;

/** Kernels whose lanes work together as they should. Each warp of a product makes a 16 x 16 tile, one group a row of tiles. */
public final class Warps {

    private Warps() {
    }

    /** {@code c = a b}, rows of A from the group, columns of B from the warp; both are packed by hand. */
    public static void product(KernelContext ctx, HalfFloatArray a, HalfFloatArray b, FloatArray c, int columns, int depth) {
        int warp = ctx.localIdx / 32;
        int lane = ctx.localIdx % 32;
        int[] tileA = ctx.allocateIntLocalArray(128);
        int[] tilesB = ctx.allocateIntLocalArray(1024);
        float[] left = ctx.mmaFragment(0f);
        float[] right = ctx.mmaFragment(0f);
        for (int k = 0; k < depth; k += 16) {
            for (int i = ctx.localIdx; i < 128; i += ctx.localGroupSizeX) {
                int at = (ctx.groupIdx * 16 + i / 8) * depth + k + i % 8 * 2;
                tileA[i] = a.get(at).getHalfFloatValue() & 0xFFFF | a.get(at + 1).getHalfFloatValue() << 16;
            }
            for (int i = lane; i < 128; i += 32) {
                int at = (k + i % 64 / 4) * columns + warp * 16 + i / 64 * 8 + i % 4 * 2;
                tilesB[warp * 128 + i] = b.get(at).getHalfFloatValue() & 0xFFFF | b.get(at + 1).getHalfFloatValue() << 16;
            }
            ctx.localBarrier();
            HalfFloat[] fragment = ctx.mmaLoadA(tileA, 16);
            left = ctx.mma(fragment, ctx.mmaLoadB(tilesB, 16, warp * 512), left, MMAShape.M16N8K16);
            right = ctx.mma(fragment, ctx.mmaLoadB(tilesB, 16, warp * 512 + 256), right, MMAShape.M16N8K16);
            ctx.localBarrier();
        }
        ctx.mmaStore(left, c, ctx.groupIdx * 16, warp * 16, columns);
        ctx.mmaStore(right, c, ctx.groupIdx * 16, warp * 16 + 8, columns);
    }

    /** The same in bfloat16, one warp a group of 8 columns. */
    public static void productBfloat16(KernelContext ctx, BFloat16Array a, BFloat16Array b, FloatArray c,
            int columns, int depth) {
        int[] tileA = ctx.allocateIntLocalArray(128);
        int[] tileB = ctx.allocateIntLocalArray(64);
        int row = ctx.groupIdx / (columns / 8) * 16;
        int column = ctx.groupIdx % (columns / 8) * 8;
        float[] sum = ctx.mmaFragment(0f);
        for (int k = 0; k < depth; k += 16) {
            for (int i = ctx.localIdx; i < 128; i += 32) {
                int at = (row + i / 8) * depth + k + i % 8 * 2;
                tileA[i] = a.get(at) & 0xFFFF | a.get(at + 1) << 16;
            }
            for (int i = ctx.localIdx; i < 64; i += 32) {
                int at = (k + i / 4) * columns + column + i % 4 * 2;
                tileB[i] = b.get(at) & 0xFFFF | b.get(at + 1) << 16;
            }
            ctx.localBarrier();
            sum = ctx.mmaBF16(ctx.mmaLoadA(tileA, 16), ctx.mmaLoadB(tileB, 16), sum, MMAShape.M16N8K16);
            ctx.localBarrier();
        }
        ctx.mmaStore(sum, c, row, column, columns);
    }

    /** {@code c = a b} for 16 rows and 8 columns: tiles are fetched a step ahead, asynchronously, into two buffers. */
    public static void fetchedAhead(KernelContext ctx, HalfFloatArray a, HalfFloatArray b, FloatArray c, int depth) {
        int[] tiles = ctx.allocateIntLocalArray(2 * 192);
        fetch(ctx, tiles, 0, a, b, depth, 0);
        ctx.asyncCopyCommit();
        float[] sum = ctx.mmaFragment(0f);
        for (int k = 0; k < depth; k += 16) {
            int buffer = k / 16 % 2;
            if (k + 16 < depth) {
                fetch(ctx, tiles, (1 - buffer) * 192, a, b, depth, k + 16);
            }
            ctx.asyncCopyCommit();
            ctx.asyncCopyWaitGroup(1);
            ctx.localBarrier();
            HalfFloat[] fragmentB = ctx.mmaLoadB(tiles, 16, buffer * 768 + 512);
            sum = ctx.mma(ctx.mmaLoadA(tiles, 16, buffer * 768), fragmentB, sum, MMAShape.M16N8K16);
            ctx.localBarrier();
        }
        ctx.mmaStore(sum, c, 0, 0, 8);
    }

    private static void fetch(KernelContext ctx, int[] tiles, int at, HalfFloatArray a, HalfFloatArray b, int depth, int k) {
        for (int i = ctx.localIdx; i < 192; i += 32) {
            if (i < 128) {
                ctx.asyncCopyToLocal(tiles, at + i, a, i / 8 * depth + k + i % 8 * 2);
            } else {
                ctx.asyncCopyToLocal(tiles, at + i, b, (k + (i - 128) / 4) * 8 + i % 4 * 2);
            }
        }
    }

    /** {@code c = scale * a b + a b}, 16 x 16 x 8: the accumulator goes through local memory, B is swizzled. */
    public static void rescaled(KernelContext ctx, HalfFloatArray a, HalfFloatArray b, FloatArray c, float scale) {
        int lane = ctx.localIdx;
        int[] tileA = ctx.allocateIntLocalArray(128);
        HalfFloat[] tileB = ctx.allocateHalfFloatLocalArray(256);
        float[] floats = ctx.allocateFloatLocalArray(4 + 16 * 12);
        for (int i = lane; i < 128; i += 32) {
            ctx.asyncCopyToLocal(tileA, i, a, i * 2);
            ctx.swizzleStoreFp16Stride32(tileB, i / 8, i % 8, 8, b.get(i));
        }
        ctx.asyncCopyCommit();
        ctx.asyncCopyWaitGroup(0);
        ctx.localBarrier();
        for (int i = lane; i < 128; i += 32) {
            HalfFloat value = ctx.swizzleLoadFp16Stride32(tileB, i / 8, i % 8, 8);
            ctx.mmaStoreBSwizzled(tileB, i / 8, i % 8, 8, value, 256);
        }
        ctx.localBarrier();
        HalfFloat[] fragmentA = ctx.mmaLoadA(tileA, 16);
        HalfFloat[] first = ctx.mmaLoadBSwizzled(tileB, 16);
        HalfFloat[] second = ctx.mmaLoadBSwizzled(tileB, 16, 256);
        ctx.mmaStore(ctx.mma(fragmentA, first, ctx.mmaFragment(0f), MMAShape.M16N8K16), (FloatArray) (Object) floats, 0, 3, 12);
        ctx.localBarrier();
        int at = 4 + lane / 4 * 12 + 3 + lane % 4 * 2;
        float[] scaled = new float[4];
        scaled[0] = floats[at] * scale;
        scaled[1] = floats[at + 1] * scale;
        scaled[2] = floats[at + 96] * scale;
        scaled[3] = floats[at + 97] * scale;
        ctx.mmaStore(ctx.mma(fragmentA, second, scaled, MMAShape.M16N8K16), c, 0, 0, 8);
    }

    /** Sum, neighbor and first lane of each warp. */
    public static void shuffles(KernelContext ctx, FloatArray in, FloatArray out, int delta) {
        int i = ctx.globalIdx + ctx.globalIdy * ctx.globalGroupSizeX;
        int n = ctx.globalGroupSizeX * ctx.globalGroupSizeY;
        float value = in.get(i);
        out.set(i, ctx.simdSum(value));
        out.set(n + i, ctx.simdShuffleDown(value, delta));
        out.set(2 * n + i, ctx.simdBroadcastFirst(value));
    }

    /** Copies bytes four by four, and sums pairs of halves in a tree. */
    public static void packs(KernelContext ctx, ByteArray bytes, FP8Array small, IntArray words, FloatArray sum) {
        int i = ctx.localIdx;
        int[] tile = ctx.allocateIntLocalArray(64);
        Half2[] pairs = ctx.allocateHalf2LocalArray(32);
        ctx.asyncCopyToLocal(tile, i, bytes, i * 4);
        ctx.asyncCopyToLocal(tile, 32 + i, small, i * 4);
        ctx.asyncCopyCommit();
        pairs[i] = Half2.fromFloats(i, -2f * i);
        ctx.asyncCopyWaitGroup(0);
        ctx.localBarrier();
        words.set(i, tile[i]);
        words.set(32 + i, tile[32 + i]);
        for (int half = 16; half > 0; half /= 2) {
            if (i < half) {
                pairs[i] = Half2.add(pairs[i], pairs[i + half]);
            }
            ctx.localBarrier();
        }
        if (i == 0) {
            sum.set(0, Half2.lowFloat(pairs[0]));
            sum.set(1, Half2.highFloat(pairs[0]));
        }
    }
}
