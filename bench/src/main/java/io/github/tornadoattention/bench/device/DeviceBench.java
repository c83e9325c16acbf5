package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.GridFlags;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.cli.Terminal;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Times attention on devices by their own clocks, after it has checked the timed data against float64. */
@Command(name = "device", description = "Checks, then times attention on every device there is: TornadoVM's, the CPU, the "
        + "simulator.")
public final class DeviceBench implements Callable<Integer> {
    private final Terminal terminal;

    @Mixin
    private GridFlags flags;

    @Mixin
    private DeviceFlags devices;

    @Option(names = "--backend", paramLabel = "B", defaultValue = Target.ALL, description = "A backend, or all (the default).")
    private String backend = Target.ALL;

    @Option(names = "--shape", paramLabel = "B,H,N,D", split = "\\s+", splitSynopsisLabel = " ",
            description = "These shapes instead of the grid, with a blank between them.")
    private @Nullable List<String> shapes;

    @Mixin
    private ShapeFlags asked;

    @Option(names = "--runs", paramLabel = "N", description = "So many timed runs, whatever the time they take.")
    private @Nullable Integer runs;

    /** Prints to a terminal. */
    public DeviceBench(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        if (runs != null && runs < 1) {
            throw new UsageException("--runs is %d, must be at least 1".formatted(runs));
        }
        if (shapes == null) {
            asked.requireNone();
        }
        String algorithm = asked.algorithm();
        List<AttentionSpec> specs = shapes == null ? List.of() : shapes.stream().map(asked::spec).toList();
        JobRunner runner = new JobRunner(terminal, flags, devices, runs, command());
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
        command.append(backend.equals(Target.ALL) ? "" : " --backend " + backend).append(flags.quick() ? " --quick" : "")
                .append(runs == null ? "" : " --runs " + runs);
        if (shapes != null) {
            command.append(" --shape ").append(String.join("\\ ", shapes)).append(asked.words());
        }
        return command.toString();
    }
}
