package io.github.tornadoattention.host.launch;

import com.sun.management.OperatingSystemMXBean;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How much memory the machine and its largest device have, learnt before any driver is loaded: TornadoVM reads its limit once,
 * at start-up.
 */
final class Memory {
    /** Overrides what is found: a number of bytes, or with K, M, G or T. */
    static final String VARIABLE = "TORNADO_ATTENTION_DEVICE_MEMORY";

    private static final Pattern SIZE = Pattern.compile("(\\d{1,15})([KMGT]?)B?");
    private static final int SMI_SECONDS = 10;

    private Memory() {}

    /**
     * The memory of the largest device in bytes: what the variable says, else what nvidia-smi or the amdgpu driver says, else the
     * machine's own memory, which integrated devices and CPU drivers use.
     *
     * @param cache where the answer of nvidia-smi is kept until the machine restarts, since it may take seconds
     */
    static long ofDevice(Map<String, String> environment, Path cache) {
        String given = environment.get(VARIABLE);
        if (given != null && !given.isBlank()) {
            return parse(given);
        }
        OptionalLong nvidia = nvidia(environment, cache);
        return nvidia.isPresent() ? nvidia.getAsLong() : amd().orElseGet(Memory::ofMachine);
    }

    /** The physical memory of this machine in bytes. */
    static long ofMachine() {
        Path meminfo = Path.of("/proc/meminfo");
        if (Files.isReadable(meminfo)) {
            try {
                Matcher total = Pattern.compile("MemTotal:\\s+(\\d+) kB").matcher(Files.readString(meminfo));
                if (total.find()) {
                    return Long.parseLong(total.group(1)) << 10;
                }
            } catch (IOException e) {
                // the JVM's own way below is slower, and works everywhere
            }
        }
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return system.getTotalMemorySize();
    }

    static long parse(String size) {
        Matcher match = SIZE.matcher(size.strip().toUpperCase(Locale.ROOT));
        if (!match.matches()) {
            throw new LaunchException("%s=%s is no size; write for example 16G".formatted(VARIABLE, size));
        }
        int thousands = match.group(2).isEmpty() ? 0 : "KMGT".indexOf(match.group(2)) + 1;
        return Math.multiplyExact(Long.parseLong(match.group(1)), 1L << (10 * thousands));
    }

    private static OptionalLong nvidia(Map<String, String> environment, Path cache) {
        Path program = onPath(environment, "nvidia-smi");
        if (program == null) {
            return OptionalLong.empty();
        }
        String key = boot() + " " + environment.getOrDefault("CUDA_VISIBLE_DEVICES", "") + " ";
        try {
            if (Files.isRegularFile(cache) && Files.readString(cache).startsWith(key)) {
                return OptionalLong.of(Long.parseLong(Files.readString(cache).substring(key.length()).strip()));
            }
        } catch (IOException | NumberFormatException e) {
            // asked again below
        }
        OptionalLong found = ask(program);
        if (found.isPresent() && !key.isBlank()) {
            try {
                Files.writeString(cache, key + found.getAsLong());
            } catch (IOException e) {
                // a checkout that cannot be written to: asked again next time
            }
        }
        return found;
    }

    private static OptionalLong ask(Path program) {
        try {
            Process smi = new ProcessBuilder(program.toString(), "--query-gpu=memory.total", "--format=csv,noheader,nounits")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            smi.getOutputStream().close();
            if (!smi.waitFor(SMI_SECONDS, TimeUnit.SECONDS)) {
                smi.destroyForcibly();
                return OptionalLong.empty();
            }
            String output = new String(smi.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            List<String> lines = output.lines().map(String::strip).filter(line -> line.matches("\\d{1,12}")).toList();
            return lines.stream().mapToLong(mebibytes -> Long.parseLong(mebibytes) << 20).max();
        } catch (IOException e) {
            return OptionalLong.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return OptionalLong.empty();
        }
    }

    private static OptionalLong amd() {
        long largest = 0;
        Path drm = Path.of("/sys/class/drm");
        if (Files.isDirectory(drm)) {
            try (DirectoryStream<Path> cards = Files.newDirectoryStream(drm, "card*")) {
                for (Path card : cards) {
                    Path total = card.resolve("device/mem_info_vram_total");
                    if (Files.isReadable(total)) {
                        largest = Math.max(largest, Long.parseLong(Files.readString(total).strip()));
                    }
                }
            } catch (IOException | NumberFormatException e) {
                return OptionalLong.empty();
            }
        }
        return largest == 0 ? OptionalLong.empty() : OptionalLong.of(largest);
    }

    private static String boot() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
        } catch (IOException e) {
            return "";
        }
    }

    private static @Nullable Path onPath(Map<String, String> environment, String program) {
        for (String folder : environment.getOrDefault("PATH", "").split(File.pathSeparator)) {
            Path file = folder.isEmpty() ? null : Path.of(folder, program);
            if (file != null && Files.isExecutable(file)) {
                return file;
            }
        }
        return null;
    }
}
