package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;
import io.github.tornadoattention.simulator.Settings;
import io.github.tornadoattention.simulator.SimulatedDevice;
import io.github.tornadoattention.simulator.Simulator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Runs one graph of a plan: copies in, kernels, copies out, as a device with memory of its own would. */
final class GraphRunner {

    /** Watching and counting follow one launch at a time. */
    private static final ReentrantLock OBSERVED = new ReentrantLock();

    private final GraphRecord graph;
    private final DeviceMemory memory;
    private final IdentityHashMap<TornadoNativeArray, DeviceBuffer> buffers = new IdentityHashMap<>();

    GraphRunner(GraphRecord graph, DeviceMemory memory) {
        this.graph = graph;
        this.memory = memory;
    }

    GraphRecord graph() {
        return graph;
    }

    /** The device's copy of a host array, or null. */
    DeviceBuffer buffer(TornadoNativeArray host) {
        return buffers.get(host);
    }

    @SuppressWarnings("ReferenceEquality") // the very same array, not an equal one
    boolean persists(TornadoNativeArray host) {
        return graph.steps(GraphStep.Persist.class).stream()
                .anyMatch(step -> step.arrays().stream().anyMatch(array -> array == host));
    }

    void forgetBuffers() {
        buffers.clear();
    }

    /** Uses a buffer that another graph owns. */
    void adopt(TornadoNativeArray host, DeviceBuffer buffer) {
        buffers.put(host, buffer);
    }

    void execute(GridScheduler grids, Stopwatch watch) {
        watch.copyIn(() -> {
            long bytes = 0;
            for (GraphStep.ToDevice step : graph.steps(GraphStep.ToDevice.class)) {
                bytes += copyIn(step);
            }
            return bytes;
        });
        for (GraphStep.Task task : graph.steps(GraphStep.Task.class)) {
            launch(task, grids, watch);
        }
        watch.copyOut(() -> {
            long bytes = 0;
            for (GraphStep.ToHost step : graph.steps(GraphStep.ToHost.class)) {
                bytes += copyOut(step);
            }
            return bytes;
        });
    }

    private long copyIn(GraphStep.ToDevice step) {
        long bytes = 0;
        for (TornadoNativeArray host : step.arrays()) {
            DeviceBuffer buffer = allocated(host);
            if (step.mode() == DataTransferMode.EVERY_EXECUTION || !buffer.copiedIn()) {
                buffer.copyIn();
                bytes += host.getNumBytesOfSegment();
            }
        }
        return bytes;
    }

    private long copyOut(GraphStep.ToHost step) {
        long bytes = 0;
        for (TornadoNativeArray host : step.arrays()) {
            DeviceBuffer buffer = buffers.get(host);
            if (buffer == null) {
                throw new TornadoRuntimeException("graph " + graph.name() + " copies an array of " + host.getSize()
                        + " elements to the host that none of its tasks takes");
            }
            if (step.mode() != DataTransferMode.UNDER_DEMAND) {
                buffer.copyOut(0, host.getNumBytesOfSegment());
                bytes += host.getNumBytesOfSegment();
            }
        }
        return bytes;
    }

    private DeviceBuffer allocated(TornadoNativeArray host) {
        return buffers.computeIfAbsent(host, memory::allocate);
    }

    private void launch(GraphStep.Task task, GridScheduler grids, Stopwatch watch) {
        Object[] arguments = task.arguments().stream()
                .map(a -> a instanceof TornadoNativeArray host ? allocated(host).device() : a).toArray();
        Geometry geometry = Launch.contextPosition(arguments) < 0 ? null : geometry(task.name(), grids);
        Settings settings = Simulator.settings();
        Launch launch = new Launch(task, arguments, geometry, settings, SimulatedDevice.INSTANCE.limits());
        Simulator.prepareLaunch();
        if (!settings.watch() && !TrafficRecorder.isOn()) {
            watch.kernel(() -> launch.run(null, false));
            return;
        }
        OBSERVED.lock();
        try (Observation observation = new Observation(task, geometry, settings.watch(), buffers)) {
            watch.kernel(() -> launch.run(observation.watched(), true));
            observation.completed();
        } finally {
            OBSERVED.unlock();
        }
    }

    private static Geometry geometry(String task, GridScheduler grids) {
        WorkerGrid grid = grids == null ? null : grids.get(task);
        if (grid == null) {
            throw new KernelFault(KernelFault.Kind.MISSING_GRID, "the task takes a KernelContext, but the GridScheduler names "
                    + (grids == null ? "no task" : "only " + grids.keySet()),
                    new KernelFault.Site(task, null, null, List.of(), null), null);
        }
        return Geometry.of(task, grid, SimulatedDevice.INSTANCE.limits());
    }
}
