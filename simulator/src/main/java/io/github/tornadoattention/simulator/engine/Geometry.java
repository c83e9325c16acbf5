package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.DeviceLimits;
import io.github.tornadoattention.simulator.KernelFault;
import java.util.Arrays;
import java.util.List;
import uk.ac.manchester.tornado.api.WorkerGrid;

/** Work-items in all, of a group, and the number of groups, each along x, y and z. */
final class Geometry {

    private static final int PREFERRED_GROUP = 256;

    private final int[] global;
    private final int[] group;
    private final int[] groups;

    private Geometry(int[] global, int[] group, int[] groups) {
        this.global = global;
        this.group = group;
        this.groups = groups;
    }

    /** The geometry of a grid, checked as no device checks it: TornadoVM would run nothing and say nothing. */
    static Geometry of(String task, WorkerGrid grid, DeviceLimits limits) {
        int[] global = ints(grid.getGlobalWork());
        if (Arrays.stream(grid.getGlobalOffset()).anyMatch(offset -> offset != 0)) {
            throw fault(KernelFault.Kind.GLOBAL_SIZE, "the simulator has no global offsets: "
                    + Arrays.toString(grid.getGlobalOffset()), task);
        }
        int[] group = grid.getLocalWork() == null ? chosenGroup(global, limits) : ints(grid.getLocalWork());
        int[] groups = new int[3];
        long items = 1;
        for (int d = 0; d < 3; d++) {
            if (global[d] < 1 || group[d] < 1 || global[d] % group[d] != 0) {
                throw fault(KernelFault.Kind.GLOBAL_SIZE, Arrays.toString(global) + " work-items are no multiple of groups of "
                        + Arrays.toString(group), task);
            }
            groups[d] = global[d] / group[d];
            items *= group[d];
        }
        if (items > limits.maxGroupSize()) {
            throw fault(KernelFault.Kind.GROUP_SIZE, "a group of " + Arrays.toString(group) + " has " + items
                    + " work-items, the device allows " + limits.maxGroupSize(), task);
        }
        if ((long) groups[0] * groups[1] * groups[2] > Integer.MAX_VALUE) {
            throw fault(KernelFault.Kind.GLOBAL_SIZE, "more than 2^31 groups: " + Arrays.toString(groups), task);
        }
        return new Geometry(global, group, groups);
    }

    /** Work-items in all along a dimension. */
    int global(int dimension) {
        return global[dimension];
    }

    /** Work-items of a group along a dimension. */
    int group(int dimension) {
        return group[dimension];
    }

    int groupCount() {
        return groups[0] * groups[1] * groups[2];
    }

    int itemsPerGroup() {
        return group[0] * group[1] * group[2];
    }

    KernelFault.Place groupPlace(int index) {
        return place(index, groups);
    }

    KernelFault.Place itemPlace(int index) {
        return place(index, group);
    }

    private static KernelFault.Place place(int index, int[] extent) {
        return new KernelFault.Place(index % extent[0], index / extent[0] % extent[1], index / extent[0] / extent[1]);
    }

    private static int[] chosenGroup(int[] global, DeviceLimits limits) {
        int x = Math.min(global[0], Math.min(PREFERRED_GROUP, limits.maxGroupSize()));
        while (x > 1 && global[0] % x != 0) {
            x--;
        }
        return new int[] {Math.max(x, 1), 1, 1};
    }

    private static int[] ints(long[] sizes) {
        return Arrays.stream(sizes).mapToInt(Math::toIntExact).toArray();
    }

    private static KernelFault fault(KernelFault.Kind kind, String what, String task) {
        return new KernelFault(kind, what, new KernelFault.Site(task, null, null, List.of(), null), null);
    }
}
