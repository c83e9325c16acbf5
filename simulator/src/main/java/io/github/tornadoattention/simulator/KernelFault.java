package io.github.tornadoattention.simulator;

import java.util.List;

/**
 * A kernel did what a device would not forgive. The message is one line that names what happened, the kernel, the task, the
 * group, the work-items and the source line.
 */
public final class KernelFault extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** What went wrong. */
    public enum Kind {
        /** Work-items of a group wait at different barriers, or some ended while others wait. */
        BARRIER_DIVERGENCE,
        /** Lanes of a warp do not meet at one warp operation: they are elsewhere, have ended or do not exist. */
        WARP_DIVERGENCE,
        /** An operand that warp operations and asynchronous copies do not take, such as a tile that is not local. */
        WARP_OPERAND,
        /** Local memory is used before an asynchronous copy to it has been waited for. Watched only. */
        COPY_IN_FLIGHT,
        /** An index outside a global, local or private array. */
        OUT_OF_BOUNDS,
        /** The number of work-items is no multiple of the group's size. */
        GLOBAL_SIZE,
        /** A group has more work-items than the device allows. */
        GROUP_SIZE,
        /** A group asks for more local memory than the device has. */
        LOCAL_MEMORY,
        /** Work-items of a group ask for different local arrays. */
        LOCAL_ALLOCATION,
        /** A loop ran longer than the budget allows. */
        LOOP_BUDGET,
        /** A read of local, private or global memory that nobody wrote. Watched only. */
        UNWRITTEN_READ,
        /** Two work-items use one element of local memory between two barriers, and one of them writes. Watched only. */
        LOCAL_RACE,
        /** Two groups use one element of global memory, and one of them writes. Watched only. */
        GLOBAL_RACE,
        /** The task takes a KernelContext but the GridScheduler has no grid for it. */
        MISSING_GRID,
        /** The kernel threw an exception, such as a division by zero. */
        EXCEPTION
    }

    /**
     * A place in the grid.
     *
     * @param x index along x
     * @param y index along y
     * @param z index along z
     */
    public record Place(int x, int y, int z) {

        @Override
        public String toString() {
            return "(" + x + "," + y + "," + z + ")";
        }
    }

    /**
     * Where it happened; what is not known is null or empty.
     *
     * @param task name of the task, {@code graph.task}
     * @param kernel class and method, {@code FlashForward.forward}
     * @param group the group's place
     * @param items places within the group of the work-items at fault
     * @param source file and line, {@code FlashForward.java:57}
     */
    public record Site(String task, String kernel, Place group, List<Place> items, String source) {
    }

    private final Kind kind;
    private final transient Site site;

    /** A fault; {@code cause} may be null. */
    public KernelFault(Kind kind, String what, Site site, Throwable cause) {
        super(oneLine(kind, what, site), cause);
        this.kind = kind;
        this.site = site;
    }

    /** What went wrong. */
    public Kind kind() {
        return kind;
    }

    /** Where it happened. */
    public Site site() {
        return site;
    }

    private static String oneLine(Kind kind, String what, Site site) {
        StringBuilder line = new StringBuilder(kind.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' '))
                .append(": ").append(what).append("; ");
        if (site.kernel() != null) {
            line.append("kernel ").append(site.kernel()).append(", ");
        }
        line.append("task ").append(site.task());
        if (site.group() != null) {
            line.append(", group ").append(site.group());
        }
        if (!site.items().isEmpty()) {
            line.append(site.items().size() == 1 ? ", work-item " : ", work-items ");
            line.append(String.join(" ", site.items().stream().map(Place::toString).toList()));
        }
        if (site.source() != null) {
            line.append(", ").append(site.source());
        }
        return line.toString().replace('\n', ' ');
    }
}
