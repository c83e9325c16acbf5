package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionException;
import io.github.tornadoattention.host.DeviceException;
import java.util.function.Supplier;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoExecutionResult;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.WorkerGrid2D;
import uk.ac.manchester.tornado.api.enums.ProfilerMode;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;

/**
 * A task graph on one device: compiled when it first runs, then run as often as wanted. Turns whatever TornadoVM throws into a {@link DeviceException}.
 */
final class Stage implements AutoCloseable {
    /**
     * TornadoVM's default for OpenCL adds fast-relaxed-math, under which NaN * 0 is 0 and infinities vanish; a masked or overflown score needs both as IEEE has
     * them. Fusing multiply and add is all that is left of it.
     */
    private static final String OPENCL_FLAGS = "-cl-mad-enable -w";

    /** Work-items of a group that runs rows or loops, few enough for any kernel's registers. */
    private static final int LOOP_GROUP = 64;

    private final TornadoExecutionPlan plan;
    private final boolean profiled;

    /** What one run cost, in nanoseconds; -1 where it is not known. */
    record Cost(long kernelNanos, long compileNanos) {
        static final Cost UNKNOWN = new Cost(-1, -1);
    }

    Stage(Platform.Device device, boolean profiled, TaskGraph graph, GridScheduler grids) {
        this.profiled = profiled;
        plan = new TornadoExecutionPlan(graph.snapshot());
        plan.withDevice(device.device());
        plan.withGridScheduler(grids);
        if (device.device().getTornadoVMBackend() == TornadoVMBackendType.OPENCL) {
            plan.withCompilerFlags(TornadoVMBackendType.OPENCL, OPENCL_FLAGS);
        }
        if (profiled) {
            plan.withProfiler(ProfilerMode.SILENT);
        }
    }

    /** A one-dimensional grid of whole groups, checked: TornadoVM launches nothing, in silence, if the group does not divide the grid or is too large. */
    static WorkerGrid grid(String kernel, long groups, Tiling tiling, Limits limits) {
        return grid(kernel, groups, tiling.group(), limits);
    }

    /** Likewise, with groups of {@code group} work-items. */
    static WorkerGrid grid(String kernel, long groups, int group, Limits limits) {
        long global = groups * group;
        if (group > limits.group()) {
            throw new DeviceException("%s: groups of %d, the device allows %d".formatted(kernel, group, limits.group()));
        }
        if (global > Integer.MAX_VALUE) {
            throw new DeviceException("%s: %d work-items, one launch takes fewer than 2^31".formatted(kernel, global));
        }
        WorkerGrid1D grid = new WorkerGrid1D((int) global);
        grid.setLocalWork(group, 1, 1);
        return grid;
    }

    /** A grid with one work-item for each row, and some that find no row. */
    static WorkerGrid rows(long rows) {
        long global = Math.ceilDiv(rows, LOOP_GROUP) * LOOP_GROUP;
        if (global > Integer.MAX_VALUE) {
            throw new DeviceException("%d rows, one launch takes fewer than 2^31".formatted(rows));
        }
        WorkerGrid1D grid = new WorkerGrid1D((int) global);
        grid.setLocalWork(LOOP_GROUP, 1, 1);
        return grid;
    }

    /**
     * A grid for two nested loops marked {@code @Parallel}. TornadoVM then runs the grid and not the loops' bounds, so the grid is those exactly, in groups that
     * divide it. Left to itself TornadoVM takes groups that a device may refuse, again in silence, because the kernel needs too many registers.
     */
    static WorkerGrid loops(int outer, int inner) {
        WorkerGrid2D grid = new WorkerGrid2D(outer, inner);
        int local = divisor(inner, LOOP_GROUP);
        grid.setLocalWork(divisor(outer, LOOP_GROUP / local), local, 1);
        return grid;
    }

    /** Likewise for one loop. */
    static WorkerGrid loop(int length) {
        WorkerGrid1D grid = new WorkerGrid1D(length);
        grid.setLocalWork(divisor(length, LOOP_GROUP), 1, 1);
        return grid;
    }

    /** The largest divisor up to a limit. */
    private static int divisor(int number, int limit) {
        int divisor = Math.min(number, limit);
        while (number % divisor != 0) {
            divisor--;
        }
        return divisor;
    }

    /** Builds a stage; a kernel that TornadoVM refuses as early as this is a {@link DeviceException} as well. */
    static Stage built(Supplier<Stage> builder) {
        try {
            return builder.get();
        } catch (AttentionException e) {
            throw e;
        } catch (RuntimeException | Error e) {
            throw new DeviceException(reason(e), e);
        }
    }

    Cost run() {
        try {
            TornadoExecutionResult result = plan.execute();
            if (!profiled) {
                return Cost.UNKNOWN;
            }
            return new Cost(result.getProfilerResult().getDeviceKernelTime(), result.getProfilerResult().getCompileTime());
        } catch (DeviceException e) {
            throw e;
        } catch (RuntimeException | Error e) {
            throw new DeviceException(reason(e), e);
        }
    }

    private static String reason(Throwable e) {
        String message = e.getMessage() == null ? e.toString() : e.getMessage();
        String plain = message.replaceAll("\u001B\\[[0-9;]*m", "").strip();
        return plain.lines().findFirst().orElse(e.toString());
    }

    @Override
    public void close() {
        try {
            plan.close();
        } catch (TornadoExecutionPlanException e) {
            throw new DeviceException("device memory was not given back: " + reason(e), e);
        }
    }
}
