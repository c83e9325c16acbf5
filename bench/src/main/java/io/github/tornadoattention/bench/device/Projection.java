package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.tornado.Platform;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.enums.ProfilerMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Linformer's projection of a tensor along the sequence, on a device or, without one, on the JVM. The projection is random, as
 * before any training.
 */
final class Projection implements AutoCloseable {
    private static final int GROUP = 128;
    private static final long SEED = 5;

    private final int heads;
    private final int n;
    private final int d;
    private final int length;
    private final Tensor e;
    private final FloatArray x;
    private final FloatArray y;
    private final @Nullable TornadoExecutionPlan plan;

    /** {@code length}: rows that remain, a multiple of {@link ProjectionKernel#ROWS}. */
    Projection(Platform.@Nullable Device device, AttentionSpec spec, int length) {
        this.heads = spec.batch() * spec.kvHeads();
        this.n = spec.seqK();
        this.d = spec.headDim();
        this.length = length;
        Tensor random = RandomTensors.normal(SEED, DType.FP32, n, length);
        // so that what is projected keeps its size
        FloatArray scaled = random.data();
        IntStream.range(0, scaled.getSize()).parallel().forEach(i -> scaled.set(i, (float) (scaled.get(i) / Math.sqrt(n))));
        this.e = random;
        this.x = new FloatArray(heads * n * d);
        this.y = new FloatArray(heads * length * d);
        this.plan = device == null ? null : plan(device);
    }

    private TornadoExecutionPlan plan(Platform.Device device) {
        int items = heads * (length / ProjectionKernel.ROWS) * d;
        IntArray lengths = IntArray.fromElements(n, length, items);
        TaskGraph graph = new TaskGraph("linformer")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, e.data(), lengths)
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, x)
                .task("project", ProjectionKernel::project, new KernelContext(), e.data(), x, y, lengths, d)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, y);
        WorkerGrid1D grid = new WorkerGrid1D(Math.ceilDiv(items, GROUP) * GROUP);
        grid.setLocalWork(GROUP, 1, 1);
        TornadoExecutionPlan made = new TornadoExecutionPlan(graph.snapshot());
        made.withDevice(device.device()).withGridScheduler(new GridScheduler("linformer.project", grid))
                .withProfiler(ProfilerMode.SILENT);
        return made;
    }

    /** Compiles ahead of the first run. */
    void compile() {
        if (plan != null) {
            Timed.compile(plan);
        }
    }

    /** What became of a tensor, and how long it took: in the kernel, or all of it where there is no device. */
    record Projected(Tensor tensor, long nanos) {}

    /** {@code in} is {@code [batch, kvHeads, n, d]}, the result {@code [batch, kvHeads, length, d]}. */
    Projected of(Tensor in) {
        Tensor out = Tensor.zeros(in.shape()[0], in.shape()[1], length, d);
        if (plan == null) {
            long start = System.nanoTime();
            IntStream.range(0, heads).parallel().forEach(head -> onJvm(in, out, head));
            return new Projected(out, System.nanoTime() - start);
        }
        Tensor.of(x, in.shape()).fill(in);
        long nanos = Timed.kernelNanos(plan);
        out.fill(Tensor.of(y, out.shape()));
        return new Projected(out, nanos);
    }

    private void onJvm(Tensor in, Tensor out, int head) {
        float[] rows = new float[n * d];
        in.read((long) head * n * d, rows, 0, rows.length);
        float[] weights = new float[length];
        float[] sums = new float[length * d];
        for (int j = 0; j < n; j++) {
            e.read((long) j * length, weights, 0, length);
            for (int r = 0; r < length; r++) {
                float weight = weights[r];
                for (int c = 0; c < d; c++) {
                    sums[r * d + c] += weight * rows[j * d + c];
                }
            }
        }
        out.write(sums, 0, (long) head * length * d, sums.length);
    }

    /** The largest error of the last row of the last head against float64, as a share of its largest value. */
    double error(Tensor in, Tensor projected) {
        float[] rows = new float[n * d];
        in.read((long) (heads - 1) * n * d, rows, 0, rows.length);
        float[] actual = new float[d];
        projected.read(((long) heads * length - 1) * d, actual, 0, d);
        double worst = 0;
        double largest = 0;
        for (int c = 0; c < d; c++) {
            double sum = 0;
            for (int j = 0; j < n; j++) {
                sum += (double) e.get(j, length - 1) * rows[j * d + c];
            }
            double off = Math.abs(sum - actual[c]);
            worst = off <= worst ? worst : off;
            largest = Math.max(largest, Math.abs(sum));
        }
        return worst / largest;
    }

    @Override
    public void close() {
        try {
            if (plan != null) {
                plan.close();
            }
        } catch (TornadoExecutionPlanException problem) {
            throw new DeviceException("device memory was not given back: " + problem.getMessage(), problem);
        }
    }
}
