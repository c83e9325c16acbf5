package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Thrown within a kernel at the very access that is wrong; its stack trace leads to the source line. */
final class Violation extends RuntimeException {

    /** Stands in a message for the array's name, which is looked up only when the fault is reported. */
    static final String ARRAY = "{array}";

    private static final long serialVersionUID = 1L;

    private final KernelFault.Kind kind;
    private final transient TornadoNativeArray array;

    Violation(KernelFault.Kind kind, String message) {
        this(kind, message, null);
    }

    Violation(KernelFault.Kind kind, String message, TornadoNativeArray array) {
        super(message);
        this.kind = kind;
        this.array = array;
    }

    KernelFault.Kind kind() {
        return kind;
    }

    /** The global array at fault, or null. */
    TornadoNativeArray array() {
        return array;
    }
}
