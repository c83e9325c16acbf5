package io.github.tornadoattention.simulator.engine;

import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** An index that lies outside a global array. In a launch it becomes a {@code KernelFault}, on the host it goes to the caller. */
public final class OutsideArrayException extends IndexOutOfBoundsException {

    private static final long serialVersionUID = 1L;

    private final transient TornadoNativeArray array;
    private final int index;
    private final boolean write;

    /** An access to {@code index} of {@code array}. */
    public OutsideArrayException(TornadoNativeArray array, int index, boolean write) {
        super((write ? "write to" : "read of") + " index " + index + " of " + array.getClass().getSimpleName() + " with "
                + array.getSize() + " elements");
        this.array = array;
        this.index = index;
        this.write = write;
    }

    TornadoNativeArray array() {
        return array;
    }

    int index() {
        return index;
    }

    boolean write() {
        return write;
    }
}
