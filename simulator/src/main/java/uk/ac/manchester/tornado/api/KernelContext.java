package uk.ac.manchester.tornado.api;

import io.github.tornadoattention.simulator.engine.WorkItem;
import uk.ac.manchester.tornado.api.types.HalfFloat;

/**
 * What a work-item knows of its place in the grid, and what it shares with its group. The context that the host passes to
 * {@link TaskGraph#task} only marks the argument: every work-item gets one of its own.
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
        item.barrier(WorkItem.UNKNOWN_SITE);
    }

    /** Waits until every work-item of the group has arrived here; then all see each other's global memory. */
    public void globalBarrier() {
        item.barrier(WorkItem.UNKNOWN_SITE);
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
}
