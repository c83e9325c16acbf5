package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.kernels.Extent;
import io.github.tornadoattention.kernels.FlashBackwardBias;
import io.github.tornadoattention.kernels.FlashBackwardKeys;
import io.github.tornadoattention.kernels.FlashBackwardQueries;
import io.github.tornadoattention.kernels.FlashForward;
import io.github.tornadoattention.kernels.SplitBackwardKeys;
import io.github.tornadoattention.kernels.SplitBackwardQueries;
import io.github.tornadoattention.kernels.SplitForward;
import io.github.tornadoattention.kernels.TensorBackwardKeys;
import io.github.tornadoattention.kernels.TensorBackwardKeysWide;
import io.github.tornadoattention.kernels.TensorBackwardQueries;
import io.github.tornadoattention.kernels.TensorForward;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The tilings of each flash kernel, best first; the first that fits is taken. The order comes from measurements
 * (docs/performance.md).
 */
final class TileTable {
    /**
     * Accumulators a work-item may hold in registers; with more, the rest of the kernel no longer fits beside them. In
     * tensor-core kernels, whose other operands come from local memory one at a time, those of each output.
     */
    private static final int ACCUMULATORS = 64;

    private static final Map<Class<?>, List<Tiling>> CANDIDATES = Map.ofEntries(
            Map.entry(SplitForward.class, List.of(
                    new Tiling(64, 32, 32, 4, 0, 0), new Tiling(32, 16, 32, 2, 0, 0), new Tiling(16, 16, 32, 1, 0, 0))),
            Map.entry(SplitBackwardQueries.class, List.of(
                    new Tiling(32, 32, 32, 4, 0, 0), new Tiling(32, 16, 32, 4, 0, 0), new Tiling(16, 16, 32, 2, 0, 0))),
            Map.entry(SplitBackwardKeys.class, List.of(
                    new Tiling(16, 32, 32, 4, 0, 0), new Tiling(16, 16, 32, 2, 0, 0))),
            Map.entry(TensorForward.class, List.of(
                    new Tiling(128, 32, 32, 4, 0, 0), new Tiling(64, 32, 32, 4, 0, 0), new Tiling(32, 32, 32, 2, 0, 0),
                    new Tiling(16, 16, 32, 1, 0, 0))),
            Map.entry(TensorBackwardQueries.class, List.of(
                    new Tiling(64, 32, 32, 4, 0, 0), new Tiling(32, 32, 32, 2, 0, 0), new Tiling(16, 16, 32, 1, 0, 0))),
            Map.entry(TensorBackwardKeys.class, List.of(
                    new Tiling(32, 64, 32, 4, 0, 0), new Tiling(16, 32, 32, 2, 0, 0), new Tiling(16, 16, 32, 1, 0, 0))),
            Map.entry(TensorBackwardKeysWide.class, List.of(
                    new Tiling(16, 32, 32, 4, 0, 0), new Tiling(16, 16, 32, 2, 0, 0))),
            Map.entry(FlashForward.class, List.of(
                    new Tiling(64, 48, 8, 8, 16, 16), new Tiling(64, 64, 8, 8, 16, 16), new Tiling(64, 32, 8, 8, 16, 16),
                    new Tiling(32, 64, 8, 8, 32, 16), new Tiling(32, 32, 8, 8, 32, 16),
                    new Tiling(16, 32, 8, 8, 32, 8), new Tiling(16, 16, 8, 8, 16, 8), new Tiling(16, 16, 8, 8, 8, 8))),
            Map.entry(FlashBackwardQueries.class, List.of(
                    new Tiling(64, 64, 8, 16, 16, 16), new Tiling(32, 64, 8, 16, 16, 16), new Tiling(32, 32, 8, 8, 16, 16),
                    new Tiling(32, 32, 8, 16, 16, 16),
                    new Tiling(16, 16, 8, 8, 16, 16), new Tiling(16, 16, 8, 8, 8, 8))),
            Map.entry(FlashBackwardBias.class, List.of(
                    new Tiling(32, 32, 8, 8, 16, 16), new Tiling(16, 16, 8, 8, 16, 16), new Tiling(16, 16, 8, 8, 8, 8))),
            Map.entry(FlashBackwardKeys.class, List.of(
                    new Tiling(64, 64, 8, 16, 16, 16), new Tiling(64, 64, 16, 16, 16, 16), new Tiling(64, 32, 16, 16, 16, 16),
                    new Tiling(32, 32, 8, 8, 16, 16),
                    new Tiling(32, 32, 16, 16, 16, 16), new Tiling(16, 16, 8, 8, 16, 16), new Tiling(16, 16, 16, 16, 16, 16))));

    private TileTable() {}

    /** All tilings of a kernel that can run with this head dim within these limits, best first. */
    static List<Tiling> fitting(Class<?> kernel, int headDim, int blockSize, Limits limits) {
        Contract contract = Contract.of(kernel);
        return Objects.requireNonNull(CANDIDATES.get(kernel), kernel.getSimpleName()).stream()
                .filter(tiling -> accumulators(contract, tiling, headDim) <= ACCUMULATORS)
                .filter(tiling -> blockSize % tiling.blockQ() == 0 && blockSize % tiling.blockK() == 0)
                .filter(tiling -> tiling.group() <= limits.group() && contract.localBytes(tiling, headDim) <= limits.localBytes())
                .toList();
    }

    /**
     * The best tiling of a kernel.
     *
     * @param blockSize size of the block mask's blocks, which tiles must divide; 0 if there is no mask
     */
    static Tiling choose(Class<?> kernel, int headDim, int blockSize, Limits limits) {
        return fitting(kernel, headDim, blockSize, limits).stream()
                .findFirst()
                .orElseThrow(() -> new DeviceException(
                        ("%s: no tile for head dim %d%s fits the device, which has %d bytes of local memory and groups of at "
                                + "most %d").formatted(kernel.getSimpleName(), headDim,
                                        blockSize == 0 ? "" : " and blocks of " + blockSize, limits.localBytes(),
                                        limits.group())));
    }

    /** Whether a kernel computes on tensor cores. */
    static boolean isTensor(Class<?> kernel) {
        return Objects.requireNonNull(CANDIDATES.get(kernel), kernel.getSimpleName()).getFirst().sliceD() == 0;
    }

    /** Block sizes of one class are divided by the same tiles; 0 stays 0. */
    static int sizeClass(int blockSize) {
        return blockSize == 0 ? 0 : (int) CANDIDATES.values().stream()
                .flatMap(List::stream)
                .flatMap(tiling -> Stream.of(tiling.blockQ(), tiling.blockK()))
                .distinct()
                .filter(edge -> blockSize % edge == 0)
                .mapToLong(Integer::longValue)
                .reduce(1, (a, b) -> a / BigInteger.valueOf(a).gcd(BigInteger.valueOf(b)).longValue() * b);
    }

    private static int accumulators(Contract contract, Tiling tiling, int headDim) {
        boolean keys = contract.launch().tile() == Extent.BLOCK_K;
        int rows = keys ? (tiling.sliceD() == 0 ? 1 : 2) * tiling.blockK() : tiling.blockQ();
        return rows * tiling.of(Extent.HEAD_DIM, headDim) / tiling.group();
    }
}
