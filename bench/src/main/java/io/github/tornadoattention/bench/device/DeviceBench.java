package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.Times;
import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionException;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Times the kernels on a device by the device's own clock, after it has checked the timed data against float64. */
@Command(name = "device", description = "Checks, then times attention on a device.", mixinStandardHelpOptions = true, showDefaultValues = true)
public final class DeviceBench implements Callable<Integer> {
    private static final double BACKWARD = 2.5;

    @Option(names = "--backend", defaultValue = "auto", description = "backend to time")
    private String backendName = "auto";

    @Option(names = "--shape", split = "\\s+", defaultValue = "1,16,4096,64 1,16,4096,128", description = "batch,heads,seq,headDim, several apart by a blank")
    private List<String> shapes = List.of();

    @Option(names = "--algorithm", defaultValue = "flash", description = "flash or standard")
    private String algorithm = "flash";

    @Option(names = "--causal", description = "time causal attention")
    private boolean causal;

    @Option(names = "--runs", defaultValue = "20", description = "timed runs")
    private int runs;

    @Option(names = "--out", description = "JSON-lines file to append to")
    private @Nullable Path out;

    /** Runs it as a program of its own. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new DeviceBench()).setExecutionExceptionHandler((e, command, parsed) -> {
            System.err.println("bench: " + e.getMessage());
            return e instanceof AttentionException known ? known.exitCode() : 70;
        }).execute(args));
    }

    @Override
    public Integer call() throws Exception {
        Backend backend = Backend.of(backendName).profiled();
        System.out.printf("%s, %s attention%s, float32, %d runs%n", backend.device(), algorithm, causal ? ", causal" : "", runs);
        boolean allRight = true;
        for (String shape : shapes) {
            for (Result result : measure(backend, spec(shape))) {
                System.out.println(line(result));
                allRight &= Boolean.TRUE.equals(result.get("checked"));
                if (out != null) {
                    result.appendTo(out);
                }
            }
        }
        return allRight ? 0 : 1;
    }

    private AttentionSpec spec(String shape) {
        int[] lengths = Arrays.stream(shape.split(",")).mapToInt(Integer::parseInt).toArray();
        if (lengths.length != 4) {
            throw new UsageException("--shape '%s' must be batch,heads,seq,headDim".formatted(shape));
        }
        return AttentionSpec.builder(lengths[0], lengths[1], lengths[2], lengths[3]).causal(causal ? Causal.TOP_LEFT : Causal.NONE).build();
    }

    private List<Result> measure(Backend backend, AttentionSpec spec) {
        SplittableRandom random = new SplittableRandom(1);
        Tensor q = normal(random, spec.qShape());
        Tensor k = normal(random, spec.kvShape());
        Tensor v = normal(random, spec.kvShape());
        Tensor dOut = normal(random, spec.qShape());
        SampledCheck check = new SampledCheck(spec, q, k, v, dOut);
        try (Attention attention = Attention.on(backend, spec, Algorithm.valueOf(algorithm.toUpperCase(Locale.ROOT)))) {
            List<Report> forwards = new ArrayList<>();
            List<Report> backwards = new ArrayList<>();
            Forward f = attention.forward(q, k, v);
            Gradients g = attention.backward(dOut, f);
            long firstForward = f.report().wallNanos();
            long firstBackward = g.report().wallNanos();
            for (int n = 0; n < runs; n++) {
                f = attention.forward(q, k, v);
                g = attention.backward(dOut, f);
                forwards.add(f.report());
                backwards.add(g.report());
            }
            return List.of(
                    result(spec, "forward", forwards, firstForward, spec.forwardFlops(), 1, check.forward(f)),
                    result(spec, "backward", backwards, firstBackward, BACKWARD * spec.forwardFlops(), 1.4, check.backward(f, g)));
        }
    }

    /** A result; without its times if it was not right. */
    private Result result(AttentionSpec spec, String direction, List<Report> reports, long firstNanos, double flops, double executed,
            SampledCheck.Deviation deviation) {
        Report last = reports.getLast();
        Result result = new Result().with(spec).with("backend", last.backend()).with("driver", last.driver()).with("device", last.device())
                .with("algorithm", last.algorithm()).with("dtype", "fp32").with("direction", direction).with("runs", reports.size())
                .with("peak_device_bytes", last.extraBytes()).with("max_abs_error", deviation.error()).with("checked", deviation.accepted())
                .with("command", "scripts/bench device --backend %s --shape %d,%d,%d,%d --runs %d%s%s".formatted(backendName, spec.batch(), spec.heads(),
                        spec.seqQ(), spec.headDim(), runs, causal ? " --causal" : "", algorithm.equals("flash") ? "" : " --algorithm " + algorithm))
                .with("versions", Map.of("jdk", Runtime.version().toString())).with("date", LocalDate.now(ZoneOffset.UTC).toString());
        if (!deviation.accepted()) {
            return result.with("error", "wrong result: off by %.1e".formatted(deviation.error()));
        }
        Times wall = new Times(reports.stream().mapToLong(Report::wallNanos).toArray());
        result.with("wall_median_ms", wall.median()).with("jit_ms", firstNanos / 1e6 - wall.median());
        Times times = last.kernelNanos() < 0 ? wall : new Times(reports.stream().mapToLong(Report::kernelNanos).toArray());
        return result.with("median_ms", times.median()).with("p10_ms", times.milliseconds(0.1)).with("p90_ms", times.milliseconds(0.9))
                .with("tflops", flops / times.median() / 1e9)
                .with("executed_tflops", last.algorithm().equals("flash") && last.driver() != null ? executed * flops / times.median() / 1e9 : null);
    }

    private static String line(Result r) {
        if (r.get("error") != null) {
            return "%-8s b%s h%s n%s d%s  %s".formatted(r.get("direction"), r.get("batch"), r.get("heads"), r.get("seq_q"), r.get("head_dim"), r.get("error"));
        }
        return "%-8s b%s h%s n%s d%-3s  median %9.3f ms (%.3f..%.3f)  %7.2f TFLOP/s  error %.1e  first call + %.1f s".formatted(r.get("direction"), r.get("batch"),
                r.get("heads"), r.get("seq_q"), r.get("head_dim"), r.number("median_ms"), r.number("p10_ms"), r.number("p90_ms"),
                r.number("tflops"), r.number("max_abs_error"), r.number("jit_ms") / 1e3);
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
