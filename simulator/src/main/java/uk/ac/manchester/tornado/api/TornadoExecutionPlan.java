package uk.ac.manchester.tornado.api;

import io.github.tornadoattention.simulator.engine.GraphRecord;
import io.github.tornadoattention.simulator.engine.PlanRunner;
import java.util.Arrays;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.ProfilerMode;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/** Runs task graphs on a device. The {@code with} methods change this plan and return it. For one thread at a time. */
public class TornadoExecutionPlan implements AutoCloseable {

    private final PlanRunner runner;

    /** A plan of one or more graphs, which run in this order. */
    public TornadoExecutionPlan(ImmutableTaskGraph... graphs) {
        runner = new PlanRunner(Arrays.stream(graphs).map(g -> g.graph).toArray(GraphRecord[]::new));
    }

    /** A device by the indices of its backend and of itself. */
    public static TornadoDevice getDevice(int driverIndex, int deviceIndex) {
        return TornadoRuntimeProvider.getTornadoRuntime().getBackend(driverIndex).getDevice(deviceIndex);
    }

    /** Runs the selected graphs and returns when they are done. */
    public TornadoExecutionResult execute() {
        return new TornadoExecutionResult(runner, new TornadoProfilerResult(runner.execute()));
    }

    /** Selects one graph by its index. */
    public TornadoExecutionPlan withGraph(int graphIndex) {
        runner.selectGraph(graphIndex);
        return this;
    }

    /** Selects all graphs. */
    public TornadoExecutionPlan withAllGraphs() {
        runner.selectAllGraphs();
        return this;
    }

    /** Compiles ahead of the first execution; on the JVM there is nothing to compile. */
    public TornadoExecutionPlan withPreCompilation() {
        return this;
    }

    /** Runs on a device. */
    public TornadoExecutionPlan withDevice(TornadoDevice device) {
        runner.useDevice(device);
        return this;
    }

    /** Runs one task, named {@code graph.task}, on a device. */
    public TornadoExecutionPlan withDevice(String taskName, TornadoDevice device) {
        runner.useDevice(taskName, device);
        return this;
    }

    /** The device that a graph runs on. */
    public TornadoDevice getDevice(int graphIndex) {
        return runner.device(graphIndex);
    }

    /** Gives the plan's device memory back. */
    public TornadoExecutionPlan freeDeviceMemory() {
        runner.freeDeviceMemory();
        return this;
    }

    /** Sets the grids; one of them at least must name a task of this plan. */
    public TornadoExecutionPlan withGridScheduler(GridScheduler gridScheduler) {
        runner.useGrids(gridScheduler);
        return this;
    }

    /** Turns the profiler on: results then hold times. */
    public TornadoExecutionPlan withProfiler(ProfilerMode profilerMode) {
        runner.profile(profilerMode);
        return this;
    }

    /** Turns the profiler off. */
    public TornadoExecutionPlan withoutProfiler() {
        runner.profile(null);
        return this;
    }

    /** Limits the plan's device memory: a number followed by B, KB, MB or GB. */
    public TornadoExecutionPlan withMemoryLimit(String memoryLimit) {
        runner.limitMemory(memoryLimit);
        return this;
    }

    /** Lifts the limit that {@link #withMemoryLimit} set. */
    public TornadoExecutionPlan withoutMemoryLimit() {
        runner.limitMemory(null);
        return this;
    }

    /** Records a run on a CUDA device to repeat it as one launch; on the JVM there is nothing to record. */
    public TornadoExecutionPlan withCUDAGraph() {
        return this;
    }

    /** Prints generated code on a device; on the JVM there is none. */
    public TornadoExecutionPlan withPrintKernel() {
        return this;
    }

    /** Ends {@link #withPrintKernel()}. */
    public TornadoExecutionPlan withoutPrintKernel() {
        return this;
    }

    /** Sets a driver's compiler flags; on the JVM there is no such compiler. */
    public TornadoExecutionPlan withCompilerFlags(TornadoVMBackendType backend, String compilerFlags) {
        return this;
    }

    /** Gives the plan's device memory back. */
    @Override
    public void close() throws TornadoExecutionPlanException {
        runner.close();
    }

    /** Bytes of device memory that the plan holds now. */
    public long getCurrentDeviceMemoryUsage() {
        return runner.deviceBytes();
    }
}
