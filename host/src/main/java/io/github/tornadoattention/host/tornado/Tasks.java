package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.kernels.Arrival;
import io.github.tornadoattention.kernels.Conversions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * The two task graphs of a {@link Stage} while they are put together: one brings the inputs to the device and widens them, the
 * other has the kernels, which read what the first one left there. Outputs stay on the device until they are fetched.
 *
 * <p>In this order: {@link #constants}, {@link #inputs}, {@link #widen}, {@link #task} as often as needed, {@link #scratch},
 * {@link #narrow}, {@link #outputs}.
 */
final class Tasks {
    private final String name;
    private final TaskGraph upload;
    private final TaskGraph run;
    private final GridScheduler grids = new GridScheduler();
    /** Each input and the array of it that the kernels read. */
    private final Map<Operand, TornadoNativeArray> inputs = new LinkedHashMap<>();
    /** What else the kernels read of what was uploaded. */
    private final List<Object> parameters = new ArrayList<>();
    private final List<TornadoNativeArray> outputs = new ArrayList<>();
    private boolean arrived;
    private boolean loops;
    private int conversions;

    Tasks(String name) {
        this.name = name;
        this.upload = new TaskGraph(name + "Upload");
        this.run = new TaskGraph(name);
    }

    /** Arrays that never change. */
    Tasks constants(Object... arrays) {
        run.transferToDevice(DataTransferMode.FIRST_EXECUTION, arrays);
        return this;
    }

    /** Arrays that go to the device with every upload, or once, as {@code mode} says: one of {@link DataTransferMode}. */
    Tasks parameters(int mode, Object... arrays) {
        if (mode != DataTransferMode.EVERY_EXECUTION) {
            return constants(arrays);
        }
        requireBeforeTasks();
        upload.transferToDevice(mode, arrays);
        Collections.addAll(parameters, arrays);
        return this;
    }

    /** The bias and the mask, which come with every call where the spec has them. */
    Tasks tables(AttentionSpec spec, DeviceArrays a) {
        return parameters(mode(spec.biasShape() != null), a.bias.floats()).parameters(mode(spec.maskShape() != null), a.mask);
    }

    private static int mode(boolean changes) {
        return changes ? DataTransferMode.EVERY_EXECUTION : DataTransferMode.FIRST_EXECUTION;
    }

    /** Operands that come from the host, as they cross over. */
    Tasks inputs(Operand... operands) {
        requireBeforeTasks();
        for (Operand operand : operands) {
            upload.transferToDevice(DataTransferMode.EVERY_EXECUTION, operand.array());
            inputs.put(operand, operand.array());
        }
        return this;
    }

    /** Operands that come from the host for kernels that read their bits. */
    Tasks bits(Operand... operands) {
        requireBeforeTasks();
        for (Operand operand : operands) {
            upload.transferToDevice(DataTransferMode.EVERY_EXECUTION, operand.longs());
            parameters.add(operand.longs());
        }
        return this;
    }

    /** Makes floats of inputs that cross over in 16 bits; the kernels read those. */
    Tasks widen(Operand... operands) {
        requireBeforeTasks();
        for (Operand operand : operands) {
            FloatArray floats = operand.floats();
            String task = "widen" + conversions++;
            switch (operand.array()) {
                case HalfFloatArray halves -> uploadTask(task, operand.size(), g ->
                        g.task(task, Conversions::widenHalf, new KernelContext(), halves, floats, count(upload, operand)));
                case BFloat16Array halves -> uploadTask(task, operand.size(), g ->
                        g.task(task, Conversions::widenBrain, new KernelContext(), halves, floats, count(upload, operand)));
                default -> { }
            }
            inputs.put(operand, floats);
        }
        return this;
    }

    /** A task and its grid. */
    Tasks task(String task, WorkerGrid grid, Consumer<TaskGraph> add) {
        arrive();
        add.accept(run);
        grids.addWorkerGrid(name + "." + task, grid);
        return this;
    }

    /** A task whose kernel is a loop marked {@code @Parallel}, over so many elements. */
    Tasks loop(String task, int length, Consumer<TaskGraph> add) {
        loops = true;
        return task(task, Stage.loop(length), add);
    }

    /** Whether runs may be recorded: see {@link Stage}. */
    boolean recordable() {
        return !loops;
    }

    /**
     * Arrays that never leave the device. TornadoVM gives their memory back only if a transfer, even one under demand, names
     * them.
     */
    Tasks scratch(Object... arrays) {
        run.persistOnDevice(arrays);
        return this;
    }

    /** Rounds floats to outputs that cross over in 16 bits. */
    Tasks narrow(Operand... operands) {
        for (Operand operand : operands) {
            FloatArray floats = operand.floats();
            String task = "narrow" + conversions++;
            switch (operand.array()) {
                case HalfFloatArray halves -> task(task, Stage.rows(operand.size()), g ->
                        g.task(task, Conversions::narrowHalf, new KernelContext(), floats, halves, count(run, operand)));
                case BFloat16Array halves -> task(task, Stage.rows(operand.size()), g ->
                        g.task(task, Conversions::narrowBrain, new KernelContext(), floats, halves, count(run, operand)));
                default -> { }
            }
            if (floats != operand.array()) {
                scratch(floats);
            }
        }
        return this;
    }

    /** Operands that are fetched, as they cross over. */
    Tasks outputs(Operand... operands) {
        for (Operand operand : operands) {
            run.transferToHost(DataTransferMode.UNDER_DEMAND, operand.array());
            outputs.add(operand.array());
        }
        return this;
    }

    /** Operands that are fetched, whose bits the kernels write. */
    Tasks outputBits(Operand... operands) {
        for (Operand operand : operands) {
            run.transferToHost(DataTransferMode.UNDER_DEMAND, operand.ints());
            outputs.add(operand.ints());
        }
        return this;
    }

    Stage stage(Platform.Device device, boolean profiled) {
        return new Stage(device, profiled, recordable(), upload, run, grids, outputs);
    }

    private void requireBeforeTasks() {
        if (arrived) {
            throw new IllegalStateException(name + ": inputs come before tasks");
        }
    }

    /** Ends the first graph: what it brought stays for the second. */
    private void arrive() {
        if (arrived) {
            return;
        }
        arrived = true;
        if (conversions == 0 || inputs.keySet().stream().allMatch(operand -> operand.array() instanceof FloatArray)) {
            IntArray mark = new IntArray(1);
            uploadTask("arrived", 1, g -> g.task("arrived", Arrival::arrived, new KernelContext(), mark));
            upload.persistOnDevice(mark);
        }
        Object[] arrays = Stream.concat(inputs.values().stream(), parameters.stream()).toArray();
        upload.persistOnDevice(arrays);
        run.consumeFromDevice(upload.getTaskGraphName(), arrays);
    }

    private void uploadTask(String task, int items, Consumer<TaskGraph> add) {
        add.accept(upload);
        grids.addWorkerGrid(upload.getTaskGraphName() + "." + task, Stage.rows(items));
    }

    private static IntArray count(TaskGraph graph, Operand operand) {
        IntArray count = IntArray.fromElements(operand.size());
        graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, count);
        return count;
    }
}
