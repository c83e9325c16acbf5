package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Times;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Decoding;
import io.github.tornadoattention.host.KvCache;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.cli.Terminal;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Times decoding: one query of each entry and head a step, over a cache that is there, which grows by a key a step. The first
 * steps are compared with float64 before any time is reported.
 */
@Command(name = "decode", description = "Times steps of decoding over a cache.", mixinStandardHelpOptions = true,
        showDefaultValues = true)
public final class DecodeBench implements Callable<Integer> {
    /** Steps that are compared with float64. */
    private static final int CHECKED = 3;
    /** Largest difference allowed, where values lie between -1 and 1. */
    private static final double TOLERANCE = 1e-5;
    private static final int WRONG = 1;

    private final Terminal terminal;

    @Option(names = "--backend", defaultValue = "auto", description = "backend to time")
    private String backendName = "auto";

    @Option(names = "--shape", paramLabel = "B,H,HKV,D,KEYS", required = true,
            description = "batch, query heads, key heads, head dim, keys in the cache; may be given several times")
    private List<String> shapes = List.of();

    @Option(names = "--dtype", defaultValue = "fp32", split = ",",
            description = "of the cache: fp32, fp16, bf16, or several with commas")
    private List<String> dtypes = List.of();

    @Option(names = "--steps", defaultValue = "200", description = "steps to time")
    private int steps;

    /** Prints to a terminal. */
    public DecodeBench(Terminal terminal) {
        this.terminal = terminal;
    }

    /** Tensors of one step. */
    private record Step(Tensor q, Tensor k, Tensor v) {
        static Step draw(Random random, AttentionSpec spec) {
            return new Step(uniform(random, spec.batch(), spec.heads(), 1, spec.headDim()),
                    uniform(random, spec.batch(), spec.kvHeads(), 1, spec.headDim()),
                    uniform(random, spec.batch(), spec.kvHeads(), 1, spec.headDim()));
        }
    }

    /** What one decoding cost, step by step, in nanoseconds, and how far off its first steps were. */
    private record Timed(Times wall, Times kernels, double error) {}

    @Override
    public Integer call() {
        if (steps < CHECKED) {
            throw new UsageException("--steps is %d, must be at least %d".formatted(steps, CHECKED));
        }
        List<int[]> parsed = shapes.stream().map(DecodeBench::shape).toList();
        List<DType> types = dtypes.stream().map(DecodeBench::type).toList();
        parsed.forEach(this::spec); // refuses what is no attention
        Backend backend = Backend.of(backendName);
        terminal.print("backend %s on %s, %d steps each: median (10th..90th percentile)"
                .formatted(backend.name(), backend.device(), steps));
        boolean right = true;
        for (int[] shape : parsed) {
            for (DType type : types) {
                right &= measure(backend, shape, type);
            }
        }
        return right ? 0 : WRONG;
    }

    private boolean measure(Backend backend, int[] shape, DType type) {
        AttentionSpec spec = spec(shape);
        Random random = new Random(1);
        Tensor k = uniform(random, shape[0], shape[2], shape[4], shape[3]);
        Tensor v = uniform(random, shape[0], shape[2], shape[4], shape[3]);
        String what = "b%d h%d/%d d%d, %d keys, %s cache".formatted(shape[0], shape[1], shape[2], shape[3],
                shape[4], written(type));
        Timed calls = timed(backend, spec, type, k, v);
        Timed kernels = timed(backend.profiled(), spec, type, k, v);
        double error = Math.max(calls.error(), kernels.error());
        if (!(error <= TOLERANCE)) {
            terminal.print("%s: wrong result, off by %.1e".formatted(what, error));
            return false;
        }
        double bytes = 2.0 * shape[0] * shape[2] * shape[3] * (shape[4] + steps / 2.0) * type.bytes();
        terminal.print("%s: step %s ms, kernels %s ms, %.1f GB/s, error %.1e"
                .formatted(what, range(calls.wall()), range(kernels.kernels()),
                bytes / kernels.kernels().median() / 1e6, error));
        return true;
    }

    private AttentionSpec spec(int[] shape) {
        try {
            return AttentionSpec.builder(shape[0], shape[1], 1, shape[3]).kvHeads(shape[2])
                    .seqK(Math.addExact(shape[4], steps)).causal().build();
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new UsageException("--shape: " + e.getMessage());
        }
    }

    private Timed timed(Backend backend, AttentionSpec spec, DType type, Tensor k, Tensor v) {
        Random random = new Random(2);
        long[] wall = new long[steps];
        long[] kernels = new long[steps];
        double error = 0;
        try (Decoding measured = decoding(backend, spec, type); Decoding exact = decoding(Backend.of("reference"), spec, type)) {
            measured.append(k, v);
            exact.append(k, v);
            for (int i = 0; i < steps; i++) {
                Step step = Step.draw(random, spec);
                Decoding.Result result = measured.step(step.q(), step.k(), step.v());
                wall[i] = result.report().wallNanos();
                kernels[i] = result.report().kernelNanos();
                if (i < CHECKED) {
                    error = Math.max(error, difference(result.out(), exact.step(step.q(), step.k(), step.v()).out()));
                }
            }
        }
        // the first step compiles, and carries the cache over
        return new Timed(new Times(Arrays.copyOfRange(wall, 1, steps)), new Times(Arrays.copyOfRange(kernels, 1, steps)), error);
    }

    private static Decoding decoding(Backend backend, AttentionSpec spec, DType type) {
        KvCache cache = KvCache.contiguous(spec.batch(), spec.kvHeads(), spec.seqK(), spec.headDim());
        return Decoding.on(backend, spec, type == DType.FP32 ? cache : cache.withDtype(type), null);
    }

    private static double difference(Tensor x, Tensor y) {
        float[] a = x.toArray();
        float[] b = y.toArray();
        return IntStream.range(0, a.length)
                .mapToDouble(i -> Float.isNaN(a[i]) ? Double.POSITIVE_INFINITY : Math.abs((double) a[i] - b[i])).max()
                .orElse(0);
    }

    private static Tensor uniform(Random random, int... shape) {
        float[] x = new float[Arrays.stream(shape).reduce(1, Math::multiplyExact)];
        for (int i = 0; i < x.length; i++) {
            x[i] = 2 * random.nextFloat() - 1;
        }
        return Tensor.of(x, shape);
    }

    private static String range(Times times) {
        return "%.3f (%.3f..%.3f)".formatted(times.median(), times.milliseconds(0.1), times.milliseconds(0.9));
    }

    private static int[] shape(String text) {
        String[] parts = text.split(",", -1);
        if (parts.length != 5 || !Arrays.stream(parts).allMatch(part -> part.strip().matches("[1-9]\\d{0,8}"))) {
            throw new UsageException("--shape '%s' is not B,H,HKV,D,KEYS, five whole numbers from 1 to 999999999"
                    .formatted(text));
        }
        int[] shape = Arrays.stream(parts).mapToInt(part -> Integer.parseInt(part.strip())).toArray();
        long elements = (long) shape[0] * shape[2] * shape[3];
        if (elements > Integer.MAX_VALUE / shape[4]) {
            throw new UsageException("--shape '%s': the cache has 2^31 elements or more, which is too many".formatted(text));
        }
        return shape;
    }

    private static DType type(String name) {
        return Arrays.stream(DType.values()).filter(type -> written(type).equals(name)).findFirst()
                .orElseThrow(() -> new UsageException("--dtype '%s' is none of fp32, fp16, bf16".formatted(name)));
    }

    private static String written(DType type) {
        return type.name().toLowerCase(Locale.ROOT);
    }
}
