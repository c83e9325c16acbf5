package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.kernels.FlashBackwardKeys;
import io.github.tornadoattention.kernels.FlashBackwardQueries;
import io.github.tornadoattention.kernels.FlashForward;
import java.util.List;
import java.util.Map;

/** The tilings of each flash kernel, best first; the first that a device can hold is taken. The order comes from measurements (docs/performance.md). */
final class TileTable {
    private static final Map<Class<?>, List<Tiling>> CANDIDATES = Map.of(
            FlashForward.class, List.of(
                    new Tiling(64, 32, 8, 8), new Tiling(32, 32, 8, 8), new Tiling(32, 16, 8, 8), new Tiling(16, 16, 8, 8), new Tiling(8, 8, 8, 8)),
            FlashBackwardQueries.class, List.of(
                    new Tiling(32, 32, 8, 8), new Tiling(16, 16, 8, 8), new Tiling(16, 8, 8, 8), new Tiling(8, 8, 8, 8)),
            FlashBackwardKeys.class, List.of(
                    new Tiling(32, 32, 8, 8), new Tiling(16, 16, 8, 8), new Tiling(8, 16, 8, 8), new Tiling(8, 8, 8, 8)));

    private TileTable() {}

    /** The best tiling of a kernel that fits the limits. */
    static Tiling choose(Class<?> kernel, int headDim, Limits limits) {
        Contract contract = Contract.of(kernel);
        for (Tiling tiling : CANDIDATES.get(kernel)) {
            if (tiling.group() <= limits.group() && contract.localBytes(tiling, headDim) <= limits.localBytes()) {
                return tiling;
            }
        }
        throw new DeviceException("no tile of %s for head dim %d fits the device's %d bytes of local memory and groups of %d"
                .formatted(contract.kernel(), headDim, limits.localBytes(), limits.group()));
    }
}
