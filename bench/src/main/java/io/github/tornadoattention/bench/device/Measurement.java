package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import io.github.tornadoattention.bench.Times;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionException;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.DeviceMemoryException;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Resident;
import io.github.tornadoattention.host.tornado.TornadoBackend;
import io.github.tornadoattention.host.tornado.TrafficModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Measures a job: runs it, compares rows with float64, and only then times it, by the device's own clock where there is one.
 *
 * @param seconds time for the timed runs of a job
 * @param fewest runs at least; 3 suffice where one takes seconds
 * @param most runs at most
 * @param wall whether to time calls as well, with the device's clock switched off; costs another compilation
 */
record Measurement(double seconds, int fewest, int most, boolean wall) {
    /** FLOPs of the backward pass for each of the forward pass, by the field's count. */
    static final double BACKWARD = 2.5;
    /** The flash kernels execute seven matrix products backward where the count has five. */
    private static final double EXECUTED_BACKWARD = 3.5;
    private static final int FEW = 3;
    private static final double SLOW_SECONDS = 1;
    private static final double WARM_UP_SECONDS = 5;
    private static final double STEADY_SECONDS = 0.7;
    private static final double WARMER = 0.97;

    /** Reports of many runs, and what the first one cost. */
    private static final class Runs {
        private final List<Long> forward = new ArrayList<>();
        private final List<Long> backward = new ArrayList<>();
        private final List<Long> both = new ArrayList<>();
        private long firstForward;
        private long firstBackward;

        void add(long forwardNanos, long backwardNanos) {
            forward.add(forwardNanos);
            backward.add(backwardNanos);
            both.add(forwardNanos + backwardNanos);
        }

        Times of(String direction) {
            List<Long> nanos = switch (direction) {
                case "forward" -> forward;
                case "backward" -> backward;
                default -> both;
            };
            return new Times(nanos.stream().mapToLong(Long::longValue).toArray());
        }

        long first(String direction) {
            return switch (direction) {
                case "forward" -> firstForward;
                case "backward" -> firstBackward;
                default -> firstForward + firstBackward;
            };
        }
    }

    /** A result for each direction; what failed says so in its field {@code error} and has no time. */
    List<Result> of(Job job, Ceilings ceilings) {
        RandomTensors in;
        try {
            in = RandomTensors.of(job.spec());
        } catch (OutOfMemoryError e) {
            return failed(job, ResultsFile.TOO_LARGE + ": the inputs do not fit the memory of this machine");
        }
        try {
            return job.algorithm().startsWith(Linformer.NAME) ? Linformer.measure(job, in, seconds, fewest, most) : measured(job, in, ceilings);
        } catch (AttentionException | OutOfMemoryError e) {
            return failed(job, reason(e));
        } catch (IllegalStateException | IllegalArgumentException | ArithmeticException e) {
            // a bug; the rest of the grid is worth having
            return failed(job, "internal error: " + e);
        }
    }

    private static List<Result> failed(Job job, String reason) {
        return job.directions().stream().map(direction -> job.expected(direction).with("checked", false).with("error", reason)).toList();
    }

    /** One line; begins with {@link ResultsFile#TOO_LARGE} where memory or array sizes are the reason. */
    static String reason(Throwable e) {
        String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage().lines().findFirst().orElse("");
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            String words = (cause.getClass().getSimpleName() + " " + cause.getMessage()).toLowerCase(Locale.ROOT);
            if (cause instanceof DeviceMemoryException || words.contains("outofmemory") || words.contains("out of memory")
                    || words.contains("allocation_failure") || words.contains("2^31 or more")) {
                return ResultsFile.TOO_LARGE + ": " + message;
            }
        }
        return message;
    }

    private List<Result> measured(Job job, RandomTensors in, Ceilings ceilings) {
        SampledCheck check = new SampledCheck(job.spec(), in);
        boolean backward = job.directions().contains("backward");
        Runs kernels = new Runs();
        Runs calls = new Runs();
        SampledCheck.Deviation forwardError;
        SampledCheck.Deviation backwardError = new SampledCheck.Deviation(0, true);
        Report last;
        long forwardExtra;
        long backwardExtra = 0;
        try (Attention attention = Attention.on(backend(job).profiled(), job.spec(), job.how())) {
            Forward f = attention.forward(in.q(), in.k(), in.v());
            last = f.report();
            forwardExtra = last.extraBytes();
            calls.firstForward = last.wallNanos();
            forwardError = check.forward(f);
            if (backward) {
                Gradients g = attention.backward(in.dOut(), f);
                backwardExtra = g.report().extraBytes();
                calls.firstBackward = g.report().wallNanos();
                backwardError = check.backward(f, g);
            }
            if (forwardError.accepted() && backwardError.accepted()) {
                time(attention, in, f, backward, kernels, calls);
            }
        }
        Runs walls = calls;
        if (wall && job.target().device() != null && forwardError.accepted() && backwardError.accepted()) {
            walls = new Runs();
            try (Attention attention = Attention.on(backend(job), job.spec(), job.how())) {
                Forward f = attention.forward(in.q(), in.k(), in.v());
                if (backward) {
                    attention.backward(in.dOut(), f);
                }
                time(attention, in, f, backward, new Runs(), walls);
            }
        } else if (job.target().device() != null) {
            walls = null;
        }
        List<Result> results = new ArrayList<>();
        for (String direction : job.directions()) {
            SampledCheck.Deviation error = direction.equals("forward") ? forwardError : forwardError.and(backwardError);
            long extra = switch (direction) {
                case "forward" -> forwardExtra;
                case "backward" -> backwardExtra;
                default -> Math.max(forwardExtra, backwardExtra);
            };
            Result result = job.expected(direction).with("max_abs_error", error.error()).with("checked", error.accepted())
                    .with("peak_device_bytes", Bytes.ofTensors(job.spec(), direction) + extra);
            results.add(error.accepted() ? timed(job, result, direction, kernels, calls, walls, ceilings)
                    : result.with("error", "wrong result: off by %.1e".formatted(error.error())));
        }
        return results;
    }

    private static Backend backend(Job job) {
        List<Integer> block = job.block();
        return block == null ? job.target().backend() : ((TornadoBackend) job.target().backend()).withForwardTiles(block.get(0), block.get(1));
    }

    /** Inputs are brought to the device once, and results stay there: what is timed are kernels and calls, no transfers. */
    private void time(Attention attention, RandomTensors in, Forward f, boolean backward, Runs kernels, Runs calls) {
        Resident<Forward> forwards = attention.upload(in.q(), in.k(), in.v());
        Resident<Gradients> backwards = backward ? attention.upload(in.dOut(), f) : null;
        long start = System.nanoTime();
        long steadySince = start;
        long best = Long.MAX_VALUE;
        boolean clock;
        do {
            Report report = forwards.run();
            clock = report.kernelNanos() >= 0;
            long nanos = report.wallNanos() + (backwards == null ? 0 : backwards.run().wallNanos());
            if (nanos < WARMER * best) {
                best = nanos;
                steadySince = System.nanoTime();
            }
            // what the JVM runs is warm when nothing became faster for a while; a device's kernel is compiled by now
        } while (!clock && System.nanoTime() - steadySince < STEADY_SECONDS * 1e9 && System.nanoTime() - start < WARM_UP_SECONDS * 1e9);
        boolean slow = System.nanoTime() - start > SLOW_SECONDS * 1e9 && clock;
        start = System.nanoTime();
        for (int n = 0; n < most && (n < (slow && fewest < most ? FEW : fewest) || System.nanoTime() - start < seconds * 1e9); n++) {
            Report one = forwards.run();
            Report other = backwards == null ? null : backwards.run();
            calls.add(one.wallNanos(), other == null ? 0 : other.wallNanos());
            kernels.add(kernel(one), other == null ? 0 : kernel(other));
        }
    }

    /** Nanoseconds in kernels, or of the call where nobody knows these. */
    private static long kernel(Report report) {
        return report.kernelNanos() < 0 ? report.wallNanos() : report.kernelNanos();
    }

    private static Result timed(Job job, Result result, String direction, Runs kernels, Runs calls, @Nullable Runs walls, Ceilings ceilings) {
        Times times = kernels.of(direction);
        double flops = job.spec().forwardFlops() * factor(direction, BACKWARD);
        boolean flashKernels = !job.algorithm().equals("standard") && job.target().device() != null;
        double executed = job.spec().forwardFlops() * factor(direction, flashKernels ? EXECUTED_BACKWARD : BACKWARD);
        double tflops = flops / times.median() / 1e9;
        // the model is of the float32 kernels
        Long bytes = job.spec().dtype() == DType.FP32 ? TrafficModel.of(job.spec(), job.how()).bytesOnce(direction) : null;
        return result.with("median_ms", times.median()).with("p10_ms", times.milliseconds(0.1)).with("p90_ms", times.milliseconds(0.9))
                .with("wall_median_ms", walls == null ? null : walls.of(direction).median())
                .with("jit_ms", Math.max(0, calls.first(direction) / 1e6 - calls.of(direction).median()))
                .with("runs", times.sorted().length).with("tflops", tflops).with("executed_tflops", executed / times.median() / 1e9)
                .with("bytes_model", bytes).with("gb_per_s", bytes == null ? null : bytes / times.median() / 1e6)
                .with("ceiling_fraction", ceilings.tflops() > 0 && job.spec().dtype() == DType.FP32 ? executed / times.median() / 1e9 / ceilings.tflops() : null);
    }

    private static double factor(String direction, double backward) {
        return switch (direction) {
            case "forward" -> 1;
            case "backward" -> backward;
            default -> 1 + backward;
        };
    }
}
