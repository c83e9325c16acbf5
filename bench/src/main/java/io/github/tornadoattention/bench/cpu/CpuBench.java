package io.github.tornadoattention.bench.cpu;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.Times;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionException;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.cpu.CpuBackend;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Our attention on the CPU beside ONNX Runtime's: checks that they agree, then times them in alternation. */
@Command(name = "cpu", mixinStandardHelpOptions = true,
        description = "Checks, then times attention on the CPU beside ONNX Runtime.")
public final class CpuBench implements Callable<Integer> {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final double AGREEMENT = 1e-5;
    private static final int WARM_UP = 5;
    private static final int TURN = 3;
    private static final int FEWEST = 12;

    @Option(names = "--quick", description = "forward at n 1024 and 2048 only; under 3 minutes")
    private boolean quick;

    @Option(names = "--only", split = ",", description = "rows with these values, e.g. seq_q=1024,threads=1")
    private Map<String, String> only = new LinkedHashMap<>();

    @Option(names = "--seconds", defaultValue = "8", description = "time for each row (default: 8)")
    private double seconds = 8;

    @Option(names = "--cpu-time", description = "on 1 thread: the time that it really ran, for machines with other work to do")
    private boolean cpuTime;

    @Option(names = "--out", description = "JSON-lines file to append to")
    private @Nullable Path out;

    private final Map<Integer, Double> multiplyAdds = new LinkedHashMap<>();
    private final Map<Integer, Double> reading = new LinkedHashMap<>();
    private boolean allRight = true;

    /** Runs it as a program of its own. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new CpuBench()).setExecutionExceptionHandler((e, command, parsed) -> {
            System.err.println("bench: " + e.getMessage());
            return e instanceof AttentionException known ? known.exitCode() : 70;
        }).execute(args));
    }

    @Override
    public Integer call() throws Exception {
        for (Row row : Row.all(quick)) {
            if (row.matches(only)) {
                measure(row);
            }
        }
        return allRight ? 0 : 1;
    }

    private void measure(Row row) throws Exception {
        SplittableRandom random = new SplittableRandom(1);
        Tensor q = normal(random, row.spec().qShape());
        Tensor k = normal(random, row.spec().kvShape());
        Tensor v = normal(random, row.spec().kvShape());
        Tensor dOut = normal(random, row.spec().qShape());
        CpuBackend backend = new CpuBackend(row.threads());
        System.out.println(row);
        try (Attention attention = Attention.on(backend, row.spec());
                Peer peer = row.forward() ? Peer.onnxRuntime(row.spec(), row.threads(), q, k, v) : null) {
            long start = System.nanoTime();
            Forward f = attention.forward(q, k, v);
            double first = (System.nanoTime() - start) / 1e6;
            ExactRows exact = new ExactRows(row.spec(), q, k, v, dOut);
            float[] ours = row.forward() ? f.out().toArray() : attention.backward(dOut, f).dq().toArray();
            double error = exact.error(ours, !row.forward());
            Result own = result(row, "cpu", backend.device(), f.report().algorithm(), error)
                    .with("versions", Map.of("jdk", Runtime.version().toString()))
                    .with("peak_device_bytes", f.report().extraBytes());
            Result theirs = null;
            if (peer != null) {
                peer.run();
                double apart = difference(ours, peer.out());
                if (apart > AGREEMENT) {
                    System.out.printf("  differs from %s by %.1e: not timed%n", peer.name(), apart);
                    allRight = false;
                    return;
                }
                theirs = result(row, peer.name(), backend.device(), "MultiHeadAttention", exact.error(peer.out(), false))
                        .with("versions", Map.of(peer.name(), peer.version(), "jdk", Runtime.version().toString()));
            }
            if (!Boolean.TRUE.equals(own.get("checked"))) {
                System.out.printf("  differs from float64 by %.1e: not timed%n", error);
                allRight = false;
                return;
            }
            Runnable run = row.forward() ? () -> attention.forward(q, k, v) : () -> attention.backward(dOut, f);
            boolean ownTime = cpuTime && row.threads() == 1;
            List<Times> times = alternate(ownTime ? THREADS::getCurrentThreadCpuTime : System::nanoTime, run, peer);
            report(row, own, times.getFirst(), first);
            if (theirs != null && peer != null) {
                report(row, theirs, times.getLast(), Double.NaN);
                System.out.printf("  ratio to %s: minimum %.2f, median %.2f%n", peer.name(),
                        times.getLast().milliseconds(0) / times.getFirst().milliseconds(0),
                        times.getLast().median() / times.getFirst().median());
            }
        }
    }

    private Result result(Row row, String backend, String device, String algorithm, double error) {
        return new Result().with(row.spec()).with("backend", backend).with("device", device).with("algorithm", algorithm)
                .with("dtype", "fp32").with("direction", row.direction()).with("threads", row.threads())
                .with("max_abs_error", error).with("checked", error <= AGREEMENT)
                .with("command", "scripts/bench cpu%s --only seq_q=%d,seq_k=%d,head_dim=%d,threads=%d,direction=%s".formatted(
                        cpuTime ? " --cpu-time" : "", row.spec().seqQ(), row.spec().seqK(), row.spec().headDim(), row.threads(),
                        row.direction()))
                .with("date", LocalDate.now().toString());
    }

    /** Turns of each until the time is up; the first runs, in which code is compiled, are left out. */
    private List<Times> alternate(LongSupplier clock, Runnable own, @Nullable Peer peer) {
        List<Long> ours = new ArrayList<>();
        List<Long> theirs = new ArrayList<>();
        for (int n = 0; n < WARM_UP; n++) {
            own.run();
            if (peer != null) {
                peer.run();
            }
        }
        long end = System.nanoTime() + (long) (seconds * 1e9);
        while (System.nanoTime() < end || ours.size() < FEWEST) {
            for (int n = 0; n < TURN; n++) {
                ours.add(nanos(clock, own));
            }
            for (int n = 0; n < TURN && peer != null; n++) {
                theirs.add(nanos(clock, peer::run));
            }
        }
        return peer == null ? List.of(times(ours)) : List.of(times(ours), times(theirs));
    }

    private static long nanos(LongSupplier clock, Runnable body) {
        long start = clock.getAsLong();
        body.run();
        return clock.getAsLong() - start;
    }

    private static Times times(List<Long> nanos) {
        return new Times(nanos.stream().mapToLong(Long::longValue).toArray());
    }

    private void report(Row row, Result result, Times times, double first) throws Exception {
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
                .with("jit_ms", Double.isNaN(first) ? null : first - times.median())
                .with("tflops", row.flops() / times.median() / 1e9).with("executed_tflops", row.flops() / times.median() / 1e9)
                .with("ceiling_fraction", fraction);
        System.out.printf("  %-12s minimum %8.2f ms, median %8.2f ms, %d runs; at the minimum %s; error %.1e%n",
                result.get("backend"), minimum, times.median(), times.sorted().length, rate, result.get("max_abs_error"));
        if (out != null) {
            result.appendTo(out);
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
