package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.kernels.FlashBackwardBias;
import io.github.tornadoattention.kernels.FlashBackwardKeys;
import io.github.tornadoattention.kernels.FlashBackwardQueries;
import io.github.tornadoattention.kernels.FlashForward;
import io.github.tornadoattention.kernels.SplitBackwardKeys;
import io.github.tornadoattention.kernels.SplitBackwardQueries;
import io.github.tornadoattention.kernels.SplitForward;
import io.github.tornadoattention.kernels.TensorBackwardQueries;
import io.github.tornadoattention.kernels.TensorForward;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * The bytes that attention moves between global memory and local or private memory, by calculation: no kernel runs. A test holds
 * it against the simulator's counters, byte for byte.
 *
 * <p>There are two counts. {@link KernelTraffic#bytes} is what work-items read and write, as if nothing were ever found in a
 * cache: how flash attention's own complexity is stated, O(N² D² / M) for a local memory of M (FlashAttention, arXiv 2205.14135,
 * theorem 2). {@link KernelTraffic#bytesOnce} is what remains with a cache that forgets nothing during a launch: for standard
 * attention the paper's O(N D + N²). What a device's memory really sees lies between the two.
 *
 * @param spec what is computed
 * @param algorithm how
 * @param forward the launches of the forward pass, in order
 * @param backward the launches of the backward pass, in order
 */
public record TrafficModel(AttentionSpec spec, Algorithm algorithm, List<KernelTraffic> forward, List<KernelTraffic> backward) {
    private static final int FLOAT = Float.BYTES;
    /** Local memory and group size of a typical device: 48 KiB is where static local memory ends on CUDA. */
    private static final Limits TYPICAL = new Limits(1024, 48 * 1024, Long.MAX_VALUE, Long.MAX_VALUE);
    private static final int THREADS = 8;
    private static final int SLICE = 16;

    /** Copies the lists. */
    public TrafficModel {
        forward = List.copyOf(forward);
        backward = List.copyOf(backward);
    }

    /** An algorithm, with the tiles that the host takes on a device with 48 KiB of local memory. */
    public static TrafficModel of(AttentionSpec spec, Algorithm algorithm) {
        if (algorithm == Algorithm.STANDARD) {
            StandardTraffic standard = new StandardTraffic(spec, FLOAT);
            return new TrafficModel(spec, algorithm, standard.forward(), standard.backward());
        }
        return flash(spec, chosen(FlashForward.class, spec), chosen(FlashBackwardQueries.class, spec),
                chosen(FlashBackwardKeys.class, spec),
                chosen(FlashBackwardBias.class, spec));
    }

    /**
     * Flash attention with tiles of {@code blockQ} queries and {@code blockK} keys in all kernels, whether or not they fit a
     * device.
     *
     * @throws UsageException if the kernels cannot have such tiles, or the block mask's blocks are no multiple of them
     */
    public static TrafficModel ofBlocks(AttentionSpec spec, int blockQ, int blockK) {
        if (blockQ < THREADS || blockK < THREADS || blockQ % THREADS != 0 || blockK % THREADS != 0
                || blockQ >= 1 << 15 || blockK >= 1 << 15) {
            throw new UsageException("tiles of %d x %d: both must be multiples of %d below 32768"
                    .formatted(blockQ, blockK, THREADS));
        }
        int size = spec.blockMask() == null ? 0 : spec.blockMask().size();
        if (size % blockQ != 0 || size % blockK != 0) {
            throw new UsageException("tiles of %d x %d: the block mask's blocks of %d are no multiple"
                    .formatted(blockQ, blockK, size));
        }
        int sliceN = blockQ % SLICE == 0 && blockK % SLICE == 0 ? SLICE : THREADS;
        Tiling tiling = new Tiling(blockQ, blockK, THREADS, THREADS, SLICE, sliceN);
        return flash(spec, tiling, tiling, tiling, tiling);
    }

    static TrafficModel flash(AttentionSpec spec, Tiling forward, Tiling queries, Tiling keys, Tiling bias) {
        FlashTraffic flash = new FlashTraffic(spec, FLOAT);
        List<KernelTraffic> backward = new ArrayList<>(List.of(flash.rowDots("flashBackward"), flash.keys(keys),
                flash.queries(queries)));
        int[] biasShape = spec.biasShape();
        if (biasShape != null) {
            backward.add(flash.bias(bias, biasShape));
        }
        return new TrafficModel(spec, Algorithm.FLASH, List.of(flash.forward(forward)), backward);
    }

    /**
     * Flash attention on tensor cores, with the tiles that the host takes on a device with 48 KiB of local memory: float32 as two
     * float16, 16-bit types as they are.
     *
     * @throws UsageException if this is not {@link #takenByTensorCores}
     */
    public static TrafficModel onTensorCores(AttentionSpec spec) {
        if (!takenByTensorCores(spec)) {
            throw new UsageException(("%s: not for the kernels on tensor cores, which take head dims that are multiples of 16 "
                    + "up to 128, blocks that are multiples of 16, a positive scale, and no bias, mask or "
                    + "dropout").formatted(spec));
        }
        if (spec.dtype() != DType.FP32) {
            return tensor(spec, chosen(TensorForward.class, spec), chosen(TensorBackwardQueries.class, spec),
                    chosen(TensorPlan.keysKernel(spec.headDim()), spec));
        }
        return split(spec, chosen(SplitForward.class, spec), chosen(SplitBackwardQueries.class, spec),
                chosen(SplitBackwardKeys.class, spec));
    }

    /** Whether the kernels on tensor cores compute a spec. */
    public static boolean takenByTensorCores(AttentionSpec spec) {
        return SplitPlan.takes(TYPICAL, spec) || TensorPlan.takes(TYPICAL, spec);
    }

    static TrafficModel split(AttentionSpec spec, Tiling forward, Tiling queries, Tiling keys) {
        SplitTraffic split = new SplitTraffic(spec);
        return new TrafficModel(spec, Algorithm.FLASH, split.forward(forward), split.backward(queries, keys));
    }

    static TrafficModel tensor(AttentionSpec spec, Tiling forward, Tiling queries, Tiling keys) {
        TensorTraffic tensor = new TensorTraffic(spec);
        return new TrafficModel(spec, Algorithm.FLASH, tensor.forward(forward), tensor.backward(queries, keys));
    }

    private static Tiling chosen(Class<?> kernel, AttentionSpec spec) {
        return TileTable.choose(kernel, spec.headDim(), spec.blockMask() == null ? 0 : spec.blockMask().size(), TYPICAL);
    }

    /** Bytes that work-items move in a direction: {@code forward}, {@code backward} or {@code both}. */
    public long bytes(String direction) {
        return launches(direction).stream().mapToLong(KernelTraffic::bytes).sum();
    }

    /** Bytes moved with a cache that forgets nothing during a launch, likewise. */
    public long bytesOnce(String direction) {
        return launches(direction).stream().mapToLong(KernelTraffic::bytesOnce).sum();
    }

    /**
     * Bytes that work-items move from and to local memory in a direction, each work-item's access for itself; empty where a
     * kernel's are not counted.
     */
    public OptionalLong localBytes(String direction) {
        long bytes = 0;
        for (KernelTraffic launch : launches(direction)) {
            KernelTraffic.Local local = launch.local();
            if (local == null) {
                return OptionalLong.empty();
            }
            bytes += local.bytes();
        }
        return OptionalLong.of(bytes);
    }

    private List<KernelTraffic> launches(String direction) {
        return switch (direction) {
            case "forward" -> forward;
            case "backward" -> backward;
            case "both" -> Stream.concat(forward.stream(), backward.stream()).toList();
            default -> throw new IllegalArgumentException("no direction '%s'".formatted(direction));
        };
    }
}
