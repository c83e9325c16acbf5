package io.github.tornadoattention.bench.cpu;

import io.github.tornadoattention.bench.GridFlags;
import io.github.tornadoattention.bench.device.CudnnBench;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.UnavailableException;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.cli.Failure;
import io.github.tornadoattention.host.cli.Terminal;
import io.github.tornadoattention.host.launch.CommandLine;
import io.github.tornadoattention.host.launch.LaunchException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * What other people's attention does on this machine: ONNX Runtime and PyTorch on the CPU beside ours, on a GPU PyTorch's paths
 * and TornadoVM's own, which is cuDNN's.
 */
@Command(name = "peers", description = "Measures ONNX Runtime and PyTorch on the CPU beside ours, "
        + "on a GPU PyTorch's paths and TornadoVM's cuDNN attention.")
public final class PeersBench implements Callable<Integer> {
    private static final Path SCRIPT = Path.of("bench", "peers", "torch_sdpa.py");
    private static final int NO_PROGRAM = -1;

    private final Terminal terminal;

    @Mixin
    private GridFlags flags;

    @Option(names = "--python", defaultValue = "python3", description = "The Python that has PyTorch; default python3.")
    private String python = "python3";

    @Option(names = "--script", description = "Where torch_sdpa.py is, if not in this checkout.")
    private @Nullable Path script;

    /** Prints to a terminal. */
    public PeersBench(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws Exception {
        List<Row> rows = Row.all(flags.quick()).stream().filter(Row::forward)
                .filter(row -> CpuBench.asked(flags.only(), row)).toList();
        List<String> onGpu = listed();
        boolean cudnn = CudnnBench.asked(flags);
        if (rows.isEmpty() && onGpu != null && onGpu.isEmpty() && !cudnn) {
            throw new UsageException("no measurement of any grid is what --only asks for");
        }
        int cpu = Failure.DONE;
        if (!Peer.any()) {
            terminal.err().println("bench: ONNX Runtime and PyTorch for the CPU are not in this build (Maven profile 'peers'), "
                    + "skipped");
        } else if (!rows.isEmpty()) {
            cpu = new CpuBench(terminal).call(flags, rows);
        }
        if (onGpu == null) {
            terminal.err().println("bench: there is no %s, so PyTorch is not measured on a GPU, skipped".formatted(python));
        } else if (flags.list()) {
            onGpu.forEach(terminal::print);
        } else if (!onGpu.isEmpty()) {
            measureOnGpu();
        }
        int onTornadoVm = cudnn ? cudnn() : Failure.DONE;
        return cpu == Failure.DONE ? onTornadoVm : cpu;
    }

    /** TornadoVM's cuDNN attention; the exit code. Where something is missing, one line says what. */
    private int cudnn() throws IOException, InterruptedException {
        try {
            if (flags.list() || sdk().isBlank() || CudnnBench.runsHere()) {
                return CudnnBench.measure(terminal, flags);
            }
            return cudnnOnSdk();
        } catch (RuntimeException | Error e) {
            Failure failure = Failure.of(e);
            if (failure.exitCode() != Failure.UNAVAILABLE) {
                throw e;
            }
            terminal.err().println("bench: %s, skipped".formatted(failure.line()));
            return Failure.DONE;
        }
    }

    private String sdk() {
        return terminal.environment().getOrDefault("TORNADOVM_HOME", "");
    }

    /** In a process of its own, because TornadoVM's JVM is started with other options; its results go to the same file. */
    private int cudnnOnSdk() throws IOException, InterruptedException {
        List<String> words = new ArrayList<>(List.of("cudnn"));
        words.addAll(shared());
        words.addAll(where());
        List<String> command;
        try {
            Path jdk = Path.of(System.getProperty("java.home"));
            command = new ArrayList<>(new CommandLine(root(), terminal.environment(), jdk, true).of(words));
        } catch (LaunchException e) {
            throw new UnavailableException(CudnnBench.MISSING + e.getMessage(), e);
        }
        // stderr stays where it is
        command.removeIf(word -> word.startsWith("-D" + CommandLine.STDERR_PROPERTY));
        terminal.out().flush();
        int code = run(command, terminal::print);
        if (code != Failure.DONE && code != Failure.CHECK_FAILED && code != Failure.UNAVAILABLE) {
            throw new DeviceException("%s ended with %d; its output is above".formatted(String.join(" ", words), code));
        }
        return code == Failure.CHECK_FAILED ? code : Failure.DONE;
    }

    private static Path root() {
        return Path.of(System.getProperty(CommandLine.ROOT_PROPERTY, ""));
    }

    /** The words that say what of a grid is wanted. */
    private List<String> shared() {
        List<String> words = new ArrayList<>();
        if (flags.quick()) {
            words.add("--quick");
        }
        if (!flags.only().isEmpty()) {
            words.addAll(List.of("--only", flags.only().toString()));
        }
        return words;
    }

    /** The words that say where results go and how long they may take. */
    private List<String> where() {
        List<String> words = new ArrayList<>();
        if (flags.out() != null) {
            words.addAll(List.of("--out", flags.out().toString()));
        }
        words.addAll(List.of("--seconds", Double.toString(flags.seconds(1)), "--minutes", Double.toString(flags.minutes())));
        return words;
    }

    /** PyTorch's results go to the same file. */
    private void measureOnGpu() throws IOException, InterruptedException {
        terminal.out().flush();
        torch(where(), terminal::print);
    }

    /** What the script would measure, null if there is no Python. */
    private @Nullable List<String> listed() throws IOException, InterruptedException {
        List<String> lines = new ArrayList<>();
        return torch(List.of("--list"), lines::add) ? lines : null;
    }

    /** PyTorch on the GPU runs in a process of its own; false if there is no Python. */
    private boolean torch(List<String> words, Consumer<String> print) throws IOException, InterruptedException {
        Path file = script == null ? root().resolve(SCRIPT) : script;
        if (!Files.isRegularFile(file)) {
            throw new UsageException("%s: no such file; --script says where torch_sdpa.py is".formatted(file));
        }
        List<String> command = new ArrayList<>(List.of(python, file.toString()));
        command.addAll(shared());
        command.addAll(words);
        int code = run(command, print);
        if (code != 0 && code != NO_PROGRAM) {
            throw new DeviceException("%s ended with %d; its output is above".formatted(String.join(" ", command), code));
        }
        return code == 0;
    }

    /** The exit code of a process whose output is printed line by line, {@link #NO_PROGRAM} if there is nothing to start. */
    private static int run(List<String> command, Consumer<String> print) throws InterruptedException, IOException {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectInput(ProcessBuilder.Redirect.PIPE).redirectErrorStream(false)
                    .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        } catch (IOException e) {
            return NO_PROGRAM;
        }
        try (var lines = process.inputReader()) {
            lines.lines().forEach(print);
        }
        return process.waitFor();
    }
}
