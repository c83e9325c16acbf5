package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.GridFlags;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.cli.Terminal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Times attention on devices by their own clocks, after it has checked the timed data against float64. */
@Command(name = "device", description = "Checks, then times attention on every device there is: TornadoVM's, the CPU, the simulator.")
public final class DeviceBench implements Callable<Integer> {
    private static final int SHAPE = 4;

    private final Terminal terminal;

    @Mixin
    private GridFlags flags;

    @Option(names = "--backend", paramLabel = "B", defaultValue = Target.ALL, description = "A backend, or all (the default).")
    private String backend = Target.ALL;

    @Option(names = "--shape", paramLabel = "B,H,N,D", split = "\\s+", description = "These shapes instead of the grid, with a blank between them.")
    private @Nullable List<String> shapes;

    @Option(names = "--algorithm", defaultValue = "flash", description = "flash or standard, for --shape.")
    private String algorithm = "flash";

    @Option(names = "--causal", description = "Causal attention, for --shape.")
    private boolean causal;

    @Option(names = "--dtype", defaultValue = "fp32", description = "fp32, fp16 or bf16, for --shape.")
    private String dtype = "fp32";

    @Option(names = "--runs", paramLabel = "N", description = "So many timed runs, whatever the time they take.")
    private @Nullable Integer runs;


    /** Prints to a terminal. */
    public DeviceBench(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        if (!algorithm.equals("flash") && !algorithm.equals("standard")) {
            throw new UsageException("--algorithm %s: flash and standard are known".formatted(algorithm));
        }
        if (runs != null && runs < 1) {
            throw new UsageException("--runs is %d, must be at least 1".formatted(runs));
        }
        List<AttentionSpec> specs = shapes == null ? List.of() : shapes.stream().map(this::spec).toList();
        JobRunner runner = new JobRunner(terminal, flags, runs, command());
        List<Target> targets = Target.of(backend);
        List<Job> jobs = new ArrayList<>();
        for (Target target : targets) {
            if (shapes == null) {
                jobs.addAll(DeviceGrid.jobs(target, flags.quick()));
            }
            specs.forEach(spec -> jobs.add(Job.of(target, algorithm, spec)));
        }
        return runner.run(targets, jobs);
    }

    private String command() {
        StringBuilder command = new StringBuilder("device");
        command.append(backend.equals(Target.ALL) ? "" : " --backend " + backend).append(flags.quick() ? " --quick" : "").append(runs == null ? "" : " --runs " + runs);
        if (shapes != null) {
            command.append(" --shape ").append(String.join("\\ ", shapes)).append(algorithm.equals("flash") ? "" : " --algorithm " + algorithm)
                    .append(causal ? " --causal" : "").append(dtype.equals("fp32") ? "" : " --dtype " + dtype);
        }
        return command.toString();
    }

    private AttentionSpec spec(String shape) {
        return spec(shape, causal, dtype);
    }

    /** A shape that somebody wrote, with its options. */
    static AttentionSpec spec(String shape, boolean causal, String dtype) {
        try {
            int[] lengths = Arrays.stream(shape.split(",", -1)).mapToInt(Integer::parseInt).toArray();
            if (lengths.length == SHAPE) {
                return AttentionSpec.builder(lengths[0], lengths[1], lengths[2], lengths[3])
                        .causal(causal ? Causal.BOTTOM_RIGHT : Causal.NONE).dtype(DType.of(dtype)).build();
            }
        } catch (NumberFormatException e) {
            throw new UsageException("--shape '%s' must be four whole numbers below 2^31: batch,heads,sequence,head dim".formatted(shape), e);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--shape %s: %s".formatted(shape, e.getMessage()), e);
        }
        throw new UsageException("--shape '%s' must be four whole numbers below 2^31: batch,heads,sequence,head dim".formatted(shape));
    }
}
