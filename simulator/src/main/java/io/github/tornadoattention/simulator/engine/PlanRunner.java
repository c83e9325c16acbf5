package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.SimulatedDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import uk.ac.manchester.tornado.api.DataRange;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.ProfilerMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Runs the graphs of a plan. Two threads in one plan at once are a mistake of the host and get an error. */
public final class PlanRunner {

    private static final Pattern SIZE = Pattern.compile("(\\d+)(MB|GB)");

    private final ReentrantLock inUse = new ReentrantLock();
    private final DeviceMemory memory = new DeviceMemory();
    private final List<GraphRunner> graphs = new ArrayList<>();
    private List<GraphRunner> selected;
    private GraphRunner lastRun;
    private GridScheduler grids;
    private ProfilerMode profiler;
    private boolean closed;

    /** A plan of graphs that run in this order. */
    public PlanRunner(GraphRecord... records) {
        for (GraphRecord record : records) {
            graphs.add(new GraphRunner(record, memory));
        }
        selected = graphs;
    }

    /** Runs the selected graphs. */
    public ExecutionProfile execute() {
        enter();
        try {
            Stopwatch watch = new Stopwatch();
            for (GraphRunner graph : selected) {
                consume(graph);
                graph.execute(grids, watch);
                lastRun = graph;
            }
            ExecutionProfile profile = watch.profile(memory.bytes());
            if (profiler == ProfilerMode.CONSOLE) {
                System.out.println(profile.toJson());
            }
            return profiler == null ? profile.withoutTimes() : profile;
        } finally {
            inUse.unlock();
        }
    }

    private void consume(GraphRunner graph) {
        for (GraphStep.Consume step : graph.graph().steps(GraphStep.Consume.class)) {
            GraphRunner owner = step.graph() == null ? lastRun
                    : graphs.stream().filter(g -> g.graph().name().equals(step.graph())).findFirst().orElse(null);
            for (TornadoNativeArray host : step.arrays()) {
                if (owner == null || owner.buffer(host) == null || !owner.persists(host)) {
                    throw new TornadoRuntimeException("graph " + graph.graph().name() + " consumes an array of " + host.getSize()
                            + " elements that " + (owner == null ? "no graph" : "graph " + owner.graph().name())
                            + " has left on the device");
                }
                graph.adopt(host, owner.buffer(host));
            }
        }
    }

    /** Selects one graph. */
    public void selectGraph(int index) {
        if (index < 0 || index >= graphs.size()) {
            throw new TornadoRuntimeException("no graph " + index + " in a plan of " + graphs.size());
        }
        selected = List.of(graphs.get(index));
    }

    /** Selects all graphs. */
    public void selectAllGraphs() {
        selected = graphs;
    }

    /** Accepts the only device there is. */
    public void useDevice(TornadoDevice device) {
        if (device != SimulatedDevice.INSTANCE) {
            throw new TornadoRuntimeException("not a device of the simulator: " + device);
        }
    }

    /** Accepts the only device there is, for a task that exists. */
    public void useDevice(String task, TornadoDevice device) {
        if (!hasTask(task)) {
            throw new TornadoRuntimeException("no task " + task + " in this plan");
        }
        useDevice(device);
    }

    /** The device that a graph runs on. */
    public TornadoDevice device(int graph) {
        if (graph < 0 || graph >= graphs.size()) {
            throw new TornadoRuntimeException("no graph " + graph + " in a plan of " + graphs.size());
        }
        return SimulatedDevice.INSTANCE;
    }

    /** Sets the grids; one at least must be for a task of this plan. */
    public void useGrids(GridScheduler gridScheduler) {
        if (gridScheduler.keySet().stream().noneMatch(this::hasTask)) {
            throw new TornadoRuntimeException("no task of this plan is among those of the grid scheduler: "
                    + gridScheduler.keySet());
        }
        grids = gridScheduler;
    }

    private boolean hasTask(String name) {
        return graphs.stream().flatMap(g -> g.graph().steps(GraphStep.Task.class).stream()).anyMatch(t -> t.name().equals(name));
    }

    /** Turns the profiler on or, with null, off. */
    public void profile(ProfilerMode mode) {
        profiler = mode;
    }

    /** Limits the plan's device memory, or lifts the limit with null. */
    public void limitMemory(String size) {
        if (size == null) {
            memory.limit(Long.MAX_VALUE);
            return;
        }
        Matcher matcher = SIZE.matcher(size.toUpperCase(Locale.ROOT));
        if (!matcher.matches()) {
            throw new IllegalArgumentException("not a number of MB or GB: " + size);
        }
        memory.limit(Long.parseLong(matcher.group(1)) * (matcher.group(2).equals("GB") ? 1_000_000_000L : 1_000_000L));
    }

    /** Copies whole arrays to the host. */
    public void transferToHost(Object... objects) {
        enter();
        try {
            for (Object object : objects) {
                DeviceBuffer buffer = resident(object);
                buffer.copyOut(0, buffer.host().getNumBytesOfSegment());
            }
        } finally {
            inUse.unlock();
        }
    }

    /** Copies a part of an array to the host. */
    public void transferToHost(DataRange range) {
        enter();
        try {
            range.materialize();
            resident(range.getArray()).copyOut(range.getOffset() - TornadoNativeArray.ARRAY_HEADER, range.getPartialSize());
        } finally {
            inUse.unlock();
        }
    }

    private DeviceBuffer resident(Object object) {
        List<GraphRunner> order = new ArrayList<>(graphs);
        if (lastRun != null) {
            order.addFirst(lastRun);
        }
        for (GraphRunner graph : order) {
            if (object instanceof TornadoNativeArray host && graph.buffer(host) != null) {
                return graph.buffer(host);
            }
        }
        throw new TornadoRuntimeException("the plan has no device memory for " + (object instanceof TornadoNativeArray host
                ? "this array of " + host.getSize() + " elements" : String.valueOf(object)) + "; graphs: "
                + Arrays.toString(graphs.stream().map(g -> g.graph().name()).toArray()));
    }

    /** Bytes of device memory that the plan holds. */
    public long deviceBytes() {
        return memory.bytes();
    }

    /** Gives all device memory back; the next execution starts afresh. */
    public void freeDeviceMemory() {
        memory.freeAll();
        graphs.forEach(GraphRunner::forgetBuffers);
        lastRun = null;
    }

    /** Gives all device memory back for good. */
    public void close() {
        freeDeviceMemory();
        closed = true;
    }

    private void enter() {
        if (closed) {
            throw new TornadoRuntimeException("the plan is closed");
        }
        if (!inUse.tryLock()) {
            throw new TornadoRuntimeException("another thread is using this plan; a plan is for one thread at a time");
        }
    }
}
