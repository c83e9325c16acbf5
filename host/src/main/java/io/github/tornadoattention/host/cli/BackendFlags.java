package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.UsageException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The flags that say who computes, and how. */
final class BackendFlags {
    private static final Pattern SIZE = Pattern.compile("([1-9]\\d{0,8})([KMG]?)");

    @Option(names = "--backend", paramLabel = "B", defaultValue = "auto",
            description = "reference, cpu, simulator, tornado, tornado:<driver>:<device> or auto (the default).")
    private String backend;

    @Option(names = "--algorithm", paramLabel = "A", defaultValue = "flash", description = "flash (the default) or standard.")
    private Algorithm algorithm;

    @Option(names = "--device-memory", paramLabel = "BYTES",
            description = "Use no more of the device's memory than this, such as 64M (suffixes K, M, G); what needs more is "
                    + "streamed in blocks.")
    private @Nullable String deviceMemory;

    @Mixin
    private TuningFlags tuningFlags;

    /**
     * The backend asked for; never another one.
     *
     * @throws UsageException if the limit is no number of bytes, or the backend has no device memory
     */
    Backend backend() {
        Backend found = tuningFlags.on(Backend.of(backend));
        return deviceMemory == null ? found : found.withDeviceMemory(bytes(deviceMemory));
    }

    private static long bytes(String text) {
        Matcher size = SIZE.matcher(text.strip().toUpperCase(Locale.ROOT));
        if (!size.matches()) {
            throw new UsageException("--device-memory '%s' is no number of bytes such as 64M, above 0".formatted(text));
        }
        long unit = switch (size.group(2)) {
            case "K" -> 1L << 10;
            case "M" -> 1L << 20;
            case "G" -> 1L << 30;
            default -> 1;
        };
        return Long.parseLong(size.group(1)) * unit;
    }

    Algorithm algorithm() {
        return algorithm;
    }
}
