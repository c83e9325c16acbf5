package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.DeviceException;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;

/** Runs of this package's own kernels, timed by the device's clock. */
final class Timed {
    private Timed() {}

    /**
     * Executes a plan with its profiler on.
     *
     * @throws DeviceException whatever TornadoVM throws, of which some are errors
     */
    static long kernelNanos(TornadoExecutionPlan plan) {
        try {
            return plan.execute().getProfilerResult().getDeviceKernelTime();
        } catch (RuntimeException | Error e) {
            String message = e.getMessage() == null ? e.toString() : e.getMessage();
            throw new DeviceException(message.lines().findFirst().orElse(e.toString()), e);
        }
    }
}
