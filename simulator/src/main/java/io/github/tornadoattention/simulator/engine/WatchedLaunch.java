package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;

/** The launch that is being watched, of which there is one at a time, and the work-item that runs just now. */
final class WatchedLaunch {

    private static WatchedLaunch current;

    private final Geometry geometry;
    private LocalMemory local;
    private int group;
    private int item;
    private int interval;
    private long localBytesRead;
    private long localBytesWritten;

    WatchedLaunch(Geometry geometry) {
        this.geometry = geometry;
    }

    /** The watched launch, or null if none is. */
    static WatchedLaunch current() {
        return current;
    }

    void begin() {
        current = this;
    }

    static void end() {
        current = null;
    }

    void startGroup(int index, LocalMemory memory) {
        group = index;
        local = memory;
        interval++;
    }

    /** All work-items have passed a barrier. */
    void nextInterval() {
        interval++;
    }

    void run(int itemIndex) {
        item = itemIndex;
    }

    int group() {
        return group;
    }

    int item() {
        return item;
    }

    int interval() {
        return interval;
    }

    /** Bytes that work-items have read from local memory so far. */
    long localBytesRead() {
        return localBytesRead;
    }

    /** Bytes that work-items have written to local memory so far. */
    long localBytesWritten() {
        return localBytesWritten;
    }

    KernelFault.Place place(int itemIndex) {
        return geometry.itemPlace(itemIndex);
    }

    KernelFault.Place groupPlace(int groupIndex) {
        return geometry.groupPlace(groupIndex);
    }

    /** Checks a read of a Java array; false if the array is private to the work-item. */
    boolean read(Object array, int length, int index, int site) {
        LocalShadow shadow = local == null ? null : local.shadowOf(array);
        if (shadow != null) {
            shadow.read(index, this, site);
            localBytesRead += shadow.elementBytes();
            return true;
        }
        checkPrivate(array, length, index, "read of");
        return false;
    }

    /** Checks a write to a Java array. */
    void write(Object array, int length, int index, int site) {
        LocalShadow shadow = local == null ? null : local.shadowOf(array);
        if (shadow != null) {
            shadow.write(index, this, site);
            localBytesWritten += shadow.elementBytes();
        } else {
            checkPrivate(array, length, index, "write to");
        }
    }

    /** Checks that a copy to an element of local memory may start; until {@link #endCopy} nobody may use it. */
    void startCopy(Object array, int index, int site) {
        LocalShadow shadow = local.shadowOf(array);
        shadow.startCopy(index, this, site);
        localBytesWritten += shadow.elementBytes();
    }

    /** A copy to local memory has ended: after the next barrier everybody may use it. */
    void endCopy(Object array, int index, int site) {
        local.shadowOf(array).endCopy(index, this, site);
    }

    private static void checkPrivate(Object array, int length, int index, String access) {
        if (index < 0 || index >= length) {
            throw new Violation(KernelFault.Kind.OUT_OF_BOUNDS, access + " index " + index + " of a "
                    + array.getClass().getComponentType().getSimpleName() + " private array with " + length + " elements");
        }
    }
}
