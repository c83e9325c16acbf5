package io.github.tornadoattention.bench;

import io.github.tornadoattention.host.launch.CommandLine;
import io.github.tornadoattention.host.tornado.Platform;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What was measured with: JDK, TornadoVM, the GPU's driver, the commit of this project. What cannot be found out is left out. */
public final class Versions {
    /** Names the commit where there is no checkout to ask. */
    public static final String COMMIT_VARIABLE = "ATTENTION_COMMIT";

    private static final int SECONDS = 10;

    private Versions() {}

    /** On the JVM alone. */
    public static Map<String, String> ofJvm() {
        Map<String, String> versions = new LinkedHashMap<>();
        versions.put("jdk", Runtime.version().toString());
        put(versions, "commit", commit());
        return versions;
    }

    /** On a device of TornadoVM's; the driver's version is nvidia-smi's for NVIDIA's devices, else what the device tells. */
    public static Map<String, String> ofDevice(Platform.Device device) {
        Map<String, String> versions = ofJvm();
        put(versions, "tornadovm", tornado());
        String driver = device.nvidia() ? nvidiaDriver() : null;
        put(versions, "driver", driver == null ? device.driverVersion() : driver);
        return versions;
    }

    private static @Nullable String nvidiaDriver() {
        return firstLine(List.of("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"), null);
    }

    private static void put(Map<String, String> versions, String name, @Nullable String version) {
        if (version != null && !version.isBlank()) {
            versions.put(name, version);
        }
    }

    private static @Nullable String commit() {
        String told = System.getenv(COMMIT_VARIABLE);
        String root = System.getProperty(CommandLine.ROOT_PROPERTY);
        if (told != null || root == null) {
            return told;
        }
        return firstLine(List.of("git", "describe", "--always", "--dirty", "--exclude=*"), Path.of(root));
    }

    /** The SDK's version, from the name of its API's jar. */
    private static @Nullable String tornado() {
        String home = System.getenv("TORNADOVM_HOME");
        if (home == null) {
            return null;
        }
        try (Stream<Path> jars = Files.list(Path.of(home, "share", "java", "tornado"))) {
            return jars.map(jar -> jar.getFileName().toString())
                    .filter(name -> name.startsWith("tornado-api-") && name.endsWith(".jar"))
                    .map(name -> name.substring("tornado-api-".length(), name.length() - ".jar".length()))
                    .findFirst()
                    .orElse(null);
        } catch (IOException e) {
            return null;
        }
    }

    private static @Nullable String firstLine(List<String> command, @Nullable Path folder) {
        try {
            Process process = new ProcessBuilder(command).directory(folder == null ? null : folder.toFile())
                    .redirectError(ProcessBuilder.Redirect.DISCARD).start();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            boolean ended = process.waitFor(SECONDS, TimeUnit.SECONDS);
            return ended && process.exitValue() == 0 ? text.lines().findFirst().orElse(null) : null;
        } catch (IOException e) {
            return null; // there is no such program
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        }
    }
}
