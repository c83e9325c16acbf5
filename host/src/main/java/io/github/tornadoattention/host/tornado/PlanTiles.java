package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The tilings of a plan's kernels: what {@code attention tune} found for this device, where that fits, else the best of
 * {@link TileTable}.
 */
final class PlanTiles {
    private final Platform.Device device;
    private final AttentionSpec spec;
    private final int blockSize;
    private final Limits limits;
    private final Map<String, String> tuned = new LinkedHashMap<>();

    /** Tilings whose tiles divide blocks of {@code blockSize}, 0 = any. */
    PlanTiles(Platform.Device device, AttentionSpec spec, int blockSize, Limits limits) {
        this.device = device;
        this.spec = spec;
        this.blockSize = blockSize;
        this.limits = limits;
    }

    /** How a kernel cuts its work. */
    Tiling choose(Class<?> kernel) {
        Tiling first = TileTable.choose(kernel, spec.headDim(), blockSize, limits);
        Tiling forced = device.tunings().forced(kernel);
        if (forced != null) {
            return forced;
        }
        TuningFile file = device.tunings().file();
        TuningFile.Entry entry = file == null ? null : file.find(TuningKey.of(device, kernel, spec, blockSize));
        if (file == null || entry == null) {
            return first;
        }
        for (Tiling tiling : TileTable.fitting(kernel, spec.headDim(), blockSize, limits)) {
            if (tiling.sizes().equals(entry.sizes())) {
                tuned.put(kernel.getSimpleName(), "%s: tiles of %s, as attention tune found on %s"
                        .formatted(kernel.getSimpleName(), tiling, entry.date()));
                return tiling;
            }
        }
        file.say(("%s: tiling %s of %s for head dim %d is not among those that this device can have; "
                        + "ignored, attention tune finds another")
                .formatted(file.path(), entry.sizes(), kernel.getSimpleName(), spec.headDim()));
        return first;
    }

    /** What reports say of these kernels: nothing of those whose tiling the table chose. */
    List<String> remarks(List<String> kernels) {
        return kernels.stream().filter(tuned::containsKey).map(kernel -> Objects.requireNonNull(tuned.get(kernel))).toList();
    }
}
