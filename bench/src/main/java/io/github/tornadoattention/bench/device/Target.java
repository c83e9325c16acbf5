package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Backends;
import io.github.tornadoattention.host.UnavailableException;
import io.github.tornadoattention.host.cpu.CpuBackend;
import io.github.tornadoattention.host.tornado.Platform;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Something to measure on.
 *
 * @param kind how much can be asked of it
 * @param backend the backend that runs there
 * @param name the name of the backend in results
 * @param driver the driver's name in results, null if there is none
 * @param device the device behind it, null on the CPU
 */
record Target(Kind kind, Backend backend, String name, @Nullable String driver, Platform.@Nullable Device device) {
    /** The word for every device that there is. */
    static final String ALL = "all";

    /** What can be measured in reasonable time: a GPU takes the whole grid, a simulator tiny shapes only. */
    enum Kind { GPU, OTHER_DEVICE, CPU, SIMULATOR }

    /**
     * The targets that a word means: {@code all}, or the name of a backend.
     *
     * @throws UnavailableException if there is none
     */
    static List<Target> of(String word) {
        if (!word.equals(ALL)) {
            return List.of(one(word));
        }
        List<Target> targets = new ArrayList<>();
        for (Platform.Device device : Platform.devices()) {
            targets.add(of(device));
        }
        // slow ones last
        targets.add(cpu());
        targets.sort((a, b) -> a.kind().compareTo(b.kind()));
        return targets;
    }

    private static Target one(String word) {
        return switch (word) {
            case "cpu" -> cpu();
            case "reference" -> throw new UnavailableException("backend 'reference' is the specification; it is not measured");
            default -> {
                Backend backend = Backends.of(word);
                if (backend instanceof CpuBackend) {
                    yield cpu();
                }
                // the first device of which the backend could be
                yield Platform.devices().stream()
                        .map(Target::of)
                        .filter(target -> word.equals(target.backend().name())
                                || !word.contains(":") && target.backend().device().equals(backend.device())
                                        && (target.kind() == Kind.SIMULATOR) == word.equals("simulator"))
                        .findFirst()
                        .orElseThrow(() -> new UnavailableException("no device for backend '%s'".formatted(word)));
            }
        };
    }

    private static Target cpu() {
        return new Target(Kind.CPU, Backend.of("cpu"), "cpu", null, null);
    }

    private static Target of(Platform.Device device) {
        if (device.simulated()) {
            return new Target(Kind.SIMULATOR, Backend.of("simulator"), "simulator", null, device);
        }
        Backend backend = Backend.of("tornado:%d:%d".formatted(device.driver(), device.index()));
        return new Target(device.gpu() ? Kind.GPU : Kind.OTHER_DEVICE, backend, "tornado", device.driverName(), device);
    }

    /** cuDNN's attention in TornadoVM on a device; null: on one that is not known, which lists what would be measured. */
    static Target library(Platform.@Nullable Device device) {
        return new Target(Kind.GPU, device == null ? Backend.of("reference") : of(device).backend(),
                CudnnAttention.BACKEND, "cuda", device);
    }

    /** Whether somebody else's attention is measured there. */
    boolean library() {
        return name.equals(CudnnAttention.BACKEND);
    }

    /** The fields of a result that say where it was measured. */
    Result describe(Result result) {
        return result.with("backend", name).with("driver", driver)
                .with("device", library() && device == null ? null : backend.device())
                .with("threads", backend instanceof CpuBackend cpu ? cpu.threads() : null);
    }
}
