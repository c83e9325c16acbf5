package io.github.tornadoattention.simulator.engine;

/**
 * What one execution took. Times are wall nanoseconds on the JVM and 0 without the profiler; bytes are always there.
 */
public record ExecutionProfile(long totalNanos, long kernelNanos, long copyInNanos, long copyOutNanos, long copyInBytes,
        long copyOutBytes, long deviceBytes) {

    /** Nanoseconds of all copies. */
    public long copyNanos() {
        return copyInNanos + copyOutNanos;
    }

    /** Bytes of all copies. */
    public long copyBytes() {
        return copyInBytes + copyOutBytes;
    }

    ExecutionProfile withoutTimes() {
        return new ExecutionProfile(0, 0, 0, 0, copyInBytes, copyOutBytes, deviceBytes);
    }

    /** All numbers as a JSON object. */
    public String toJson() {
        return ("{\"total_ns\": %d, \"kernel_ns\": %d, \"copy_in_ns\": %d, \"copy_out_ns\": %d, "
                + "\"copy_in_bytes\": %d, \"copy_out_bytes\": %d, \"device_bytes\": %d}")
                .formatted(totalNanos, kernelNanos, copyInNanos, copyOutNanos, copyInBytes, copyOutBytes, deviceBytes);
    }
}
