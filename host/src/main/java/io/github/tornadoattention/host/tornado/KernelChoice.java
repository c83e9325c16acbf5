package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;

/** The one place that decides which kernels compute a spec on a device: by algorithm, dtype, options and what the device has. */
final class KernelChoice {
    private KernelChoice() {}

    /** A plan of the kernels that are best for this. */
    static DevicePlan plan(String backend, Platform.Device device, AttentionSpec spec, Algorithm algorithm, boolean profiled) {
        return switch (algorithm) {
            case FLASH -> TensorPlan.takes(device, spec)
                    ? new TensorPlan(backend, device, spec, profiled)
                    : new FlashPlan(backend, device, spec, profiled);
            case STANDARD -> new StandardPlan(backend, device, spec, profiled);
        };
    }
}
