package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.tornado.Platform;
import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.enums.ProfilerMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Measures what a device can do at most. Results name it in {@code algorithm}: {@code ceiling multiply-adds}, {@code ceiling
 * copy}, {@code ceiling local reads}, and where TornadoVM reaches tensor cores, {@code ceiling tensor multiply-adds}.
 */
final class CeilingBench {
    static final String MULTIPLY_ADDS = "ceiling multiply-adds";
    static final String TENSOR_MULTIPLY_ADDS = "ceiling tensor multiply-adds";
    static final String COPY = "ceiling copy";
    static final String LOCAL_READS = "ceiling local reads";

    private static final int GROUP = 128;
    private static final int STEPS = 4096;
    private static final float FACTOR = 0.999f;
    private static final float ADDEND = 1e-3f;

    private final Target target;
    private final Platform.Device device;
    private final int items;
    private final int copied;
    private final int runs;
    private final DeviceShare share;

    /**
     * On a device.
     *
     * @param items work-items of the kernels that compute; a multiple of 128
     * @param copied floats that are copied, at least 1024; a multiple of 1024
     * @param share who else measures there
     */
    CeilingBench(Target target, Platform.Device device, int items, int copied, int runs, DeviceShare share) {
        this.target = target;
        this.device = device;
        this.items = items;
        this.copied = copied;
        this.runs = runs;
        this.share = share;
    }

    /** With enough work for any GPU, with less for other devices. */
    static CeilingBench of(Target target, Platform.Device device, DeviceShare share) {
        return target.kind() == Target.Kind.GPU ? new CeilingBench(target, device, 1 << 20, 1 << 26, 8, share)
                : new CeilingBench(target, device, 1 << 12, 1 << 22, 3, share);
    }

    /** What the results of {@link #measure} say of multiply-adds, those of this target only. */
    static Ceilings of(Target target, List<Result> results) {
        double tflops = 0;
        double tensor = 0;
        Result wanted = target.describe(new Result());
        List<String> by = List.of("backend", "driver", "device");
        for (Result result : results) {
            if (result.timed() && result.identity(by).equals(wanted.identity(by))) {
                switch (result.text("algorithm")) {
                    case MULTIPLY_ADDS -> tflops = result.number("tflops");
                    case TENSOR_MULTIPLY_ADDS -> tensor = result.number("tflops");
                    default -> { }
                }
            }
        }
        return new Ceilings(tflops, tensor);
    }

    /** The names of what is measured, before it is. */
    static List<Result> expected(Target target) {
        List<String> names = new ArrayList<>(List.of(MULTIPLY_ADDS, COPY, LOCAL_READS));
        if (target.device() != null && target.device().hasTensorCores()) {
            names.add(TENSOR_MULTIPLY_ADDS);
        }
        return names.stream().map(name -> target.describe(new Result()).with("algorithm", name)
                .with("dtype", name.equals(TENSOR_MULTIPLY_ADDS) ? "fp16" : "fp32").with("direction", "forward")).toList();
    }

    /** The result of a ceiling; what failed says so in its field {@code error}. */
    Result measure(Result expected) {
        try {
            return switch (expected.text("algorithm")) {
                case MULTIPLY_ADDS -> multiplyAdds(expected);
                case COPY -> copy(expected);
                case LOCAL_READS -> localReads(expected);
                default -> tensorMultiplyAdds(expected);
            };
        } catch (RuntimeException e) {
            // attention can be measured all the same
            return expected.with("checked", false).with("error", Measurement.reason(e));
        }
    }

    private Result tensorMultiplyAdds(Result result) {
        int work = Math.max(GROUP, items / 4);
        int steps = Math.clamp(work / 64, 16, STEPS);
        int warps = work / 32;
        FloatArray out = new FloatArray(warps * CeilingKernels.PRODUCTS * 16 * 8);
        TaskGraph graph = new TaskGraph("ceiling")
                .task("tensorMultiplyAdds", CeilingKernels::tensorMultiplyAdds, new KernelContext(), out, GROUP, steps)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
        double nanos = best(graph, "ceiling.tensorMultiplyAdds", work);
        double flops = 2.0 * 16 * 16 * 8 * CeilingKernels.PRODUCTS * steps * warps;
        // the last chain of the last warp
        return checked(result, out.get(out.getSize() - 1), CeilingKernels.PRODUCTS - 1 + steps / 64.0, nanos)
                .with("tflops", flops / nanos / 1e3);
    }

    private Result multiplyAdds(Result result) {
        FloatArray factors = FloatArray.fromElements(FACTOR, ADDEND);
        FloatArray out = new FloatArray(items);
        TaskGraph graph = new TaskGraph("ceiling").transferToDevice(DataTransferMode.FIRST_EXECUTION, factors)
                .task("multiplyAdds", CeilingKernels::multiplyAdds, new KernelContext(), factors, out, STEPS)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
        double nanos = best(graph, "ceiling.multiplyAdds", items);
        // the chains meet at the fixed point c / (1 - m), slowly: as many steps from c * i
        double expected = 0;
        for (int i = 0; i < CeilingKernels.CHAINS; i++) {
            double s = ADDEND * i;
            for (int n = 0; n < STEPS; n++) {
                s = s * FACTOR + ADDEND;
            }
            expected += s;
        }
        double flops = 2.0 * CeilingKernels.CHAINS * STEPS * items;
        return checked(result, out.get(items - 1), expected, nanos).with("tflops", flops / nanos / 1e3);
    }

    private Result copy(Result result) {
        int work = Math.max(GROUP, copied / CeilingKernels.COPIES);
        int floats = work * CeilingKernels.COPIES;
        FloatArray in = new FloatArray(floats);
        for (int n = 0; n < floats; n += GROUP) {
            in.set(n, n % (1 << 20));
        }
        FloatArray out = new FloatArray(floats);
        TaskGraph graph = new TaskGraph("ceiling").transferToDevice(DataTransferMode.FIRST_EXECUTION, in)
                .task("copy", CeilingKernels::copy, new KernelContext(), in, out, GROUP)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
        double nanos = best(graph, "ceiling.copy", work);
        return checked(result, out.get(floats - GROUP), (floats - GROUP) % (1 << 20), nanos)
                .with("gb_per_s", 2.0 * Float.BYTES * floats / nanos);
    }

    private Result localReads(Result result) {
        FloatArray in = new FloatArray(CeilingKernels.LOCAL);
        in.init(1f);
        FloatArray out = new FloatArray(items);
        TaskGraph graph = new TaskGraph("ceiling").transferToDevice(DataTransferMode.FIRST_EXECUTION, in)
                .task("localReads", CeilingKernels::localReads, new KernelContext(), in, out, GROUP, STEPS)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
        double nanos = best(graph, "ceiling.localReads", items);
        double floats = 4.0 * CeilingKernels.READS * STEPS;
        return checked(result, out.get(items - 1), floats, nanos).with("gb_per_s", Float.BYTES * floats * items / nanos);
    }

    private static Result checked(Result result, double actual, double expected, double nanos) {
        boolean right = Math.abs(actual - expected) <= 1e-3 * Math.abs(expected);
        if (!right) {
            throw new DeviceException("%s: %s where %s was expected".formatted(result.get("algorithm"), actual, expected));
        }
        return result.with("checked", true).with("median_ms", nanos / 1e6);
    }

    /** Nanoseconds in the kernel, of the best run. */
    private double best(TaskGraph graph, String task, int work) {
        WorkerGrid1D grid = new WorkerGrid1D(work);
        grid.setLocalWork(GROUP, 1, 1);
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.snapshot())) {
            plan.withDevice(device.device()).withGridScheduler(new GridScheduler(task, grid)).withProfiler(ProfilerMode.SILENT);
            device.setCompilerFlags(plan); // as attention's kernels are compiled
            Timed.compile(plan);
            List<Long> nanos = new ArrayList<>();
            try (DeviceShare.Hold alone = share.device()) {
                for (int run = 0; run <= runs; run++) {
                    nanos.add(Timed.kernelNanos(plan));
                }
            }
            return nanos.stream().skip(1).mapToLong(Long::longValue).min().orElseThrow();
        } catch (TornadoExecutionPlanException e) {
            throw new DeviceException("device memory was not given back: " + e.getMessage(), e);
        }
    }
}
