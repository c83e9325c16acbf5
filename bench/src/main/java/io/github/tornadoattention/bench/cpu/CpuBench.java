package io.github.tornadoattention.bench.cpu;

import io.github.tornadoattention.bench.GridFlags;
import io.github.tornadoattention.bench.Only;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import io.github.tornadoattention.bench.Times;
import io.github.tornadoattention.bench.Versions;
import io.github.tornadoattention.bench.device.RandomTensors;
import io.github.tornadoattention.bench.device.SampledCheck;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.cli.Failure;
import io.github.tornadoattention.host.cli.Progress;
import io.github.tornadoattention.host.cli.Terminal;
import io.github.tornadoattention.host.cpu.CpuBackend;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Our attention on the CPU beside ONNX Runtime's and PyTorch's: checks that they agree, then times them in alternation. */
@Command(name = "cpu",
        description = "Checks, then times attention on the CPU beside ONNX Runtime and PyTorch, in alternation.")
public final class CpuBench implements Callable<Integer> {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    /** Largest difference between our out and a peer's; each is compared with float64 besides. */
    private static final double AGREEMENT = 1e-5;
    private static final int WARM_UP = 5;
    private static final int TURN = 5;
    /** Longer than ONNX Runtime's threads spin after a run, some 60 ms, in which they take a core from whoever comes next. */
    private static final int REST_MILLIS = 200;
    private static final int FEWEST = 12;
    private static final double SECONDS = 8;

    @Mixin
    private GridFlags flags;

    @Option(names = "--cpu-time", description = "on 1 thread: the time that it really ran, for machines with other work to do")
    private boolean cpuTime;

    private final Map<Integer, Double> multiplyAdds = new LinkedHashMap<>();
    private final Map<Integer, Double> reading = new LinkedHashMap<>();
    private final Terminal terminal;
    private @Nullable ResultsFile file;
    private boolean allRight = true;

    /** Prints to a terminal. */
    public CpuBench(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws Exception {
        return call(flags, Row.all(flags.quick()));
    }

    /** Measures some rows by somebody's flags. */
    int call(GridFlags asked, List<Row> grid) throws Exception {
        flags = asked;
        Only only = flags.only();
        file = flags.out() == null ? null : ResultsFile.append(flags.out(), terminal.err());
        List<Row> rows = grid.stream().filter(row -> asked(only, row)).toList();
        if (rows.isEmpty()) {
            throw new UsageException("no measurement of the grid is what --only asks for");
        }
        long start = System.nanoTime();
        try (Progress progress = Progress.of(terminal, "bench cpu", rows.size())) {
            for (Row row : rows) {
                if (System.nanoTime() - start > flags.minutes() * 60e9) {
                    progress.print("stopped after %s minutes; the same command goes on".formatted(flags.minutes()));
                    break;
                }
                if (flags.list()) {
                    progress.print(row.toString());
                } else if (file == null || !file.has(identified(row, "cpu", "flash"))) {
                    progress.at(row.toString());
                    measure(row, progress);
                }
                progress.step();
            }
        }
        return allRight ? Failure.DONE : Failure.CHECK_FAILED;
    }

    /** Whether a row is what {@code --only} asks for, which ours answers for all. */
    static boolean asked(Only only, Row row) {
        return only.matches(identified(row, "cpu", "flash"));
    }

    /** What says which measurement a row is. */
    private static Result identified(Row row, String backend, String algorithm) {
        CpuBackend ours = new CpuBackend(row.threads());
        return new Result().with(row.spec()).with("backend", backend).with("device", ours.device()).with("algorithm", algorithm)
                .with("dtype", "fp32").with("direction", row.direction()).with("threads", row.threads());
    }

    private void measure(Row row, Progress progress) throws Exception {
        SplittableRandom random = new SplittableRandom(1);
        Tensor q = normal(random, row.spec().qShape());
        Tensor k = normal(random, row.spec().kvShape());
        Tensor v = normal(random, row.spec().kvShape());
        Tensor dOut = normal(random, row.spec().qShape());
        CpuBackend backend = new CpuBackend(row.threads());
        progress.print(row.toString());
        List<Peer> peers = row.forward() ? Peer.all(row.spec(), row.threads(), q, k, v) : List.of();
        try (Attention attention = Attention.on(backend, row.spec())) {
            Forward f = attention.forward(q, k, v);
            Gradients g = row.forward() ? null : attention.backward(dOut, f);
            Report first = g == null ? f.report() : g.report();
            SampledCheck check = new SampledCheck(row.spec(), new RandomTensors(q, k, v, dOut));
            SampledCheck.Deviation error = g == null ? check.forward(f) : check.forward(f).and(check.backward(f, g));
            List<Result> results = new ArrayList<>();
            List<Runnable> runs = new ArrayList<>();
            Result own = result(row, "cpu", first.algorithm(), error).with("versions", Versions.ofJvm());
            results.add(own.with("peak_device_bytes", (long) own.tensorBytes() + first.extraBytes()));
            runs.add(row.forward() ? () -> attention.forward(q, k, v) : () -> attention.backward(dOut, f));
            if (!error.accepted()) {
                wrong(own, error.error(), progress);
                return;
            }
            float[] ours = f.out().toArray();
            for (Peer peer : peers) {
                peer.run();
                Map<String, String> versions = new LinkedHashMap<>(Versions.ofJvm());
                versions.put(peer.name(), peer.version());
                float[] out = peer.out();
                SampledCheck.Deviation theirError = check.out(Tensor.of(out, row.spec().qShape()));
                Result theirs = result(row, peer.name(), peer.path(), theirError).with("versions", versions);
                double apart = difference(ours, out);
                if (!theirError.accepted() || !(apart <= AGREEMENT)) {
                    wrong(theirs, Math.max(apart, theirError.error()), progress);
                } else {
                    results.add(theirs);
                    runs.add(peer::run);
                }
            }
            boolean ownTime = cpuTime && row.threads() == 1;
            List<Times> times = alternate(ownTime ? THREADS::getCurrentThreadCpuTime : System::nanoTime, runs);
            for (int n = 0; n < results.size(); n++) {
                report(row, results.get(n), times.get(n), n == 0 ? first.wallNanos() / 1e6 : Double.NaN, progress);
                if (n > 0) {
                    progress.print("  ratio to %s: minimum %.2f, median %.2f".formatted(results.get(n).get("backend"),
                            times.get(n).milliseconds(0) / times.getFirst().milliseconds(0),
                            times.get(n).median() / times.getFirst().median()));
                }
            }
        } finally {
            peers.forEach(Peer::close);
        }
    }

    /** Keeps a result without a time. */
    private void wrong(Result result, double error, Progress progress) {
        progress.print("  %s is off by %.1e: not timed".formatted(result.get("backend"), error));
        allRight = false;
        if (file != null) {
            file.append(result.with("checked", false).with("error", "wrong result: off by %.1e".formatted(error)));
        }
    }

    private Result result(Row row, String backend, String algorithm, SampledCheck.Deviation error) {
        return identified(row, backend, algorithm)
                .with("max_abs_error", error.error()).with("checked", error.accepted())
                .with("command", "scripts/bench cpu%s --only %s".formatted(cpuTime ? " --cpu-time" : "",
                        Only.of(identified(row, "cpu", "flash"), "seq_q", "seq_k", "head_dim", "causal", "threads", "direction")))
                .with("date", LocalDate.now(ZoneOffset.UTC).toString());
    }

    /**
     * Turns of each until the time is up; the first runs, in which code is compiled, are left out. Each turn begins with a rest,
     * in which the other's threads stop spinning, and with a run that is not timed.
     */
    private List<Times> alternate(LongSupplier clock, List<Runnable> runs) throws InterruptedException {
        List<List<Long>> nanos = runs.stream().map(run -> (List<Long>) new ArrayList<Long>()).toList();
        for (int n = 0; n < WARM_UP; n++) {
            runs.forEach(Runnable::run);
        }
        long end = System.nanoTime() + (long) (flags.seconds(SECONDS) * 1e9);
        while (System.nanoTime() < end || nanos.getFirst().size() < FEWEST) {
            for (int peer = 0; peer < runs.size(); peer++) {
                Thread.sleep(REST_MILLIS);
                runs.get(peer).run();
                for (int n = 0; n < TURN; n++) {
                    nanos.get(peer).add(nanos(clock, runs.get(peer)));
                }
            }
        }
        return nanos.stream().map(CpuBench::times).toList();
    }

    private static long nanos(LongSupplier clock, Runnable body) {
        long start = clock.getAsLong();
        body.run();
        return clock.getAsLong() - start;
    }

    private static Times times(List<Long> nanos) {
        return new Times(nanos.stream().mapToLong(Long::longValue).toArray());
    }

    private void report(Row row, Result result, Times times, double first, Progress progress) {
        double minimum = times.milliseconds(0);
        double ceiling = multiplyAdds.computeIfAbsent(row.threads(), Ceilings::multiplyAdds);
        double fraction = row.flops() / minimum / 1e6 / ceiling;
        String rate = "%.1f GFLOP/s, %.0f%% of %.0f".formatted(row.flops() / minimum / 1e6, 100 * fraction, ceiling);
        if (row.decodes()) {
            double memory = reading.computeIfAbsent(row.threads(), Ceilings::reading);
            fraction = row.bytes() / minimum / 1e6 / memory;
            rate = "%.1f GB/s, %.0f%% of %.1f".formatted(row.bytes() / minimum / 1e6, 100 * fraction, memory);
            result.with("gb_per_s", row.bytes() / times.median() / 1e6).with("bytes_model", row.bytes());
        }
        result.with("median_ms", times.median()).with("p10_ms", times.milliseconds(0.1)).with("p90_ms", times.milliseconds(0.9))
                .with("wall_median_ms", cpuTime && row.threads() == 1 ? null : times.median()).with("runs", times.sorted().length)
                .with("jit_ms", Double.isNaN(first) ? null : Math.max(0, first - times.median()))
                .with("tflops", row.flops() / times.median() / 1e9).with("executed_tflops", row.flops() / times.median() / 1e9)
                .with("ceiling_fraction", fraction);
        progress.print("  %-12s minimum %8.2f ms, median %8.2f ms, %d runs; at the minimum %s; error %.1e".formatted(
                result.get("backend"), minimum, times.median(), times.sorted().length, rate, result.get("max_abs_error")));
        if (file != null) {
            file.append(result);
        }
    }

    private static double difference(float[] a, float[] b) {
        double worst = 0;
        for (int n = 0; n < a.length; n++) {
            double off = Math.abs((double) a[n] - b[n]);
            worst = off <= worst ? worst : off;
        }
        return worst;
    }

    private static Tensor normal(SplittableRandom random, int[] shape) {
        int size = 1;
        for (int length : shape) {
            size *= length;
        }
        float[] values = new float[size];
        for (int n = 0; n < size; n++) {
            values[n] = (float) random.nextGaussian();
        }
        return Tensor.of(values, shape);
    }
}
