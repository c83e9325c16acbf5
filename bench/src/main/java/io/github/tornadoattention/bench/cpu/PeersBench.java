package io.github.tornadoattention.bench.cpu;

import io.github.tornadoattention.bench.GridFlags;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.cli.Failure;
import io.github.tornadoattention.host.cli.Terminal;
import io.github.tornadoattention.host.launch.CommandLine;
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

/** What other people's attention does on this machine: ONNX Runtime and PyTorch on the CPU beside ours, PyTorch's paths on a GPU. */
@Command(name = "peers", description = "Measures ONNX Runtime and PyTorch on the CPU beside ours, and PyTorch's paths on a GPU if there is one.")
public final class PeersBench implements Callable<Integer> {
    private static final Path SCRIPT = Path.of("bench", "peers", "torch_sdpa.py");

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
        List<Row> rows = Row.all(flags.quick()).stream().filter(Row::forward).filter(row -> CpuBench.asked(flags.only(), row)).toList();
        List<String> onGpu = listed();
        if (rows.isEmpty() && onGpu != null && onGpu.isEmpty()) {
            throw new UsageException("no measurement of either grid is what --only asks for");
        }
        int cpu = Failure.DONE;
        if (!Peer.any()) {
            terminal.err().println("bench: ONNX Runtime and PyTorch for the CPU are not in this build (Maven profile 'peers'), skipped");
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
        terminal.err().println("bench: TornadoVM's cuDNN attention needs an SDK built with cudnn-frontend and is not measured here, skipped");
        return cpu;
    }

    /** PyTorch's results go to the same file. */
    private void measureOnGpu() throws IOException, InterruptedException {
        List<String> words = new ArrayList<>();
        if (flags.out() != null) {
            words.addAll(List.of("--out", flags.out().toString()));
        }
        words.addAll(List.of("--seconds", Double.toString(flags.seconds(1)), "--minutes", Double.toString(flags.minutes())));
        terminal.out().flush();
        run(words, terminal::print);
    }

    /** What the script would measure, null if there is no Python. */
    private @Nullable List<String> listed() throws IOException, InterruptedException {
        List<String> lines = new ArrayList<>();
        return run(List.of("--list"), lines::add) ? lines : null;
    }

    /** PyTorch on the GPU runs in a process of its own; false if there is no Python. */
    private boolean run(List<String> words, Consumer<String> print) throws IOException, InterruptedException {
        Path file = script == null ? Path.of(System.getProperty(CommandLine.ROOT_PROPERTY, "")).resolve(SCRIPT) : script;
        if (!Files.isRegularFile(file)) {
            throw new UsageException("%s: no such file; --script says where torch_sdpa.py is".formatted(file));
        }
        List<String> command = new ArrayList<>(List.of(python, file.toString()));
        if (flags.quick()) {
            command.add("--quick");
        }
        if (!flags.only().isEmpty()) {
            command.addAll(List.of("--only", flags.only().toString()));
        }
        command.addAll(words);
        Process process;
        try {
            process = new ProcessBuilder(command).redirectInput(ProcessBuilder.Redirect.PIPE).redirectErrorStream(false)
                    .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        } catch (IOException e) {
            return false;
        }
        try (var lines = process.inputReader()) {
            lines.lines().forEach(print);
        }
        int code = process.waitFor();
        if (code != 0) {
            throw new DeviceException("%s ended with %d; its output is above".formatted(String.join(" ", command), code));
        }
        return true;
    }
}
