package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import io.github.tornadoattention.bench.Versions;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Resident;
import io.github.tornadoattention.host.UnavailableException;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.cli.Failure;
import io.github.tornadoattention.host.cli.Terminal;
import io.github.tornadoattention.host.tornado.KernelTraffic;
import io.github.tornadoattention.host.tornado.Platform;
import io.github.tornadoattention.host.tornado.TrafficModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Runs one attention once, forward and then backward, for a profiler to look at, and writes down which kernels it launched. They
 * are launched one by one: nothing is recorded as a CUDA graph, which a profiler would see as a whole.
 */
@Command(name = Result.PROFILE, description = "Runs one attention once, forward and backward, under a profiler; see traffic.")
public final class ProfileBench implements Callable<Integer> {
    private final Terminal terminal;

    @Option(names = "--backend", paramLabel = "B", defaultValue = "tornado",
            description = "A backend with a device; default: tornado.")
    private String backend = "tornado";

    @Option(names = "--shape", required = true, paramLabel = "B,H,N,D", description = "Batch, heads, sequence and head dim.")
    private String shape = "";

    @Mixin
    private ShapeFlags asked;

    @Option(names = "--out", required = true, paramLabel = "RUN.jsonl",
            description = "A new file that says what ran, for traffic --run.")
    private Path out = Path.of("run.jsonl");

    /** Prints to a terminal. */
    public ProfileBench(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        String algorithm = asked.algorithm();
        AttentionSpec spec = asked.spec(shape);
        if (Files.exists(out)) {
            throw new UsageException("--out %s exists; a run is a file of its own".formatted(out));
        }
        ResultsFile file = ResultsFile.append(out, terminal.err());
        List<Target> targets = Target.of(backend);
        Target target = targets.getFirst();
        Platform.Device device = target.device();
        if (targets.size() > 1 || device == null) {
            throw new UnavailableException("--backend %s: a profiler looks at one backend with a device, such as tornado"
                    .formatted(backend));
        }
        Job job = Job.of(target, algorithm, spec);
        TrafficModel model = model(job);
        if (!run(job)) {
            return Failure.CHECK_FAILED;
        }
        List.of("forward", "backward").forEach(direction -> file.append(job.expected(direction)
                .with("kernels", launches(model, direction)).with("bytes_model", Measurement.modelBytes(job, direction))
                .with("versions", Versions.ofDevice(device)).with("date", LocalDate.now(ZoneOffset.UTC).toString())
                .with("command", command())));
        terminal.print("%s: ran once, %d launches forward and %d backward".formatted(job, model.forward().size(),
                model.backward().size()));
        return Failure.DONE;
    }

    /** The launches by model, which a test holds against the simulator's. */
    private static TrafficModel model(Job job) {
        if (Result.TENSOR_CORES.equals(job.units())) {
            return TrafficModel.onTensorCores(job.spec());
        }
        if (job.spec().dtype() != DType.FP32) {
            throw new UsageException("--dtype %s: launches are known on tensor cores only, which this is not for"
                    .formatted(job.spec().dtype()));
        }
        return TrafficModel.of(job.spec(), job.how());
    }

    private static List<String> launches(TrafficModel model, String direction) {
        return (direction.equals("forward") ? model.forward() : model.backward()).stream().map(KernelTraffic::task).toList();
    }

    /** Each pass once; says whether they were right. */
    private boolean run(Job job) {
        RandomTensors in = RandomTensors.of(job.spec());
        try (Attention attention = Attention.on(job.target().backend().profiled(), job.spec(), job.how())) {
            attention.compile(true);
            Resident<Forward> forward = attention.upload(in.q(), in.k(), in.v());
            forward.run();
            Forward f = forward.result();
            Resident<Gradients> backward = attention.upload(in.dOut(), f);
            backward.run();
            SampledCheck check = new SampledCheck(job.spec(), in);
            SampledCheck.Deviation error = check.forward(f).and(check.backward(f, backward.result()));
            if (!error.accepted()) {
                terminal.err().println("bench: %s: wrong result, off by %.1e".formatted(job, error.error()));
            }
            return error.accepted();
        }
    }

    private String command() {
        String floats = System.getProperty("attention.fp32");
        return "scripts/bench %s%s --backend %s --shape %s%s".formatted(Result.PROFILE,
                floats == null ? "" : " -J-Dattention.fp32=" + floats, backend, shape, asked.words());
    }
}
