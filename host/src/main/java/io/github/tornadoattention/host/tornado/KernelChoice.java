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
import org.jspecify.annotations.Nullable;

/** The one place that decides which kernels compute a spec on a device: by algorithm, dtype, options and what the device has. */
final class KernelChoice {
    /**
     * System property: what multiplies float32. {@code fma}: the kernels that run everywhere. {@code tensor}: tensor cores
     * where the device has them and their kernels take the spec. Without it tensor cores, too, on devices (the simulator stays
     * with {@code fma}) and where the work is worth packing keys and values for it.
     */
    static final String FP32_PROPERTY = "attention.fp32";

    /** Keys of one draw of the dropout: blocks that are computed one by one must begin at multiples of this. */
    private static final int DRAWN_KEYS = 4;
    /**
     * As many queries must see a key, on average, for packing it to pay: reading and writing keys and values a few times takes
     * as long as that many multiply-adds for each of their elements. A head costs as much as {@link #KEYS_A_HEAD} keys besides.
     */
    private static final int QUERIES_A_PACKED_KEY = 240;
    private static final int KEYS_A_HEAD = 256;

    private KernelChoice() {}

    /** The kernels that flash attention consists of. */
    private static final List<Class<?>> FLASH = List.of(FlashForward.class, FlashBackwardQueries.class, FlashBackwardKeys.class);

    /** A plan of the kernels that are best for this; one that streams blocks through the device where it does not fit whole. */
    static Plan plan(String backend, Platform.Device device, AttentionSpec spec, Algorithm algorithm, boolean profiled) {
        return switch (algorithm) {
            case FLASH -> flash(backend, device, spec, splits(System.getProperty(FP32_PROPERTY), device, spec), profiled);
            case STANDARD -> new StandardPlan(backend, device, spec, profiled);
        };
    }

    /** Flash attention; {@code split} says whether float32 goes to tensor cores. */
    static Plan flash(String backend, Platform.Device device, AttentionSpec spec, boolean split, boolean profiled) {
        boolean tensor = TensorPlan.takes(device, spec);
        BlockMask mask = spec.blockMask();
        if (!tensor && mask != null
                && FLASH.stream().anyMatch(kernel -> TileTable.fitting(kernel, spec.headDim(), mask.size(), device.limits())
                .isEmpty())) {
            if (spec.dropout() > 0 && mask.size() % DRAWN_KEYS != 0) {
                throw new UsageException(("dropout draws for %d keys at once, and blocks of %d begin between them: with "
                        + "dropout, sizes must be multiples of %d on devices").formatted(DRAWN_KEYS, mask.size(), DRAWN_KEYS));
            }
            return new StreamedPlan(backend, device, spec, device.limits(), profiled,
                    ("no tile that this device can have divides blocks of %d; "
                            + "sizes that are multiples of 16 are faster").formatted(mask.size()));
        }
        try {
            return tensor ? new TensorPlan(backend, device, spec, profiled) : float32(backend, device, spec, split, profiled);
        } catch (DeviceMemoryException e) {
            return new StreamedPlan(backend, device, spec, device.limits(), profiled, String.valueOf(e.getMessage()));
        }
    }

    /** Whether the products of a spec are left to tensor cores, if its tensors fit the device. */
    static boolean onTensorCores(Platform.Device device, AttentionSpec spec, Algorithm algorithm) {
        return algorithm == Algorithm.FLASH
                && (TensorPlan.takes(device, spec) || splits(System.getProperty(FP32_PROPERTY), device, spec));
    }

    /** Plans of float32 kernels; the split ones need more memory, and without it the others do. */
    private static Plan float32(String backend, Platform.Device device, AttentionSpec spec, boolean split, boolean profiled) {
        if (split) {
            try {
                return new SplitPlan(backend, device, spec, profiled);
            } catch (DeviceMemoryException e) {
                return new FlashPlan(backend, device, spec, profiled);
            }
        }
        return new FlashPlan(backend, device, spec, profiled);
    }

    /** Whether tensor cores multiply this spec's float32, given {@link #FP32_PROPERTY}. */
    static boolean splits(@Nullable String given, Platform.Device device, AttentionSpec spec) {
        boolean wanted = switch (given) {
            case "tensor" -> true;
            case "fma" -> false;
            case null -> !device.simulated() && spec.visiblePairs()
                    >= (long) QUERIES_A_PACKED_KEY * spec.batch() * spec.kvHeads() * (spec.seqK() + KEYS_A_HEAD);
            default -> throw new UsageException("system property %s is '%s', must be fma or tensor"
                    .formatted(FP32_PROPERTY, given));
        };
        return wanted && SplitPlan.takes(device, spec);
    }
}
