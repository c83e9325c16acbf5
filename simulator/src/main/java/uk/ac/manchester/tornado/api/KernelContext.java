package uk.ac.manchester.tornado.api;

import static io.github.tornadoattention.simulator.engine.WorkItem.UNKNOWN_SITE;

import io.github.tornadoattention.simulator.engine.WarpHooks;
import io.github.tornadoattention.simulator.engine.WorkItem;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FP8Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.vectors.Half2;

/**
 * What a work-item knows of its place in the grid, and what it shares with its group. The context that the host passes to
 * {@link TaskGraph#task} only marks the argument: every work-item gets one of its own.
 *
 * <p>The operations {@code simd...} and {@code mma...} are those of a warp: 32 neighbors in the order x, y, z, its lanes, come to
 * the same operation together. Those on fragments need groups whose extent along x is a multiple of 32. Outside a launch they
 * throw {@link UnsupportedOperationException}. What is called {@code depth} is always 16. Byte offsets are multiples of 16.
 */
public class KernelContext {

    static {
        WorkItem.connect(KernelContext::new, context -> context.item);
    }

    /** Index among all work-items, x. */
    public final Integer globalIdx;
    /** Index among all work-items, y. */
    public final Integer globalIdy;
    /** Index among all work-items, z. */
    public final Integer globalIdz;
    /** Index of the work-group, x. */
    public final Integer groupIdx;
    /** Index of the work-group, y. */
    public final Integer groupIdy;
    /** Index of the work-group, z. */
    public final Integer groupIdz;
    /** Index within the work-group, x. */
    public final Integer localIdx;
    /** Index within the work-group, y. */
    public final Integer localIdy;
    /** Index within the work-group, z. */
    public final Integer localIdz;
    /** Work-items in all, x. */
    public final Integer globalGroupSizeX;
    /** Work-items in all, y. */
    public final Integer globalGroupSizeY;
    /** Work-items in all, z. */
    public final Integer globalGroupSizeZ;
    /** Work-items of a group, x. */
    public final Integer localGroupSizeX;
    /** Work-items of a group, y. */
    public final Integer localGroupSizeY;
    /** Work-items of a group, z. */
    public final Integer localGroupSizeZ;

    private final WorkItem item;

    /** A context outside any launch: all indices and sizes are 0 and barriers do nothing. */
    public KernelContext() {
        this(WorkItem.NONE);
    }

    private KernelContext(WorkItem item) {
        this.item = item;
        globalIdx = item.globalId(0);
        globalIdy = item.globalId(1);
        globalIdz = item.globalId(2);
        groupIdx = item.groupId(0);
        groupIdy = item.groupId(1);
        groupIdz = item.groupId(2);
        localIdx = item.localId(0);
        localIdy = item.localId(1);
        localIdz = item.localId(2);
        globalGroupSizeX = item.globalSize(0);
        globalGroupSizeY = item.globalSize(1);
        globalGroupSizeZ = item.globalSize(2);
        localGroupSizeX = item.groupSize(0);
        localGroupSizeY = item.groupSize(1);
        localGroupSizeZ = item.groupSize(2);
    }

    /** Waits until every work-item of the group has arrived here; then all see each other's local memory. */
    public void localBarrier() {
        item.barrier(UNKNOWN_SITE);
    }

    /** Waits until every work-item of the group has arrived here; then all see each other's global memory. */
    public void globalBarrier() {
        item.barrier(UNKNOWN_SITE);
    }

    /** An array that all work-items of the group share; what it holds at first is undefined. */
    public int[] allocateIntLocalArray(int size) {
        return (int[]) item.allocate(int.class, size);
    }

    /** An array that all work-items of the group share; what it holds at first is undefined. */
    public byte[] allocateByteLocalArray(int size) {
        return (byte[]) item.allocate(byte.class, size);
    }

    /** An array that all work-items of the group share; what it holds at first is undefined. */
    public HalfFloat[] allocateHalfFloatLocalArray(int size) {
        return (HalfFloat[]) item.allocate(HalfFloat.class, size);
    }

    /** An array that all work-items of the group share; what it holds at first is undefined. */
    public long[] allocateLongLocalArray(int size) {
        return (long[]) item.allocate(long.class, size);
    }

    /** An array that all work-items of the group share; what it holds at first is undefined. */
    public float[] allocateFloatLocalArray(int size) {
        return (float[]) item.allocate(float.class, size);
    }

    /** An array that all work-items of the group share; what it holds at first is undefined. */
    public double[] allocateDoubleLocalArray(int size) {
        return (double[]) item.allocate(double.class, size);
    }

    /** An array that all work-items of the group share; what it holds at first is undefined. */
    public Half2[] allocateHalf2LocalArray(int size) {
        return (Half2[]) item.allocate(Half2.class, size);
    }

    /** The sum of the values of all lanes of the warp. */
    public float simdSum(float val) {
        return WarpHooks.simdSum(this, val, UNKNOWN_SITE);
    }

    /** The value of the lane {@code delta} further on, 0 to 31; the own value where there is none. */
    public float simdShuffleDown(float val, int delta) {
        return WarpHooks.simdShuffleDown(this, val, delta, UNKNOWN_SITE);
    }

    /** The value of the warp's lane 0. */
    public float simdBroadcastFirst(float val) {
        return WarpHooks.simdBroadcastFirst(this, val, UNKNOWN_SITE);
    }

    /** An accumulator of 16 x 8 floats whose elements are all {@code v}. Not a warp operation. */
    public float[] mmaFragment(float v) {
        return new float[] {v, v, v, v};
    }

    /** The left factor, 16 x 16, from local memory: 16 rows of 32 bytes, two halves in an int, the first in the lower bits. */
    public HalfFloat[] mmaLoadA(int[] aTile, int depth) {
        return WarpHooks.mmaLoadA(this, aTile, depth, UNKNOWN_SITE);
    }

    /** The left factor from a tile that starts at a byte of the array. */
    public HalfFloat[] mmaLoadA(int[] aTile, int depth, int byteOffset) {
        return WarpHooks.mmaLoadA(this, aTile, depth, byteOffset, UNKNOWN_SITE);
    }

    /** The right factor, 16 x 8, from local memory: 16 rows of 16 bytes, two halves in an int, the first in the lower bits. */
    public HalfFloat[] mmaLoadB(int[] bTile, int depth) {
        return WarpHooks.mmaLoadB(this, bTile, depth, UNKNOWN_SITE);
    }

    /** The right factor from a tile that starts at a byte of the array. */
    public HalfFloat[] mmaLoadB(int[] bTile, int depth, int byteOffset) {
        return WarpHooks.mmaLoadB(this, bTile, depth, byteOffset, UNKNOWN_SITE);
    }

    /** The right factor from a tile whose elements were written by {@link #swizzleStoreFp16Stride32} with a stride of 8. */
    public HalfFloat[] mmaLoadBSwizzled(HalfFloat[] bTile, int depth) {
        return WarpHooks.mmaLoadBSwizzled(this, bTile, depth, UNKNOWN_SITE);
    }

    /** The right factor from a swizzled tile that starts at a byte of the array. */
    public HalfFloat[] mmaLoadBSwizzled(HalfFloat[] bTile, int depth, int byteOffset) {
        return WarpHooks.mmaLoadBSwizzled(this, bTile, depth, byteOffset, UNKNOWN_SITE);
    }

    /** Reads an element of a tile with rows of {@code stride} halves whose places are swizzled. Not a warp operation. */
    public HalfFloat swizzleLoadFp16Stride32(HalfFloat[] arr, int row, int col, int stride) {
        return WarpHooks.swizzleLoadFp16Stride32(this, arr, row, col, stride, UNKNOWN_SITE);
    }

    /** Writes an element of a tile with rows of {@code stride} halves whose places are swizzled. Not a warp operation. */
    public void swizzleStoreFp16Stride32(HalfFloat[] arr, int row, int col, int stride, HalfFloat v) {
        WarpHooks.swizzleStoreFp16Stride32(this, arr, row, col, stride, v, UNKNOWN_SITE);
    }

    /** Writes an element of a swizzled tile that starts at a byte of the array. Not a warp operation. */
    public void mmaStoreBSwizzled(HalfFloat[] arr, int row, int col, int stride, HalfFloat value, int byteOffset) {
        WarpHooks.mmaStoreBSwizzled(this, arr, row, col, stride, value, byteOffset, UNKNOWN_SITE);
    }

    /** {@code A B + C} of half-precision fragments with float accumulators. */
    public float[] mma(HalfFloat[] fragA, HalfFloat[] fragB, float[] fragC, MMAShape mmaShape) {
        return WarpHooks.mma(this, fragA, fragB, fragC, mmaShape, UNKNOWN_SITE);
    }

    /** {@code A B + C} with float accumulators; the bits of A and B are those of bfloat16. */
    public float[] mmaBF16(HalfFloat[] fragA, HalfFloat[] fragB, float[] fragC, MMAShape mmaShape) {
        return WarpHooks.mmaBF16(this, fragA, fragB, fragC, mmaShape, UNKNOWN_SITE);
    }

    /**
     * Writes an accumulator to a row-major matrix with rows of {@code dimN} floats, its corner at {@code (tileRow, tileCol)}.
     * The matrix may be a local array: {@code (FloatArray) (Object) floats}, of which it is the elements from the fifth on.
     */
    public void mmaStore(float[] fragD, FloatArray c, int tileRow, int tileCol, int dimN) {
        WarpHooks.mmaStore(this, fragD, c, tileRow, tileCol, dimN, UNKNOWN_SITE);
    }

    /**
     * Starts to copy two halves, from an even index on, to an element of local memory, which may be used after
     * {@link #asyncCopyCommit}, {@link #asyncCopyWaitGroup} and a barrier.
     */
    public void asyncCopyToLocal(int[] dstTile, int dstIndex, HalfFloatArray src, int srcIndex) {
        WarpHooks.asyncCopyToLocal(this, dstTile, dstIndex, src, srcIndex, UNKNOWN_SITE);
    }

    /** Starts to copy four bytes, from a multiple of 4 on, to an element of local memory. */
    public void asyncCopyToLocal(int[] dstTile, int dstIndex, FP8Array src, int srcIndex) {
        WarpHooks.asyncCopyToLocal(this, dstTile, dstIndex, src, srcIndex, UNKNOWN_SITE);
    }

    /** Starts to copy four bytes, from a multiple of 4 on, to an element of local memory. */
    public void asyncCopyToLocal(int[] dstTile, int dstIndex, ByteArray src, int srcIndex) {
        WarpHooks.asyncCopyToLocal(this, dstTile, dstIndex, src, srcIndex, UNKNOWN_SITE);
    }

    /** Makes a group of the copies that this work-item has started since the last commit. */
    public void asyncCopyCommit() {
        WarpHooks.asyncCopyCommit(this);
    }

    /** Waits until no more than the latest {@code groups} groups of this work-item are on their way. */
    public void asyncCopyWaitGroup(int groups) {
        WarpHooks.asyncCopyWaitGroup(this, groups);
    }
}
