package io.github.tornadoattention.simulator.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.exceptions.TornadoTaskRuntimeException;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** The steps of a task graph in the order in which the host named them. */
public final class GraphRecord {

    private final String name;
    private final List<GraphStep> steps;

    /** An empty graph. */
    public GraphRecord(String name) {
        this(name, new ArrayList<>());
    }

    private GraphRecord(String name, List<GraphStep> steps) {
        this.name = Objects.requireNonNull(name, "a task graph needs a name");
        this.steps = steps;
    }

    /** The graph's name. */
    public String name() {
        return name;
    }

    List<GraphStep> steps() {
        return steps;
    }

    <S extends GraphStep> List<S> steps(Class<S> type) {
        return steps.stream().filter(type::isInstance).map(type::cast).toList();
    }

    /** A graph with the same steps that does not follow later changes. */
    public GraphRecord copy() {
        return new GraphRecord(name, List.copyOf(steps));
    }

    /** Adds a kernel; scalars are captured now, arrays are looked up when it runs. */
    public void task(String id, Object code, KernelCall call, Object... arguments) {
        Objects.requireNonNull(id, "a task needs a name");
        Objects.requireNonNull(code, "a task needs a kernel");
        String taskName = name + "." + id;
        if (steps(GraphStep.Task.class).stream().anyMatch(t -> t.name().equals(taskName))) {
            throw new TornadoTaskRuntimeException("two tasks are called " + taskName);
        }
        for (int i = 0; i < arguments.length; i++) {
            Object a = arguments[i];
            if (!(a instanceof TornadoNativeArray || a instanceof KernelContext || a instanceof Number || a instanceof Character
                    || a instanceof Boolean)) {
                throw new TornadoTaskRuntimeException("argument " + i + " of task " + taskName + " is "
                        + (a == null ? "null" : "a " + a.getClass().getName())
                        + "; the simulator takes KernelContext, TornadoVM arrays and boxed primitives");
            }
        }
        steps.add(new GraphStep.Task(taskName, call, List.of(arguments), code.getClass().getClassLoader()));
    }

    /** Adds a copy to the device. */
    public void transferToDevice(int mode, Object... objects) {
        steps.add(new GraphStep.ToDevice(checked(mode), arrays("transferToDevice", objects)));
    }

    /** Adds a copy to the host. */
    public void transferToHost(int mode, Object... objects) {
        steps.add(new GraphStep.ToHost(checked(mode), arrays("transferToHost", objects)));
    }

    /** Takes arrays that another graph left on the device. */
    public void consume(String graph, Object... objects) {
        steps.add(new GraphStep.Consume(graph, arrays("consumeFromDevice", objects)));
    }

    /** Leaves arrays on the device. */
    public void persist(Object... objects) {
        steps.add(new GraphStep.Persist(arrays("persistOnDevice", objects)));
    }

    private int checked(int mode) {
        if (mode < DataTransferMode.FIRST_EXECUTION || mode > DataTransferMode.UNDER_DEMAND) {
            throw new TornadoRuntimeException("graph " + name + ": " + mode + " is no DataTransferMode");
        }
        return mode;
    }

    private List<TornadoNativeArray> arrays(String call, Object... objects) {
        List<TornadoNativeArray> arrays = new ArrayList<>();
        for (Object object : objects) {
            if (object instanceof TornadoNativeArray array) {
                arrays.add(array);
            } else if (!(object instanceof Number)) { // scalars are compiled in, there is nothing to copy
                throw new TornadoRuntimeException(call + " of graph " + name + ": the simulator copies TornadoVM arrays, not "
                        + (object == null ? "null" : object.getClass().getName()));
            }
        }
        return List.copyOf(arrays);
    }
}
