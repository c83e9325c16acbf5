package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.GridFlags;
import io.github.tornadoattention.host.cli.Terminal;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Repeats the measurements of the FlashAttention paper; smaller shapes where there is no GPU. */
@Command(name = "paper", description = "Repeats the FlashAttention paper's measurements: Figures 2 and 3, tables of time and "
        + "memory.")
public final class PaperBench implements Callable<Integer> {
    private final Terminal terminal;

    @Mixin
    private GridFlags flags;

    @Mixin
    private DeviceFlags devices;

    @Option(names = "--backend", paramLabel = "B", defaultValue = Target.ALL, description = "A backend, or all (the default).")
    private String backend = Target.ALL;

    /** Prints to a terminal. */
    public PaperBench(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        String command = "paper" + (backend.equals(Target.ALL) ? "" : " --backend " + backend)
                + (flags.quick() ? " --quick" : "");
        JobRunner runner = new JobRunner(terminal, flags, devices, null, command);
        List<Target> targets = Target.of(backend);
        List<Job> jobs = new ArrayList<>();
        targets.forEach(target -> jobs.addAll(PaperGrid.jobs(target, flags.quick())));
        return runner.run(targets, jobs);
    }
}
