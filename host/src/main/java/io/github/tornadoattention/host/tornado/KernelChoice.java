package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.DeviceMemoryException;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.kernels.FlashBackwardKeys;
import io.github.tornadoattention.kernels.FlashBackwardQueries;
import io.github.tornadoattention.kernels.FlashForward;
import java.util.List;

/** The one place that decides which kernels compute a spec on a device: by algorithm, dtype, options and what the device has. */
final class KernelChoice {
    private KernelChoice() {}

    /** The kernels that flash attention consists of. */
    private static final List<Class<?>> FLASH = List.of(FlashForward.class, FlashBackwardQueries.class, FlashBackwardKeys.class);

    /** A plan of the kernels that are best for this; one that streams blocks through the device where it does not fit whole. */
    static Plan plan(String backend, Platform.Device device, AttentionSpec spec, Algorithm algorithm, boolean profiled) {
        return switch (algorithm) {
            case FLASH -> flash(backend, device, spec, profiled);
            case STANDARD -> new StandardPlan(backend, device, spec, profiled);
        };
    }

    private static Plan flash(String backend, Platform.Device device, AttentionSpec spec, boolean profiled) {
        boolean tensor = TensorPlan.takes(device, spec);
        BlockMask mask = spec.blockMask();
        if (!tensor && mask != null
                && FLASH.stream().anyMatch(kernel -> TileTable.fitting(kernel, spec.headDim(), mask.size(), device.limits())
                .isEmpty())) {
            if (hasTables(spec)) {
                throw new UsageException(("no tile that this device can have divides blocks of %d, and with a mask or bias "
                        + "such blocks are not supported: use a size that is a multiple of 16").formatted(mask.size()));
            }
            return new StreamedPlan(backend, device, spec, device.limits(), profiled,
                    ("no tile that this device can have divides blocks of %d; "
                            + "sizes that are multiples of 16 are faster").formatted(mask.size()));
        }
        try {
            return tensor ? new TensorPlan(backend, device, spec, profiled) : new FlashPlan(backend, device, spec, profiled);
        } catch (DeviceMemoryException e) {
            if (hasTables(spec)) {
                throw e; // mask and bias are not cut into blocks
            }
            return new StreamedPlan(backend, device, spec, device.limits(), profiled, String.valueOf(e.getMessage()));
        }
    }

    private static boolean hasTables(AttentionSpec spec) {
        return spec.maskShape() != null || spec.biasShape() != null;
    }
}
