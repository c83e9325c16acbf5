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
        int cpu = Failure.DONE;
        if (Peer.any()) {
            cpu = new CpuBench(terminal).call(flags, Row.all(flags.quick()).stream().filter(Row::forward).toList());
        } else {
            terminal.err().println("bench: ONNX Runtime and PyTorch for the CPU are not in this build (Maven profile 'peers'), skipped");
        }
        if (!flags.list()) {
            gpu();
        }
        terminal.err().println("bench: TornadoVM's cuDNN attention needs an SDK built with cudnn-frontend and is not measured here, skipped");
        return cpu;
    }

    /** PyTorch on the GPU runs in a process of its own, which appends to the same file. */
    private void gpu() throws IOException, InterruptedException {
        Path file = script == null ? Path.of(System.getProperty(CommandLine.ROOT_PROPERTY, "")).resolve(SCRIPT) : script;
        if (!Files.isRegularFile(file)) {
            throw new UsageException("%s: no such file; --script says where torch_sdpa.py is".formatted(file));
        }
        List<String> command = new ArrayList<>(List.of(python, file.toString()));
        if (flags.quick()) {
            command.add("--quick");
        }
        if (flags.out() != null) {
            command.addAll(List.of("--out", flags.out().toString()));
        }
        command.addAll(List.of("--seconds", Double.toString(flags.seconds(1)), "--minutes", Double.toString(flags.minutes())));
        terminal.out().flush();
        Process process;
        try {
            process = new ProcessBuilder(command).redirectInput(ProcessBuilder.Redirect.PIPE).redirectErrorStream(false)
                    .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        } catch (IOException e) {
            terminal.err().println("bench: there is no %s, so PyTorch is not measured on a GPU, skipped".formatted(python));
            return;
        }
        try (var lines = process.inputReader()) {
            lines.lines().forEach(terminal::print);
        }
        int code = process.waitFor();
        if (code != 0) {
            throw new DeviceException("%s ended with %d; its output is above".formatted(String.join(" ", command), code));
        }
    }
}
