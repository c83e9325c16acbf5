package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;

/**
 * Who wrote and read each element of a local array, and in which interval between two barriers. Intervals are numbered from 1 on,
 * from group to group, so nothing has to be cleared between groups. While an asynchronous copy is on its way to an element, its
 * write interval is negative; once it has ended, the writer is the complement of its number, since a barrier stands between even
 * the work-item itself and what it has copied.
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
    private final int elementBytes;
    private int firstInterval;

    LocalShadow(Object array, int order, int length, int elementBytes) {
        this.array = array;
        this.order = order;
        this.length = length;
        this.elementBytes = elementBytes;
        cells = new int[Math.multiplyExact(length, FIELDS)];
        startGroup();
    }

    Object array() {
        return array;
    }

    int elementBytes() {
        return elementBytes;
    }

    void startGroup() {
        firstInterval = WatchedLaunch.current().interval();
    }

    void read(int index, WatchedLaunch now, int site) {
        check(index, "read of");
        int cell = index * FIELDS;
        checkArrived("reads", index);
        int interval = now.interval();
        int item = now.item();
        if (cells[cell + WRITE_INTERVAL] < firstInterval) {
            throw new Violation(KernelFault.Kind.UNWRITTEN_READ, "read of " + name(index) + ", which nobody has written yet");
        }
        if (cells[cell + WRITE_INTERVAL] == interval && cells[cell + WRITER] != item) {
            throw writeRace("reads", index, now);
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
        checkArrived("writes", index);
        int interval = now.interval();
        int item = now.item();
        if (cells[cell + WRITE_INTERVAL] == interval && cells[cell + WRITER] != item) {
            throw writeRace("writes", index, now);
        }
        if (cells[cell + READ_INTERVAL] == interval && cells[cell + READER] != item) {
            int reader = cells[cell + READER];
            throw race("writes", index, "read", reader == SEVERAL ? null : now.place(reader), cells[cell + READ_SITE]);
        }
        cells[cell + WRITE_INTERVAL] = interval;
        cells[cell + WRITER] = item;
        cells[cell + WRITE_SITE] = site;
    }

    void startCopy(int index, WatchedLaunch now, int site) {
        write(index, now, site);
        cells[index * FIELDS + WRITE_INTERVAL] = -now.interval();
    }

    void endCopy(int index, WatchedLaunch now, int site) {
        int cell = index * FIELDS;
        cells[cell + WRITE_INTERVAL] = now.interval();
        cells[cell + WRITER] = ~now.item();
        cells[cell + WRITE_SITE] = site;
    }

    private void checkArrived(String does, int index) {
        int cell = index * FIELDS;
        if (cells[cell + WRITE_INTERVAL] < 0 && -cells[cell + WRITE_INTERVAL] >= firstInterval) {
            throw new Violation(KernelFault.Kind.COPY_IN_FLIGHT, "the work-item " + does + " " + name(index)
                    + ", to which the asynchronous copy of " + SourceSites.describe(cells[cell + WRITE_SITE])
                    + " is still on its way: asyncCopyCommit and asyncCopyWaitGroup must follow it first");
        }
    }

    private void check(int index, String access) {
        if (index < 0 || index >= length) {
            throw new Violation(KernelFault.Kind.OUT_OF_BOUNDS, access + " index " + index + " of " + type() + " local array "
                    + order + " with " + length + " elements");
        }
    }

    private Violation writeRace(String does, int index, WatchedLaunch now) {
        int writer = cells[index * FIELDS + WRITER];
        return race(does, index, writer < 0 ? "copied asynchronously" : "wrote", now.place(writer < 0 ? ~writer : writer),
                cells[index * FIELDS + WRITE_SITE]);
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
