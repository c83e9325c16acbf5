package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.GridFlags;
import io.github.tornadoattention.bench.Only;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.UnavailableException;
import io.github.tornadoattention.host.cli.Failure;
import io.github.tornadoattention.host.cli.Terminal;
import io.github.tornadoattention.host.tornado.Platform;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Times TornadoVM's own attention, a task of its cuDNN library, on the shapes that PyTorch's paths are timed on. */
@Command(name = "cudnn", description = "Checks, then times TornadoVM's own cuDNN attention, float16 forward, on an NVIDIA GPU.")
public final class CudnnBench implements Callable<Integer> {
    /** What keeps it from being measured stands behind this. */
    public static final String MISSING = "TornadoVM's cuDNN attention cannot be measured: ";

    private final Terminal terminal;

    @Mixin
    private GridFlags flags;

    @Mixin
    private DeviceFlags devices;

    /** Prints to a terminal. */
    public CudnnBench(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        return measure(terminal, flags, devices);
    }

    /** Whether any of it is what somebody's flags ask for; the device, which is not known yet, may be any. */
    public static boolean asked(GridFlags flags) {
        return !listed(flags).isEmpty();
    }

    private static List<Job> listed(GridFlags flags) {
        Only only = flags.only().besides("device");
        return jobs(Target.library(null), flags.quick()).stream().filter(job -> only.matches(job.expected("forward"))).toList();
    }

    /** Whether this JVM runs on TornadoVM, and not on the simulator. */
    public static boolean runsHere() {
        return Platform.devices().stream().anyMatch(device -> !device.simulated());
    }

    /**
     * Measures by somebody's flags.
     *
     * @throws UnavailableException if there is no cuDNN, or no device for it; the message says what is missing
     */
    public static int measure(Terminal terminal, GridFlags flags) {
        return measure(terminal, flags, new DeviceFlags());
    }

    private static int measure(Terminal terminal, GridFlags flags, DeviceFlags devices) {
        JobRunner runner = new JobRunner(terminal, flags, devices, null, flags.quick() ? "cudnn --quick" : "cudnn");
        if (flags.list() && asked(flags)) {
            listed(flags).forEach(job -> terminal.print(job + ": forward"));
            return Failure.DONE;
        }
        Target target = Target.library(flags.list() ? null : device());
        return runner.run(List.of(target), jobs(target, flags.quick()));
    }

    private static Platform.Device device() {
        Platform.Device device = CudnnLibrary.device(Platform.devices());
        CudnnLibrary.here();
        return device;
    }

    /** The shapes of {@code torch_sdpa.py}: those of the device grid and of the paper's tables, causal or not. */
    static List<Job> jobs(Target target, boolean quick) {
        List<SpecBuilder> shapes = new ArrayList<>();
        for (int n : new int[] {512, 1024, 4096}) {
            shapes.add(AttentionSpec.builder(1, 16, n, 64));
        }
        shapes.add(AttentionSpec.builder(1, 16, 4096, 128));
        if (!quick) {
            shapes.add(AttentionSpec.builder(64, 16, 1024, 64));
            for (int d : new int[] {64, 128}) {
                for (int n = 512; n <= DeviceGrid.TOKENS; n *= 2) {
                    shapes.add(DeviceGrid.tokens(n, d));
                }
            }
            for (int n = 128; n <= DeviceGrid.LONGEST; n *= 2) {
                shapes.add(AttentionSpec.builder(16, 8, n, 64));
            }
        }
        List<Job> jobs = new ArrayList<>();
        for (SpecBuilder shape : shapes) {
            shape.dtype(DType.FP16);
            jobs.add(Job.of(target, CudnnAttention.ALGORITHM, shape.build()).forward());
            jobs.add(Job.of(target, CudnnAttention.ALGORITHM, shape.causal().build()).forward());
        }
        return Job.longOnesLast(jobs);
    }
}
