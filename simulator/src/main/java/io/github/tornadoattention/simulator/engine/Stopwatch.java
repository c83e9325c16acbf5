package io.github.tornadoattention.simulator.engine;

import java.util.function.LongSupplier;

/** Adds up the times and bytes of one execution. */
final class Stopwatch {

    private final long start = System.nanoTime();
    private long kernelNanos;
    private long copyInNanos;
    private long copyOutNanos;
    private long copyInBytes;
    private long copyOutBytes;

    void kernel(Runnable launch) {
        long before = System.nanoTime();
        launch.run();
        kernelNanos += System.nanoTime() - before;
    }

    /** {@code copies} returns the bytes that it moved. */
    void copyIn(LongSupplier copies) {
        long before = System.nanoTime();
        copyInBytes += copies.getAsLong();
        copyInNanos += System.nanoTime() - before;
    }

    /** {@code copies} returns the bytes that it moved. */
    void copyOut(LongSupplier copies) {
        long before = System.nanoTime();
        copyOutBytes += copies.getAsLong();
        copyOutNanos += System.nanoTime() - before;
    }

    ExecutionProfile profile(long deviceBytes) {
        return new ExecutionProfile(System.nanoTime() - start, kernelNanos, copyInNanos, copyOutNanos, copyInBytes, copyOutBytes,
                deviceBytes);
    }
}
