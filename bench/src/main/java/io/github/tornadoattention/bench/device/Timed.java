package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.DeviceException;
import java.util.function.Supplier;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoExecutionResult;

/** Runs of this package's own kernels, timed by the device's clock. */
final class Timed {
    private Timed() {}

    /**
     * Compiles a plan ahead of its first run.
     *
     * @throws DeviceException whatever TornadoVM throws, of which some are errors
     */
    static void compile(TornadoExecutionPlan plan) {
        translated(plan::withPreCompilation);
    }

    /**
     * Executes a plan, and waits for it.
     *
     * @throws DeviceException whatever TornadoVM throws, of which some are errors
     */
    static TornadoExecutionResult execute(TornadoExecutionPlan plan) {
        return translated(plan::execute);
    }

    /**
     * Executes a plan with its profiler on.
     *
     * @throws DeviceException whatever TornadoVM throws, of which some are errors
     */
    static long kernelNanos(TornadoExecutionPlan plan) {
        return translated(() -> plan.execute().getProfilerResult().getDeviceKernelTime());
    }

    /** The first line of what an error says, without colors and without the word that it is one. */
    static String reason(Throwable e) {
        String message = e.getMessage() == null ? "" : e.getMessage();
        return message.replaceAll("\u001B\\[[0-9;]*m", "").lines().findFirst().orElse(e.toString())
                .replaceFirst("^\\[ERROR] ", "");
    }

    private static <T> T translated(Supplier<T> work) {
        try {
            return work.get();
        } catch (RuntimeException | Error e) {
            throw new DeviceException(reason(e), e);
        }
    }
}
