package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.kernels.Conversions;
import java.util.function.Consumer;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** A task graph while it is put together: transfers, tasks and the grid of each, and conversions where operands are not float32. */
final class Tasks {
    private final String name;
    private final TaskGraph graph;
    private final GridScheduler grids = new GridScheduler();
    private int conversions;

    Tasks(String name) {
        this.name = name;
        this.graph = new TaskGraph(name);
    }

    /** Arrays that never change between runs. */
    Tasks constants(Object... arrays) {
        graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, arrays);
        return this;
    }

    /** Arrays that change between runs, or not, as {@code mode} says: one of {@link DataTransferMode}. */
    Tasks parameters(int mode, Object... arrays) {
        graph.transferToDevice(mode, arrays);
        return this;
    }

    /** Operands that come from the host, as they cross over. */
    Tasks inputs(Operand... operands) {
        for (Operand operand : operands) {
            graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, operand.array());
        }
        return this;
    }

    /** Makes floats of operands that crossed over in 16 bits. */
    Tasks widen(Operand... operands) {
        for (Operand operand : operands) {
            FloatArray floats = operand.floats();
            String task = "widen" + conversions++;
            switch (operand.array()) {
                case HalfFloatArray halves -> task(task, Stage.rows(halves.getSize()), g ->
                        g.task(task, Conversions::widenHalf, new KernelContext(), halves, floats, count(halves.getSize())));
                case BFloat16Array halves -> task(task, Stage.rows(halves.getSize()), g ->
                        g.task(task, Conversions::widenBrain, new KernelContext(), halves, floats, count(halves.getSize())));
                default -> { }
            }
        }
        return this;
    }

    /** A task and its grid. */
    Tasks task(String task, WorkerGrid grid, Consumer<TaskGraph> add) {
        add.accept(graph);
        grids.addWorkerGrid(name + "." + task, grid);
        return this;
    }

    /** Rounds floats to operands that cross over in 16 bits. */
    Tasks narrow(Operand... operands) {
        for (Operand operand : operands) {
            FloatArray floats = operand.floats();
            String task = "narrow" + conversions++;
            switch (operand.array()) {
                case HalfFloatArray halves -> task(task, Stage.rows(halves.getSize()), g ->
                        g.task(task, Conversions::narrowHalf, new KernelContext(), floats, halves, count(halves.getSize())));
                case BFloat16Array halves -> task(task, Stage.rows(halves.getSize()), g ->
                        g.task(task, Conversions::narrowBrain, new KernelContext(), floats, halves, count(halves.getSize())));
                default -> { }
            }
        }
        return this;
    }

    /** Operands that go back to the host, as they cross over. */
    Tasks outputs(Operand... operands) {
        for (Operand operand : operands) {
            graph.transferToHost(DataTransferMode.EVERY_EXECUTION, operand.array());
        }
        return this;
    }

    Stage stage(Platform.Device device, boolean profiled) {
        return new Stage(device, profiled, graph, grids);
    }

    private IntArray count(int elements) {
        IntArray count = IntArray.fromElements(elements);
        constants(count);
        return count;
    }
}
