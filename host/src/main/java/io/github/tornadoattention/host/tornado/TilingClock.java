package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Resident;
import io.github.tornadoattention.host.Tensor;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Times tilings on a device: by the device's own clock where it has one, else from call to end. A result is compared with that of
 * the table's tilings before its time counts.
 */
final class TilingClock implements TileTuner.Stopwatch {
    private static final int RUNS = 15;
    private static final int SIMULATED_RUNS = 3;
    private static final long WARM_UP_NANOS = 200_000_000L;

    private final String backend;
    private final Platform.Device device;
    private @Nullable Expected expected;

    /** What goes in, and what comes out with the table's tilings. */
    private record Expected(AttentionSpec spec, AttentionInputs inputs, Tensor dOut, Forward forward, Gradients gradients) {}

    TilingClock(String backend, Platform.Device device) {
        this.backend = backend;
        this.device = device.withTunings(Tunings.NONE);
    }

    @Override
    public TileTuner.Timing time(AttentionSpec spec, Class<?> kernel, Tiling tiling) {
        Bailout.requireOff(backend, device);
        Expected table = expected(spec);
        try (Plan plan = plan(device.withTunings(Tunings.NONE.with(kernel, tiling)), spec, TileTuner.splits(kernel))) {
            if (!kernel.getSimpleName().contains("Backward")) {
                Resident<Forward> forward = plan.upload(table.inputs);
                forward.run();
                Forward result = forward.result();
                requireClose("out", table.forward.out(), result.out(), spec.dtype());
                requireClose("lse", table.forward.lse(), result.lse(), spec.dtype());
                return timed(forward);
            }
            Resident<Gradients> backward = plan.upload(table.dOut, table.forward);
            backward.run();
            Gradients result = backward.result();
            requireClose("dq", table.gradients.dq(), result.dq(), spec.dtype());
            requireClose("dk", table.gradients.dk(), result.dk(), spec.dtype());
            requireClose("dv", table.gradients.dv(), result.dv(), spec.dtype());
            return timed(backward);
        }
    }

    private Plan plan(Platform.Device on, AttentionSpec spec, boolean split) {
        Plan plan = KernelChoice.flash(backend, on, spec, split, true);
        if (!(plan instanceof FlashPlan) || split && !(plan instanceof SplitPlan)) {
            plan.close();
            throw new DeviceException("the device lacks the memory to time tilings on %s; --seq takes fewer queries and keys"
                    .formatted(spec));
        }
        return plan;
    }

    private TileTuner.Timing timed(Resident<?> pass) {
        long start = System.nanoTime();
        do {
            pass.run();
        } while (!device.simulated() && System.nanoTime() - start < WARM_UP_NANOS);
        long[] nanos = new long[device.simulated() ? SIMULATED_RUNS : RUNS];
        for (int n = 0; n < nanos.length; n++) {
            Report report = pass.run();
            nanos[n] = report.kernelNanos() > 0 ? report.kernelNanos() : report.wallNanos();
        }
        return TileTuner.Timing.of(nanos);
    }

    private Expected expected(AttentionSpec spec) {
        if (expected == null || !expected.spec.equals(spec)) {
            expected = null;
            SplittableRandom random = new SplittableRandom(1);
            AttentionInputs inputs = AttentionInputs.of(normal(random, spec, spec.qShape()), normal(random, spec, spec.kvShape()),
                    normal(random, spec, spec.kvShape()));
            Tensor dOut = normal(random, spec, spec.qShape());
            try (Plan plan = plan(device, spec, false)) {
                Forward forward = plan.forward(inputs);
                Gradients gradients = plan.backward(dOut, forward);
                expected = new Expected(spec, inputs, dOut, forward, gradients);
            }
        }
        return Objects.requireNonNull(expected);
    }

    private static Tensor normal(SplittableRandom random, AttentionSpec spec, int[] shape) {
        float[] values = new float[Tensor.zeros(shape).size()];
        for (int n = 0; n < values.length; n++) {
            values[n] = (float) random.nextGaussian();
        }
        return Tensor.of(values, shape).to(spec.dtype());
    }

    /**
     * The largest difference of two sound results as a share of the largest value: both have rounding errors, in another order of
     * sums.
     */
    private static double share(DType dtype) {
        return switch (dtype) {
            case FP32 -> 1e-4;
            case FP16 -> 1e-2;
            case BF16 -> 8e-2;
        };
    }

    /** Refuses a result that is not the same but for rounding. */
    static void requireClose(String name, Tensor expected, Tensor actual, DType dtype) {
        float[] right = expected.toArray();
        float[] got = actual.toArray();
        double largest = 0;
        for (float value : right) {
            largest = Math.max(largest, Float.isInfinite(value) ? 0 : Math.abs(value));
        }
        double allowed = share(dtype) * largest;
        for (int n = 0; n < right.length; n++) {
            // equal infinities are rows that see no key; NaN is never within
            if (right[n] != got[n] && !(Math.abs(right[n] - got[n]) <= allowed)) {
                throw new DeviceException("wrong: %s is %s at %d, with the table's tiling %s".formatted(name, got[n], n,
                        right[n]));
            }
        }
    }
}
