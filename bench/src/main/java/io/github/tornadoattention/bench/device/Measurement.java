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
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Measures a job: compiles it, runs it, compares rows with float64, and only then times it, by the device's own clock where there
 * is one. Where others share the device, kernels run while those of nobody else do; compiling, copying and comparing go on beside
 * them.
 *
 * @param seconds time for the timed runs of a job
 * @param fewest runs at least; 3 suffice where one takes more than a second, and 2 where one takes more than five
 * @param most runs at most
 * @param wall whether to time calls as well, with the device's clock switched off where the plan allows, which costs another
 *     compilation; where one takes more than a second, calls with the clock on are taken
 * @param share who else measures on the device
 */
record Measurement(double seconds, int fewest, int most, boolean wall, DeviceShare share) {
    /** FLOPs of the backward pass for each of the forward pass, by the field's count. */
    static final double BACKWARD = 2.5;
    /** Where dQ has a pass of its own, flash attention executes seven matrix products backward; the count has five. */
    private static final double EXECUTED_BACKWARD = 3.5;
    /** On tensor cores, each product of float32 is three of float16. */
    private static final int PRODUCTS_OF_FLOATS = 3;
    private static final int FEW = 3;
    private static final double SLOW_SECONDS = 1;
    private static final int FEWER = 2;
    private static final double SLOWER_SECONDS = 5;
    private static final double WARM_UP_SECONDS = 5;
    private static final double STEADY_SECONDS = 0.7;
    /** An idle device lowers its clock rate, and is back at work in less. */
    private static final double DEVICE_STEADY_SECONDS = 0.1;
    private static final double WARMER = 0.97;

    /** Reports of many runs, and what the first one cost. */
    private static final class Runs {
        private final List<Long> forward = new ArrayList<>();
        private final List<Long> backward = new ArrayList<>();
        private final List<Long> both = new ArrayList<>();
        private long firstForward;
        private long firstBackward;
        private long compileForward;
        private long compileBackward;

        /** Both passes of a first run, in seconds. */
        double firstSeconds() {
            return (firstForward + firstBackward) / 1e9;
        }

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

        /** Compiling, and the first run. */
        long first(String direction) {
            return switch (direction) {
                case "forward" -> compileForward + firstForward;
                case "backward" -> compileBackward + firstBackward;
                default -> first("forward") + first("backward");
            };
        }
    }

    /** A result for each direction; what failed says so in its field {@code error} and has no time. */
    List<Result> of(Job job, Ceilings ceilings) {
        try {
            if (job.target().library()) {
                return CudnnAttention.measure(job, inputs(job), this);
            }
            return job.algorithm().startsWith(Linformer.NAME)
                    ? Linformer.measure(job, inputs(job), this) : measured(job, ceilings);
        } catch (AttentionException | OutOfMemoryError e) {
            return failed(job, reason(e));
        } catch (IllegalStateException | IllegalArgumentException | ArithmeticException e) {
            // a bug; the rest of the grid is worth having
            return failed(job, "internal error: " + e);
        }
    }

    private static RandomTensors inputs(Job job) {
        String passes = job.directions().equals(List.of("forward")) ? "forward" : "backward";
        Bytes.requireFit(Bytes.ofTensors(job.spec(), passes), Bytes.ofMachine());
        try {
            return RandomTensors.of(job.spec());
        } catch (OutOfMemoryError e) {
            throw new DeviceMemoryException("the inputs do not fit the memory of this machine");
        }
    }

    private static List<Result> failed(Job job, String reason) {
        return job.directions().stream()
                .map(direction -> job.expected(direction).with("checked", false).with("error", reason)).toList();
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

    /** What ran, and how far off it was. */
    private static final class Checked {
        private SampledCheck.Deviation forward = new SampledCheck.Deviation(0, true);
        private SampledCheck.Deviation backward = new SampledCheck.Deviation(0, true);
        private long forwardExtra;
        private long backwardExtra;
        private List<String> forwardKernels = List.of();
        private List<String> backwardKernels = List.of();

        boolean accepted() {
            return forward.accepted() && backward.accepted();
        }

        SampledCheck.Deviation error(String direction) {
            return direction.equals("forward") ? forward : forward.and(backward);
        }

        long extraBytes(String direction) {
            return switch (direction) {
                case "forward" -> forwardExtra;
                case "backward" -> backwardExtra;
                default -> Math.max(forwardExtra, backwardExtra);
            };
        }

        /** Whether dQ has a pass of its own, that computes P and dP once more. */
        boolean multipliesSevenTimes(Job job) {
            return !job.algorithm().equals("standard")
                    && (job.target().device() != null || backwardKernels.contains("flash-backward-queries"));
        }

        List<String> kernels(String direction) {
            return switch (direction) {
                case "forward" -> forwardKernels;
                case "backward" -> backwardKernels;
                default -> Stream.concat(forwardKernels.stream(), backwardKernels.stream()).toList();
            };
        }
    }

    private List<Result> measured(Job job, Ceilings ceilings) {
        boolean backward = job.directions().contains("backward");
        boolean clock = job.target().device() != null;
        Runs kernels = new Runs();
        Runs calls = new Runs();
        Checked checked = new Checked();
        RandomTensors in;
        try (Attention attention = Attention.on(backend(job).profiled(), job.spec(), job.how())) {
            in = inputs(job); // what is refused needs none
            time(attention, in, backward, clock, STEADY_SECONDS, checked, kernels, calls);
        }
        Runs walls = clock && !wall ? null : calls;
        if (wall && clock && checked.accepted() && !slow(kernels)) {
            walls = new Runs();
            try (Attention attention = Attention.on(backend(job), job.spec(), job.how())) {
                time(attention, in, backward, true, Math.min(STEADY_SECONDS, seconds), checked, new Runs(), walls);
            }
        }
        List<Result> results = new ArrayList<>();
        for (String direction : job.directions()) {
            SampledCheck.Deviation error = checked.error(direction);
            Result result = job.expected(direction).with("max_abs_error", error.error()).with("checked", error.accepted())
                    .with("kernels", clock ? checked.kernels(direction) : null)
                    .with("peak_device_bytes", Bytes.ofTensors(job.spec(), direction) + checked.extraBytes(direction));
            results.add(error.accepted()
                    ? timed(job, result, direction, kernels, calls, walls, checked.multipliesSevenTimes(job), ceilings)
                    : result.with("error", "wrong result: off by %.1e".formatted(error.error())));
        }
        return results;
    }

    private static Backend backend(Job job) {
        List<Integer> block = job.block();
        Backend backend = job.target().backend();
        return block == null ? backend : ((TornadoBackend) backend).withForwardTiles(block.get(0), block.get(1));
    }

    /**
     * Compiles, checks, then times if all is right. Inputs are brought to the device once, and results stay there: what is timed
     * are kernels and calls, no transfers.
     *
     * @param device whether kernels were compiled once and for all; what the JVM computes becomes faster as it compiles
     * @param steady seconds for which nothing may become faster before calls are timed, where no device's clock tells
     */
    private void time(Attention attention, RandomTensors in, boolean backward, boolean device, double steady, Checked checked,
            Runs kernels, Runs calls) {
        long start = System.nanoTime();
        attention.compile(false);
        calls.compileForward = System.nanoTime() - start;
        SampledCheck check = new SampledCheck(attention.spec(), in);
        Resident<Forward> forwards = attention.upload(in.q(), in.k(), in.v());
        Report first = alone(forwards);
        Forward f = forwards.result();
        checked.forwardExtra = first.extraBytes();
        checked.forwardKernels = first.kernels();
        checked.forward = checked.forward.and(check.forward(f));
        calls.firstForward = first.wallNanos();
        boolean clock = device && first.kernelNanos() >= 0;
        kernels.firstForward = nanos(first, clock);
        Resident<Gradients> backwards = null;
        if (backward) {
            start = System.nanoTime();
            attention.compile(true);
            calls.compileBackward = System.nanoTime() - start;
            backwards = attention.upload(in.dOut(), f);
            first = alone(backwards);
            checked.backwardExtra = first.extraBytes();
            checked.backwardKernels = first.kernels();
            checked.backward = checked.backward.and(check.backward(f, backwards.result()));
            calls.firstBackward = first.wallNanos();
            kernels.firstBackward = nanos(first, clock);
        }
        if (checked.accepted()) {
            try (DeviceShare.Hold held = share.device()) {
                runs(forwards, backwards, clock, clock ? Math.min(DEVICE_STEADY_SECONDS, seconds) : steady, kernels, calls);
            }
        }
    }

    private Report alone(Resident<?> pass) {
        try (DeviceShare.Hold held = share.device()) {
            return pass.run();
        }
    }

    private boolean slow(Runs kernels) {
        return fewest < most && kernels.firstSeconds() > SLOW_SECONDS;
    }

    /**
     * Times runs.
     *
     * @param clock whether the device's clock tells, for which the first run, that was checked, counts where one takes long
     * @param steady seconds for which nothing may become faster before
     */
    private void runs(Resident<Forward> forwards, @Nullable Resident<Gradients> backwards, boolean clock, double steady,
            Runs kernels, Runs calls) {
        boolean slow = clock && slow(kernels);
        if (slow) {
            kernels.add(kernels.firstForward, kernels.firstBackward);
        } else {
            warmUp(forwards, backwards, steady);
        }
        int atLeast = slow ? kernels.firstSeconds() > SLOWER_SECONDS ? FEWER : FEW : fewest;
        long start = System.nanoTime();
        for (int n = slow ? 1 : 0; n < most && (n < atLeast || System.nanoTime() - start < seconds * 1e9); n++) {
            Report one = forwards.run();
            Report other = backwards == null ? null : backwards.run();
            calls.add(one.wallNanos(), other == null ? 0 : other.wallNanos());
            kernels.add(nanos(one, clock), other == null ? 0 : nanos(other, clock));
        }
    }

    /** What the JVM runs is warm, and a device's clock rate up, when nothing became faster for a while. */
    private static void warmUp(Resident<Forward> forwards, @Nullable Resident<Gradients> backwards, double steady) {
        long start = System.nanoTime();
        long steadySince = start;
        long best = Long.MAX_VALUE;
        do {
            long nanos = forwards.run().wallNanos() + (backwards == null ? 0 : backwards.run().wallNanos());
            if (nanos < WARMER * best) {
                best = nanos;
                steadySince = System.nanoTime();
            }
        } while (System.nanoTime() - steadySince < steady * 1e9 && System.nanoTime() - start < WARM_UP_SECONDS * 1e9);
    }

    /** Nanoseconds in kernels by the device's clock, or of the call. */
    private static long nanos(Report report, boolean clock) {
        return clock ? report.kernelNanos() : report.wallNanos();
    }

    private static Result timed(Job job, Result result, String direction, Runs kernels, Runs calls, @Nullable Runs walls,
            boolean seven, Ceilings ceilings) {
        Times times = kernels.of(direction);
        double forwardFlops = job.spec().forwardFlops();
        double flops = forwardFlops * factor(direction, BACKWARD);
        double executed = forwardFlops * factor(direction, seven ? EXECUTED_BACKWARD : BACKWARD)
                * (result.splitsFloats() ? PRODUCTS_OF_FLOATS : 1);
        double tflops = flops / times.median() / 1e9;
        double executedTflops = executed / times.median() / 1e9;
        double ceiling = ceilings.of(job.units());
        Long bytes = modelBytes(job, direction);
        return result.with("median_ms", times.median())
                .with("p10_ms", times.milliseconds(0.1)).with("p90_ms", times.milliseconds(0.9))
                .with("wall_median_ms", walls == null ? null : walls.of(direction).median())
                .with("wall_p10_ms", walls == null ? null : walls.of(direction).milliseconds(0.1))
                .with("wall_p90_ms", walls == null ? null : walls.of(direction).milliseconds(0.9))
                .with("jit_ms", Math.max(0, calls.first(direction) / 1e6 - calls.of(direction).median()))
                .with("runs", times.sorted().length).with("tflops", tflops).with("executed_tflops", executedTflops)
                .with("bytes_model", bytes).with("gb_per_s", bytes == null ? null : bytes / times.median() / 1e6)
                .with("ceiling_fraction", ceiling > 0 ? executedTflops / ceiling : null);
    }

    /** Bytes of the kernels that ran, each element once a launch; null where there is no model of them, as of the CPU's. */
    static @Nullable Long modelBytes(Job job, String direction) {
        if (job.target().device() == null) {
            return null;
        }
        if (Result.TENSOR_CORES.equals(job.units())) {
            return TrafficModel.takenByTensorCores(job.spec())
                    ? TrafficModel.onTensorCores(job.spec()).bytesOnce(direction) : null;
        }
        return job.spec().dtype() == DType.FP32 ? TrafficModel.of(job.spec(), job.how()).bytesOnce(direction) : null;
    }

    private static double factor(String direction, double backward) {
        return switch (direction) {
            case "forward" -> 1;
            case "backward" -> backward;
            default -> 1 + backward;
        };
    }
}
