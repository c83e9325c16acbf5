package io.github.tornadoattention.simulator.engine;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FP8Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

/**
 * What rewritten kernels call in place of the methods of {@link KernelContext} with the same names. {@code site} is a number of
 * {@link SourceSites}; the other parameters are those of the methods.
 */
public final class WarpHooks {

    private WarpHooks() {
    }

    /** A local array as what fragments are stored to; anything else as it is. */
    public static Object floatArray(Object array) {
        return array instanceof float[] floats ? LocalFloats.view(floats) : array;
    }

    /** Sum over the warp. */
    public static float simdSum(KernelContext context, float value, int site) {
        return Shuffles.sum(item(context, "simdSum"), value, site);
    }

    /** Value of a later lane. */
    public static float simdShuffleDown(KernelContext context, float value, int delta, int site) {
        return Shuffles.down(item(context, "simdShuffleDown"), value, delta, site);
    }

    /** Value of lane 0. */
    public static float simdBroadcastFirst(KernelContext context, float value, int site) {
        return Shuffles.first(item(context, "simdBroadcastFirst"), value, site);
    }

    /** Fragment of A, from the beginning of a tile. */
    public static HalfFloat[] mmaLoadA(KernelContext context, int[] tile, int depth, int site) {
        return mmaLoadA(context, tile, depth, 0, site);
    }

    /** Fragment of A. */
    public static HalfFloat[] mmaLoadA(KernelContext context, int[] tile, int depth, int byteOffset, int site) {
        return Fragments.loadA(item(context, "mmaLoadA"), tile, depth, byteOffset, site);
    }

    /** Fragment of B, from the beginning of a tile. */
    public static HalfFloat[] mmaLoadB(KernelContext context, int[] tile, int depth, int site) {
        return mmaLoadB(context, tile, depth, 0, site);
    }

    /** Fragment of B. */
    public static HalfFloat[] mmaLoadB(KernelContext context, int[] tile, int depth, int byteOffset, int site) {
        return Fragments.loadB(item(context, "mmaLoadB"), tile, depth, byteOffset, site);
    }

    /** Fragment of B, from the beginning of a swizzled tile. */
    public static HalfFloat[] mmaLoadBSwizzled(KernelContext context, HalfFloat[] tile, int depth, int site) {
        return mmaLoadBSwizzled(context, tile, depth, 0, site);
    }

    /** Fragment of B, from a swizzled tile. */
    public static HalfFloat[] mmaLoadBSwizzled(KernelContext context, HalfFloat[] tile, int depth, int byteOffset, int site) {
        return Fragments.loadSwizzledB(item(context, "mmaLoadBSwizzled"), tile, depth, byteOffset, site);
    }

    /** Element of a swizzled tile. */
    public static HalfFloat swizzleLoadFp16Stride32(KernelContext context, HalfFloat[] tile, int row, int column, int stride,
            int site) {
        return Swizzle.load(tile, row, column, stride, site);
    }

    /** Writes an element of a swizzled tile. */
    public static void swizzleStoreFp16Stride32(KernelContext context, HalfFloat[] tile, int row, int column, int stride,
            HalfFloat value, int site) {
        Swizzle.store(tile, row, column, stride, value, 0, site);
    }

    /** Writes an element of a swizzled tile that starts at a byte. */
    public static void mmaStoreBSwizzled(KernelContext context, HalfFloat[] tile, int row, int column, int stride,
            HalfFloat value, int byteOffset, int site) {
        Swizzle.store(tile, row, column, stride, value, byteOffset, site);
    }

    /** Product of half-precision fragments. */
    public static float[] mma(KernelContext context, HalfFloat[] a, HalfFloat[] b, float[] c, MMAShape shape, int site) {
        return Fragments.multiply(item(context, "mma"), Fragments.Operand.FP16, a, b, c, shape, site);
    }

    /** Product of bfloat16 fragments. */
    public static float[] mmaBF16(KernelContext context, HalfFloat[] a, HalfFloat[] b, float[] c, MMAShape shape, int site) {
        return Fragments.multiply(item(context, "mmaBF16"), Fragments.Operand.BF16, a, b, c, shape, site);
    }

    /** Writes an accumulator. */
    public static void mmaStore(KernelContext context, float[] d, FloatArray target, int row, int column, int columns, int site) {
        Fragments.store(item(context, "mmaStore"), d, target, row, column, columns, site);
    }

    /** Starts to copy two halves. */
    public static void asyncCopyToLocal(KernelContext context, int[] tile, int index, HalfFloatArray source, int from, int site) {
        AsyncCopies.requireAligned(from, Short.BYTES);
        int low = source.get(from).getHalfFloatValue() & 0xFFFF;
        copy(context, tile, index, low | source.get(from + 1).getHalfFloatValue() << 16, site);
    }

    /** Starts to copy four bytes. */
    public static void asyncCopyToLocal(KernelContext context, int[] tile, int index, FP8Array source, int from, int site) {
        AsyncCopies.requireAligned(from, Byte.BYTES);
        copy(context, tile, index,
                word(source.get(from), source.get(from + 1), source.get(from + 2), source.get(from + 3)), site);
    }

    /** Starts to copy four bytes. */
    public static void asyncCopyToLocal(KernelContext context, int[] tile, int index, ByteArray source, int from, int site) {
        AsyncCopies.requireAligned(from, Byte.BYTES);
        copy(context, tile, index,
                word(source.get(from), source.get(from + 1), source.get(from + 2), source.get(from + 3)), site);
    }

    /** Closes a group of copies. */
    public static void asyncCopyCommit(KernelContext context) {
        item(context, "asyncCopyCommit").copies().commit();
    }

    /** Waits for groups of copies. */
    public static void asyncCopyWaitGroup(KernelContext context, int groups) {
        item(context, "asyncCopyWaitGroup").copies().await(groups);
    }

    private static void copy(KernelContext context, int[] tile, int index, int value, int site) {
        GroupItem item = item(context, "asyncCopyToLocal");
        item.copies().start(item.memory(), tile, index, value, site);
    }

    private static int word(byte b0, byte b1, byte b2, byte b3) {
        return b0 & 0xFF | (b1 & 0xFF) << 8 | (b2 & 0xFF) << 16 | b3 << 24;
    }

    private static GroupItem item(KernelContext context, String operation) {
        return WorkItem.of(context).inGroup(operation);
    }
}
