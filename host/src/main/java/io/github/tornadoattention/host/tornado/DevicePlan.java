package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Tensor;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** What flash and standard attention on a device share: the arrays, the copies, the two stages, each built when first asked for. */
abstract class DevicePlan implements Plan {
    final AttentionSpec spec;
    final Platform.Device device;
    final Limits limits;
    final Arguments arguments;
    private final String backend;
    private final Algorithm algorithm;
    private final boolean profiled;
    private @Nullable DeviceArrays arrays;
    private @Nullable GradientArrays gradients;
    private @Nullable Stage forward;
    private @Nullable Stage backward;

    /** Arrays of the backward pass. */
    record GradientArrays(FloatArray dOut, FloatArray delta, FloatArray dq, FloatArray dk, FloatArray dv) {
        static GradientArrays of(AttentionSpec spec) {
            int queries = DeviceArrays.elements(spec.qShape());
            int keys = DeviceArrays.elements(spec.kvShape());
            return new GradientArrays(new FloatArray(queries), new FloatArray(DeviceArrays.elements(spec.lseShape())), new FloatArray(queries),
                    new FloatArray(keys), new FloatArray(keys));
        }
    }

    DevicePlan(String backend, Platform.Device device, AttentionSpec spec, Algorithm algorithm, boolean profiled) {
        this.backend = backend;
        this.device = device;
        this.spec = spec;
        this.algorithm = algorithm;
        this.profiled = profiled;
        this.limits = device.limits();
        this.arguments = Arguments.of(spec);
        long largest = Math.max(bytes(spec.qShape()), bytes(spec.kvShape()));
        limits.require(what(), Math.max(largest, largestExtra()), residentBytes() + forwardExtraBytes() + backwardExtraBytes());
    }

    /** The graph of the forward pass, which reads and writes {@code arrays}. */
    abstract Stage forwardStage(DeviceArrays arrays);

    /** The graph of the backward pass. */
    abstract Stage backwardStage(DeviceArrays arrays, GradientArrays gradients);

    /** Device memory beyond inputs and outputs. */
    abstract long forwardExtraBytes();

    abstract long backwardExtraBytes();

    /** The largest single array beyond inputs and outputs, in bytes. */
    abstract long largestExtra();

    abstract List<String> forwardKernels();

    abstract List<String> backwardKernels();

    boolean profiled() {
        return profiled;
    }

    static long bytes(int[] shape) {
        long bytes = Float.BYTES;
        for (int length : shape) {
            bytes *= length;
        }
        return bytes;
    }

    /** Inputs and outputs of both passes, held at once: each pass has its own copies on the device. */
    private long residentBytes() {
        long forwardBytes = 2 * bytes(spec.qShape()) + 2 * bytes(spec.kvShape()) + bytes(spec.lseShape());
        return 2 * forwardBytes + 2 * bytes(spec.qShape()) + 2 * bytes(spec.kvShape());
    }

    private String what() {
        return "%s attention of q %dx%dx%dx%d and k %dx%dx%dx%d".formatted(algorithm.name().toLowerCase(Locale.ROOT), spec.batch(), spec.heads(), spec.seqQ(),
                spec.headDim(), spec.batch(), spec.kvHeads(), spec.seqK(), spec.headDim());
    }

    @Override
    public Forward forward(Tensor q, Tensor k, Tensor v) {
        long start = System.nanoTime();
        DeviceArrays a = arrays();
        DeviceArrays.copyIn(q, a.q);
        DeviceArrays.copyIn(k, a.k);
        DeviceArrays.copyIn(v, a.v);
        if (forward == null) {
            forward = Stage.built(() -> forwardStage(a));
        }
        Stage.Cost cost = forward.run();
        Tensor out = DeviceArrays.copyOut(a.out, spec.qShape());
        Tensor lse = DeviceArrays.copyOut(a.lse, spec.lseShape());
        return new Forward(q, k, v, out, lse, report(forwardKernels(), cost, start, forwardExtraBytes()));
    }

    @Override
    public Gradients backward(Tensor dOut, Forward f) {
        long start = System.nanoTime();
        DeviceArrays a = arrays();
        if (gradients == null) {
            gradients = GradientArrays.of(spec);
        }
        DeviceArrays.copyIn(f.q(), a.q);
        DeviceArrays.copyIn(f.k(), a.k);
        DeviceArrays.copyIn(f.v(), a.v);
        DeviceArrays.copyIn(f.out(), a.out);
        DeviceArrays.copyIn(f.lse(), a.lse);
        DeviceArrays.copyIn(dOut, gradients.dOut);
        if (backward == null) {
            GradientArrays g = gradients;
            backward = Stage.built(() -> backwardStage(a, g));
        }
        Stage.Cost cost = backward.run();
        return new Gradients(DeviceArrays.copyOut(gradients.dq, spec.qShape()), DeviceArrays.copyOut(gradients.dk, spec.kvShape()),
                DeviceArrays.copyOut(gradients.dv, spec.kvShape()), report(backwardKernels(), cost, start, backwardExtraBytes()));
    }

    private DeviceArrays arrays() {
        if (arrays == null) {
            arrays = new DeviceArrays(spec);
        }
        return arrays;
    }

    private Report report(List<String> kernels, Stage.Cost cost, long start, long extraBytes) {
        return new Report(backend, device.description(), device.driverName(), algorithm.name().toLowerCase(Locale.ROOT), kernels, cost.kernelNanos(),
                cost.compileNanos(), System.nanoTime() - start, extraBytes);
    }

    @Override
    public void close() {
        if (forward != null) {
            forward.close();
            forward = null;
        }
        if (backward != null) {
            backward.close();
            backward = null;
        }
    }
}
