package io.github.tornadoattention.host;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What really ran, and what it cost.
 *
 * @param backend name of the backend, as {@link Backend#name()}
 * @param device the device in words
 * @param driver the driver below the backend ({@code opencl}, {@code cuda}, {@code ptx}), or null where there is none
 * @param algorithm {@code flash} or {@code standard}
 * @param kernels names of the kernels in the order in which they ran
 * @param kernelNanos nanoseconds in kernels, -1 if unknown
 * @param compileNanos nanoseconds spent compiling kernels for this call, 0 if none were compiled, -1 if unknown
 * @param wallNanos nanoseconds from call to result
 * @param extraBytes peak memory in bytes beyond inputs and outputs
 * @param remarks what was done otherwise than one might expect, a sentence each
 */
public record Report(
        String backend,
        String device,
        @Nullable String driver,
        String algorithm,
        List<String> kernels,
        long kernelNanos,
        long compileNanos,
        long wallNanos,
        long extraBytes,
        List<String> remarks) {

    /** Copies the lists. */
    public Report {
        kernels = List.copyOf(kernels);
        remarks = List.copyOf(remarks);
    }

    /** Without remarks. */
    public Report(String backend, String device, @Nullable String driver, String algorithm,
            List<String> kernels, long kernelNanos,
            long compileNanos, long wallNanos, long extraBytes) {
        this(backend, device, driver, algorithm, kernels, kernelNanos, compileNanos, wallNanos, extraBytes, List.of());
    }
}
