package io.github.tornadoattention.simulator.engine;

/** Calls a kernel with a list of arguments, whatever their number. */
@FunctionalInterface
public interface KernelCall {

    /** Runs the kernel once, for one work-item. */
    void run(Arguments arguments);
}
