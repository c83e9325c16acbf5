package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.launch.CommandLine;
import io.github.tornadoattention.host.launch.LaunchException;
import io.github.tornadoattention.host.launch.Sdk;
import io.github.tornadoattention.host.tornado.BailoutProbe;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;

/**
 * {@code attention doctor}: looks at JDK, SDK, drivers and devices, and says of each problem what to do about it. What a
 * broken driver could bring down runs in a JVM of its own.
 */
@Command(name = "doctor",
        description = "Explains the environment: JDK, TornadoVM SDK, devices; each problem with what to do about it.")
final class DoctorCommand implements Callable<Integer> {
    /** Of the simulator, which builds against the real API do not have. */
    private static final String API_SNAPSHOT = "io.github.tornadoattention.simulator.ApiSnapshot";

    private static final int CHILD_SECONDS = 120;

    private final Terminal terminal;
    private int problems;

    DoctorCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        jdk();
        terminal.print("ok       %d processors, %s of heap"
                .formatted(Runtime.getRuntime().availableProcessors(), Numbers.bytes(Runtime.getRuntime().maxMemory())));
        hardware();
        String home = terminal.environment().getOrDefault("TORNADOVM_HOME", "");
        if (home.isBlank()) {
            note("TORNADOVM_HOME is not set, so attention runs on the CPU and the simulator; for a GPU install TornadoVM %s "
                    .formatted(Sdk.NEEDED) + "(SDKMAN or its releases on GitHub) and set TORNADOVM_HOME to its folder");
        } else {
            try {
                sdk(Sdk.at(Path.of(home)));
            } catch (LaunchException e) {
                problem(Failure.of(e).line());
            }
        }
        terminal.print(problems == 0 ? "no problem found" : "%d problem%s found".formatted(problems, problems == 1 ? "" : "s"));
        return problems == 0 ? Failure.DONE : Failure.CHECK_FAILED;
    }

    private void jdk() {
        ok("JDK %s (%s) at %s".formatted(Runtime.version(), System.getProperty("java.vendor"), System.getProperty("java.home")));
    }

    private void hardware() {
        List<String> seen = new ArrayList<>();
        if (Files.exists(Path.of("/dev/nvidiactl"))) {
            seen.add("an NVIDIA GPU");
        }
        if (Files.exists(Path.of("/dev/kfd"))) {
            seen.add("an AMD GPU");
        }
        if (Files.exists(Path.of("/dev/dri"))) {
            seen.add("a display device (/dev/dri)");
        }
        if (Files.isDirectory(Path.of("/etc/OpenCL/vendors"))) {
            seen.add("OpenCL drivers in /etc/OpenCL/vendors");
        }
        note("the operating system shows " + (seen.isEmpty() ? "neither GPU nor OpenCL driver" : String.join(", ", seen)));
    }

    private void sdk(Sdk sdk) {
        ok("TornadoVM %s at %s, drivers: %s".formatted(sdk.version(), sdk.home(), String.join(", ", sdk.drivers())));
        api(sdk);
        String root = System.getProperty(CommandLine.ROOT_PROPERTY);
        if (root == null) {
            note("not started by scripts/attention: the SDK's devices are not looked at");
            return;
        }
        Path jdk = Path.of(System.getProperty("java.home"));
        List<String> words = new CommandLine(Path.of(root), terminal.environment(), jdk, false).of(List.of("devices"));
        // this child's stderr is read, not moved away
        words.removeIf(word -> word.startsWith("-D" + CommandLine.STDERR_PROPERTY));
        Child devices = Child.run(words);
        devices(devices);
        if (devices.exitCode == Failure.DONE) {
            words.replaceAll(word -> word.equals(CommandLine.MAIN) ? BailoutProbe.class.getName() : word);
            bailout(Child.run(words));
        }
    }

    private void bailout(Child child) {
        List<String> lines = child.output.lines().toList();
        if (lines.contains(BailoutProbe.REFUSED)) {
            ok("a kernel that TornadoVM cannot compile raises an error");
        } else if (lines.contains(BailoutProbe.RAN)) {
            problem("a kernel that TornadoVM cannot compile runs as sequential Java, with wrong results: install TornadoVM "
                    + Sdk.NEEDED);
        } else {
            problem("a kernel could not be tried: " + child.reason());
        }
    }

    /** Compares the SDK's API with the descriptors this project was compiled against. */
    private void api(Sdk sdk) {
        try {
            Class<?> snapshot = Class.forName(API_SNAPSHOT);
            Object committed = snapshot.getMethod("committed").invoke(null);
            List<?> differences = (List<?>) snapshot.getMethod("differences", Path.class, List.class)
                    .invoke(null, sdk.apiJar(), committed);
            if (differences.isEmpty()) {
                ok("the SDK's API is the one this project was compiled against");
            } else {
                problem(("the SDK's API differs from the one this project was compiled against, %d times, first: %s; "
                        + "install TornadoVM %s").formatted(differences.size(), differences.getFirst(), Sdk.NEEDED));
            }
        } catch (InvocationTargetException e) {
            problem("%s cannot be read: %s; install TornadoVM %s again".formatted(sdk.apiJar(), e.getCause(), Sdk.NEEDED));
        } catch (ReflectiveOperationException e) {
            note("the simulator is not part of this build: the SDK's API is not compared");
        }
    }

    private void devices(Child child) {
        List<String> devices = child.output.lines().filter(line -> line.startsWith("tornado:")).toList();
        devices.forEach(device -> ok("device " + device));
        if (devices.isEmpty()) {
            problem(child.exitCode != Failure.DONE
                    ? child.reason()
                    : child.reason() + "; install the driver of your GPU, or PoCL for OpenCL on the CPU");
        }
    }

    private void ok(String text) {
        terminal.print("ok       " + text);
    }

    private void note(String text) {
        terminal.print("note     " + text);
    }

    private void problem(String text) {
        problems++;
        terminal.print("problem  " + text);
    }

    /** A finished JVM: its exit code and what it printed to both streams. */
    private record Child(int exitCode, String output) {
        private static final String ERROR = "attention: ";

        static Child run(List<String> words) {
            try {
                Path log = Files.createTempFile("attention-doctor", ".log");
                try {
                    Process process = new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(log.toFile()).start();
                    process.getOutputStream().close();
                    boolean ended = process.waitFor(CHILD_SECONDS, TimeUnit.SECONDS);
                    if (!ended) {
                        process.destroyForcibly();
                    }
                    String output = new String(Files.readAllBytes(log), StandardCharsets.UTF_8);
                    return new Child(ended ? process.exitValue() : -1,
                            ended ? output : output + "\nno answer in " + CHILD_SECONDS + " s");
                } finally {
                    Files.deleteIfExists(log);
                }
            } catch (IOException e) {
                return new Child(-1, "a JVM could not be started: " + e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return new Child(-1, "interrupted");
            }
        }

        /** Why there is no device: the error, else the remark about it, else the exit code. */
        String reason() {
            return output.lines()
                    .filter(line -> line.startsWith(ERROR) || line.startsWith("no TornadoVM device"))
                    .map(line -> line.startsWith(ERROR) ? line.substring(ERROR.length()) : line)
                    .findFirst()
                    .orElse("exit code " + exitCode + output.lines().map(line -> ": " + line).reduce("", (first, last) -> last));
        }
    }
}
