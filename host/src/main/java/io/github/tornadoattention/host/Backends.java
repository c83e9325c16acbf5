package io.github.tornadoattention.host;

import io.github.tornadoattention.host.cpu.CpuBackend;
import io.github.tornadoattention.host.reference.ReferenceBackend;
import io.github.tornadoattention.host.tornado.TornadoBackend;
import java.util.List;
import java.util.regex.Pattern;

/** The one place that knows every backend by name. What is asked for is what one gets, or an error. */
public final class Backends {
    private static final Pattern DEVICE = Pattern.compile("tornado(:\\d{1,4}:\\d{1,4})?");

    private Backends() {}

    /** Every name that {@link #of} knows, {@code tornado:<driver>:<device>} standing for each device. */
    public static List<String> names() {
        return List.of("reference", "cpu", "simulator", "tornado", "tornado:<driver>:<device>", "auto");
    }

    /**
     * The backend of this name.
     *
     * @throws UnavailableException if there is no such backend, or not on this machine
     */
    public static Backend of(String name) {
        if (DEVICE.matcher(name).matches()) {
            return TornadoBackend.device(name);
        }
        return switch (name) {
            case "reference" -> new ReferenceBackend();
            case "cpu" -> new CpuBackend();
            case "simulator" -> TornadoBackend.simulator();
            case "auto" -> auto();
            default -> throw new UnavailableException(
                    "no backend '%s': known are %s".formatted(name, String.join(", ", names())));
        };
    }

    /** TornadoVM on a GPU if an SDK and a GPU are there, else the CPU. */
    public static Backend auto() {
        return TornadoBackend.gpuPresent() ? TornadoBackend.device("tornado") : new CpuBackend();
    }
}
