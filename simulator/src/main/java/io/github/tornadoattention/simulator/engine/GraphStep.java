package io.github.tornadoattention.simulator.engine;

import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** One step of a task graph, as recorded. */
sealed interface GraphStep {

    /** Copies arrays to the device. */
    record ToDevice(int mode, List<TornadoNativeArray> arrays) implements GraphStep {
    }

    /** Copies arrays to the host. */
    record ToHost(int mode, List<TornadoNativeArray> arrays) implements GraphStep {
    }

    /** Takes arrays that another graph left on the device; {@code graph} is null for the one that ran last. */
    record Consume(String graph, List<TornadoNativeArray> arrays) implements GraphStep {
    }

    /** Leaves arrays on the device. */
    record Persist(List<TornadoNativeArray> arrays) implements GraphStep {
    }

    /**
     * Runs a kernel. {@code name} is {@code graph.task}, {@code arguments} are as the host gave them, {@code loader} knows the
     * kernel's class.
     */
    record Task(String name, KernelCall call, List<Object> arguments, ClassLoader loader) implements GraphStep {
    }
}
