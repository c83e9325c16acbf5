package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;

/**
 * Who wrote and read each element of a local array, and in which interval between two barriers. Intervals are numbered on from
 * group to group, so nothing has to be cleared between groups.
 */
final class LocalShadow {

    private static final int SEVERAL = -1;

    /** Six numbers for each element, side by side, since they are used together. */
    private static final int FIELDS = 6;
    private static final int WRITE_INTERVAL = 0;
    private static final int WRITER = 1;
    private static final int WRITE_SITE = 2;
    private static final int READ_INTERVAL = 3;
    private static final int READER = 4;
    private static final int READ_SITE = 5;

    private final Object array;
    private final int order;
    private final int length;
    private final int[] cells;
    private int firstInterval;

    LocalShadow(Object array, int order, int length) {
        this.array = array;
        this.order = order;
        this.length = length;
        cells = new int[Math.multiplyExact(length, FIELDS)];
        startGroup();
    }

    Object array() {
        return array;
    }

    void startGroup() {
        firstInterval = WatchedLaunch.current().interval();
    }

    void read(int index, WatchedLaunch now, int site) {
        check(index, "read of");
        int cell = index * FIELDS;
        int interval = now.interval();
        int item = now.item();
        if (cells[cell + WRITE_INTERVAL] < firstInterval) {
            throw new Violation(KernelFault.Kind.UNWRITTEN_READ, "read of " + name(index) + ", which nobody has written yet");
        }
        if (cells[cell + WRITE_INTERVAL] == interval && cells[cell + WRITER] != item) {
            throw race("reads", index, "wrote", now.place(cells[cell + WRITER]), cells[cell + WRITE_SITE]);
        }
        if (cells[cell + READ_INTERVAL] != interval) {
            cells[cell + READ_INTERVAL] = interval;
            cells[cell + READER] = item;
            cells[cell + READ_SITE] = site;
        } else if (cells[cell + READER] != item) {
            cells[cell + READER] = SEVERAL;
        }
    }

    void write(int index, WatchedLaunch now, int site) {
        check(index, "write to");
        int cell = index * FIELDS;
        int interval = now.interval();
        int item = now.item();
        if (cells[cell + WRITE_INTERVAL] == interval && cells[cell + WRITER] != item) {
            throw race("writes", index, "wrote", now.place(cells[cell + WRITER]), cells[cell + WRITE_SITE]);
        }
        if (cells[cell + READ_INTERVAL] == interval && cells[cell + READER] != item) {
            int reader = cells[cell + READER];
            throw race("writes", index, "read", reader == SEVERAL ? null : now.place(reader), cells[cell + READ_SITE]);
        }
        cells[cell + WRITE_INTERVAL] = interval;
        cells[cell + WRITER] = item;
        cells[cell + WRITE_SITE] = site;
    }

    private void check(int index, String access) {
        if (index < 0 || index >= length) {
            throw new Violation(KernelFault.Kind.OUT_OF_BOUNDS, access + " index " + index + " of " + type() + " local array "
                    + order + " with " + length + " elements");
        }
    }

    private Violation race(String does, int index, String did, KernelFault.Place other, int site) {
        String who = other == null ? "other work-items" : "work-item " + other;
        return new Violation(KernelFault.Kind.LOCAL_RACE, "the work-item " + does + " " + name(index) + ", which " + who + " "
                + did + " at " + SourceSites.describe(site) + " since the last barrier");
    }

    private String name(int index) {
        return "element " + index + " of " + type() + " local array " + order;
    }

    private String type() {
        return array.getClass().getComponentType().getSimpleName();
    }
}
