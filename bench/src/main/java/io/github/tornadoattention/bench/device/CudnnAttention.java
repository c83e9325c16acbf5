package io.github.tornadoattention.bench.device;

import static java.util.Objects.requireNonNull;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import io.github.tornadoattention.bench.Times;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.tornado.Platform;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongUnaryOperator;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoExecutionResult;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;

/**
 * TornadoVM's own attention: cuDNN's, float16, forward, as tasks of one graph. TornadoVM has no device's clock for a library's
 * tasks; its profiler takes the time on the host around each, with a wait in front and behind. So {@code median_ms} is what a
 * call more costs in a graph that queues several: its wall time, less that of a graph with one, by the number of calls more.
 * Where that is longer than queueing a call takes, it is the time on the device.
 */
final class CudnnAttention implements AutoCloseable {
    /** The names in results. */
    static final String BACKEND = "tornado-cudnn";
    static final String ALGORITHM = "sdpa";

    /** Calls that are queued beside the first one; TornadoVM's bytecode of a graph has a size. */
    private static final int MOST_QUEUED = 16;
    private static final double QUEUED_MILLIS = 20;
    private static final double WARM_UP_SECONDS = 0.1;

    private final Tensor out;
    private final TornadoExecutionPlan plan;

    /** {@code calls}: how often the graph computes the same. */
    private CudnnAttention(CudnnLibrary library, Platform.Device device, AttentionSpec spec, RandomTensors in, int calls) {
        out = Tensor.zeros(DType.FP16, spec.qShape());
        TaskGraph graph = new TaskGraph("cudnn")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, in.q().array(), in.k().array(), in.v().array());
        for (int call = 0; call < calls; call++) {
            library.addTo(graph, ALGORITHM + call, spec, in.q(), in.k(), in.v(), out);
        }
        graph.transferToHost(DataTransferMode.UNDER_DEMAND, out.array());
        plan = new TornadoExecutionPlan(graph.snapshot());
        plan.withDevice(device.device());
    }

    /** The result of a job, whose target is {@link Target#library}. */
    static List<Result> measure(Job job, RandomTensors in, Measurement how) {
        Platform.Device device = requireNonNull(job.target().device());
        CudnnLibrary library = CudnnLibrary.here();
        Result result = job.expected("forward");
        Times alone;
        double first;
        try (CudnnAttention one = new CudnnAttention(library, device, job.spec(), in, 1)) {
            first = one.first(how);
            if (!one.right(job.spec(), in, result)) {
                return List.of(result);
            }
            alone = one.runs(how, nanos -> nanos);
        }
        int queued = (int) Math.clamp(QUEUED_MILLIS / alone.median(), 1, MOST_QUEUED);
        Times each;
        try (CudnnAttention several = new CudnnAttention(library, device, job.spec(), in, 1 + queued)) {
            several.first(how);
            if (!several.right(job.spec(), in, result)) {
                return List.of(result);
            }
            long one = (long) (alone.median() * 1e6);
            each = several.runs(how, nanos -> (nanos - one) / queued);
        }
        double tflops = job.spec().forwardFlops() / each.median() / 1e9;
        return List.of(result.with("median_ms", each.median())
                .with("p10_ms", each.milliseconds(0.1)).with("p90_ms", each.milliseconds(0.9))
                .with("wall_median_ms", alone.median()).with("wall_p10_ms", alone.milliseconds(0.1))
                .with("wall_p90_ms", alone.milliseconds(0.9)).with("jit_ms", Math.max(0, first - alone.median()))
                .with("runs", each.sorted().length).with("tflops", tflops).with("executed_tflops", tflops));
    }

    /** Whatever a library says when a task of it fails, TornadoVM keeps for itself. */
    private TornadoExecutionResult execute() {
        try {
            return Timed.execute(plan);
        } catch (DeviceException e) {
            if (e.getMessage() != null && e.getMessage().contains("Recover option disabled")) {
                throw new DeviceException(
                        "TornadoVM did not run cuDNN's task and does not tell why; what cuDNN says is on stderr", e);
            }
            throw e;
        }
    }

    /** Makes cuDNN's plans and runs for the first time, in milliseconds. */
    private double first(Measurement how) {
        long start = System.nanoTime();
        Timed.compile(plan);
        try (DeviceShare.Hold held = how.share().device()) {
            TornadoExecutionResult executed = execute();
            double millis = (System.nanoTime() - start) / 1e6;
            executed.transferToHost(out.array());
            return millis;
        }
    }

    /** Compares what was computed with float64; says in the result how that went. */
    private boolean right(AttentionSpec spec, RandomTensors in, Result result) {
        SampledCheck.Deviation deviation = new SampledCheck(spec, in).out(out);
        result.with("max_abs_error", deviation.error()).with("checked", deviation.accepted());
        if (!deviation.accepted()) {
            result.with("error", "%s: off by %.1e".formatted(ResultsFile.WRONG, deviation.error()));
        }
        return deviation.accepted();
    }

    /** Wall times of executions. */
    private Times runs(Measurement how, LongUnaryOperator time) {
        List<Long> nanos = new ArrayList<>();
        try (DeviceShare.Hold held = how.share().device()) {
            long start = System.nanoTime();
            while (System.nanoTime() - start < WARM_UP_SECONDS * 1e9) {
                execute();
            }
            start = System.nanoTime();
            while (nanos.size() < how.most()
                    && (nanos.size() < how.fewest() || System.nanoTime() - start < how.seconds() * 1e9)) {
                long before = System.nanoTime();
                execute();
                nanos.add(time.applyAsLong(System.nanoTime() - before));
            }
        }
        return new Times(nanos.stream().mapToLong(Long::longValue).toArray());
    }

    @Override
    public void close() {
        try {
            plan.close();
        } catch (TornadoExecutionPlanException e) {
            throw new DeviceException("device memory was not given back: " + e.getMessage(), e);
        }
    }
}
