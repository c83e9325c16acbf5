package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionException;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.kernels.RowDots;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoExecutionResult;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.enums.ProfilerMode;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;

/**
 * A pass on one device: a task graph that uploads its inputs and one that computes from what is there, as often as wanted, each
 * compiled when it first runs; results are fetched on demand. Turns whatever TornadoVM throws into a {@link DeviceException}.
 */
final class Stage implements AutoCloseable {
    /**
     * System property: {@code off} launches the kernels of every run one by one. Without it, or with {@code on}, the first run is
     * recorded where the driver can, as a CUDA graph, and those after it repeat the recording in one launch.
     */
    static final String GRAPH_PROPERTY = "attention.graph";

    private static final Pattern RECORDER = Pattern.compile("cu(Stream|Graph)[A-Za-z]+");
    private static final Set<TornadoVMBackendType> RECORDING = Set.of(TornadoVMBackendType.CUDA, TornadoVMBackendType.PTX);

    /** Work-items of a group that runs rows or loops, few enough for any kernel's registers. */
    private static final int LOOP_GROUP = 64;

    /**
     * Runs share this lock; closing a plan, recording a run, and runs with the device's clock on want it alone. Closing resets
     * TornadoVM's device, after which it refuses to run what was compiled ahead ("reset() was called after warmup()") until
     * something is compiled ahead again; so closings are counted. A recording ends where any thread of the process allocates or
     * waits. The clock is one switch for the whole process, which each run sets as it wants it: what runs beside would switch it
     * off, or find it on.
     */
    private static final ReadWriteLock RUNS = new ReentrantReadWriteLock();
    private static final AtomicLong CLOSED = new AtomicLong();

    private final TornadoExecutionPlan plan;
    private final boolean profiled;
    /** Whether the device's clock is on, for its times or for the waiting that comes with it. */
    private final boolean clocked;
    private final Object[] outputs;
    private final int graphs;
    /** How many stages had been closed when this one was compiled ahead; -1 if it was not. */
    private long closedBefore = -1;
    /** Whether the next run is the one to record. */
    private boolean records;
    private @Nullable TornadoExecutionResult last;

    /** What one run cost, in nanoseconds; -1 where it is not known. */
    record Cost(long kernelNanos, long compileNanos) {
        static final Cost UNKNOWN = new Cost(-1, -1);

        Cost plus(Cost other) {
            return kernelNanos < 0 || other.kernelNanos < 0 ? UNKNOWN
                    : new Cost(kernelNanos + other.kernelNanos, compileNanos + other.compileNanos);
        }
    }

    /**
     * Makes both graphs ready.
     *
     * @param recordable whether runs may be recorded: not those of tasks with {@code @Parallel} loops, which read their grid's
     *     size from memory that all tasks of a plan share, so that in a recording all find the last one's. Run after run in a
     *     hurry they ended in illegal addresses on CUDA, presumably by the same memory, and not since the device's clock is on
     *     for them, at which TornadoVM waits for each task
     * @param outputs arrays that {@link #fetch} brings back
     */
    Stage(Platform.Device device, boolean profiled, boolean recordable, TaskGraph upload, TaskGraph run, GridScheduler grids,
            List<?> outputs) {
        this(device, profiled, recordable, !recordable && RECORDING.contains(device.device().getTornadoVMBackend()), grids,
                outputs.toArray(), upload.snapshot(), run.snapshot());
    }

    /**
     * One graph that does everything, transfers included: it has no {@link #upload} and nothing to {@link #fetch}.
     *
     * @param recordable likewise; large transfers are faster outside of a recording
     */
    Stage(Platform.Device device, boolean profiled, boolean recordable, TaskGraph graph, GridScheduler grids) {
        this(device, profiled, recordable, false, grids, new Object[0], graph.snapshot());
    }

    private Stage(Platform.Device device, boolean profiled, boolean recordable, boolean waits, GridScheduler grids,
            Object[] outputs, ImmutableTaskGraph... graphs) {
        this.profiled = profiled;
        clocked = profiled || waits;
        this.outputs = outputs;
        this.graphs = graphs.length;
        plan = new TornadoExecutionPlan(graphs);
        plan.withDevice(device.device());
        plan.withGridScheduler(grids);
        device.setCompilerFlags(plan);
        if (clocked) {
            plan.withProfiler(ProfilerMode.SILENT);
        }
        records = graph(System.getProperty(GRAPH_PROPERTY)) && recordable && !profiled
                && RECORDING.contains(device.device().getTornadoVMBackend());
        if (records) {
            select(graphs.length - 1);
            plan.withCUDAGraph();
            plan.withAllGraphs();
        }
    }

    /** Whether runs are recorded where that is possible, given {@link #GRAPH_PROPERTY}. */
    static boolean graph(@Nullable String given) {
        return switch (given) {
            case "on" -> true;
            case "off" -> false;
            case null -> true;
            default -> throw new UsageException("system property %s is '%s', must be on or off".formatted(GRAPH_PROPERTY, given));
        };
    }

    /**
     * A one-dimensional grid of whole groups, checked: TornadoVM launches nothing, in silence, if the group does not divide the
     * grid or is too large.
     */
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
        return rows(Math.ceilDiv(rows, LOOP_GROUP), LOOP_GROUP);
    }

    private static WorkerGrid rows(long groups, int group) {
        long global = groups * group;
        if (global > Integer.MAX_VALUE) {
            throw new DeviceException("%d rows, one launch takes fewer than 2^31".formatted(global));
        }
        WorkerGrid1D grid = new WorkerGrid1D((int) global);
        grid.setLocalWork(group, 1, 1);
        return grid;
    }

    /** The grid of {@link RowDots}. */
    static WorkerGrid rowDots(long rows) {
        return rows(Math.ceilDiv(rows, RowDots.ROWS), RowDots.ROWS * RowDots.LANES);
    }

    /**
     * A grid for a loop marked {@code @Parallel}. TornadoVM then runs the grid and not the loop's bound, so the grid is that
     * exactly, in groups that divide it. Left to itself TornadoVM takes groups that a device may refuse, again in silence,
     * because the kernel needs too many registers.
     */
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

    /** Compiles the kernels of both graphs ahead of their first run. */
    void compile() {
        locked(RUNS.readLock(), () -> {
            closedBefore = CLOSED.get();
            return translated(plan::withPreCompilation);
        });
    }

    /** Brings the inputs to the device. */
    Cost upload() {
        last = null;
        return execute(0);
    }

    /** Computes from the inputs that were uploaded last. */
    Cost run() {
        return execute(graphs - 1);
    }

    private Cost execute(int graph) {
        boolean recording = records && graph == graphs - 1;
        if (recording && closedBefore < 0) {
            select(graph);
            compile(); // while others run
        }
        return locked(recording || clocked ? RUNS.writeLock() : RUNS.readLock(), () -> {
            if (closedBefore >= 0 && closedBefore != CLOSED.get()) {
                compile(); // nothing is left to compile
            }
            Cost cost = recording ? recorded(graph) : translated(() -> executed(graph));
            records &= !recording;
            return cost;
        });
    }

    /** The run that is recorded; where that fails, the message says how to do without. */
    private Cost recorded(int graph) {
        try {
            return translated(() -> executed(graph));
        } catch (DeviceException e) {
            throw RECORDER.matcher(String.valueOf(e.getMessage())).find()
                    ? new DeviceException("%s; -D%s=off does without recording".formatted(e.getMessage(), GRAPH_PROPERTY), e) : e;
        }
    }

    private void select(int graph) {
        if (graphs > 1) {
            plan.withGraph(graph);
        }
    }

    private Cost executed(int graph) {
        select(graph);
        TornadoExecutionResult result = plan.execute();
        last = result;
        return profiled
                ? new Cost(result.getProfilerResult().getDeviceKernelTime(), result.getProfilerResult().getCompileTime())
                : Cost.UNKNOWN;
    }

    /** Brings the outputs of the last run to the host. */
    void fetch() {
        TornadoExecutionResult result = Objects.requireNonNull(last, "nothing ran");
        locked(RUNS.readLock(), () -> translated(() -> result.transferToHost(outputs)));
    }

    private static <T> T locked(Lock lock, Supplier<T> work) {
        lock.lock();
        try {
            return work.get();
        } finally {
            lock.unlock();
        }
    }

    private static <T> T translated(Supplier<T> work) {
        try {
            return work.get();
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
        RUNS.writeLock().lock();
        try {
            plan.withAllGraphs();
            plan.close();
        } catch (TornadoExecutionPlanException e) {
            throw new DeviceException("device memory was not given back: " + reason(e), e);
        } finally {
            CLOSED.incrementAndGet();
            RUNS.writeLock().unlock();
        }
    }
}
