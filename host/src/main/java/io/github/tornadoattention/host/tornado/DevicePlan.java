package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.DenseMask;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Resident;
import io.github.tornadoattention.host.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What flash and standard attention on a device share: the arrays, the copies, the two stages, each built when first asked for.
 */
abstract class DevicePlan implements Plan {
    final AttentionSpec spec;
    final Platform.Device device;
    final Limits limits;
    final Arguments arguments;
    /**
     * The type of the arrays that cross to the device and back: the spec's, or float32 where the device lacks it and the host
     * converts.
     */
    final DType crossing;
    private final String backend;
    private final Algorithm algorithm;
    private final boolean profiled;
    private @Nullable DeviceArrays arrays;
    private @Nullable Stage forward;
    private @Nullable Stage backward;

    DevicePlan(String backend, Platform.Device device, AttentionSpec spec, Algorithm algorithm, boolean profiled) {
        this.backend = backend;
        this.device = device;
        this.spec = spec;
        this.algorithm = algorithm;
        this.profiled = profiled;
        this.limits = device.limits();
        this.arguments = new Arguments(spec);
        this.crossing = device.has(spec.dtype()) ? spec.dtype() : DType.FP32;
        long largest = Math.max(crossingBytes(spec.qShape()), crossingBytes(spec.kvShape()));
        limits.require(what(), Math.max(largest, largestExtra()), residentBytes() + forwardExtraBytes() + backwardExtraBytes());
    }

    /** The graph of the forward pass, which reads and writes {@code arrays}. */
    abstract Stage forwardStage(DeviceArrays arrays);

    /** The graph of the backward pass. */
    abstract Stage backwardStage(DeviceArrays arrays, DeviceArrays.GradientArrays gradients);

    /** Device memory beyond inputs and outputs. */
    abstract long forwardExtraBytes();

    abstract long backwardExtraBytes();

    /** The largest single array beyond inputs and outputs, in bytes. */
    abstract long largestExtra();

    abstract List<String> forwardKernels();

    abstract List<String> backwardKernels();

    /** What reports say of how these kernels cut their work. */
    List<String> tileRemarks(List<String> kernels) {
        return List.of();
    }

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

    /** Bytes of a tensor of this shape as it crosses over. */
    long crossingBytes(int[] shape) {
        return bytes(shape) / Float.BYTES * crossing.bytes();
    }

    /** Bytes of the floats that are made of operands of these shapes for float32 kernels: 0 if they cross over as floats. */
    long widenedBytes(int[]... shapes) {
        return crossing == DType.FP32 ? 0 : Arrays.stream(shapes).mapToLong(DevicePlan::bytes).sum();
    }

    private long residentBytes() {
        return residentBytes(spec, crossing);
    }

    /** Inputs and outputs of both passes, held at once: each pass has its own copies on the device. */
    static long residentBytes(AttentionSpec spec, DType crossing) {
        long tensors = (2 * bytes(spec.qShape()) + 2 * bytes(spec.kvShape())) / Float.BYTES * crossing.bytes();
        int[] biasShape = spec.biasShape();
        int[] maskShape = spec.maskShape();
        long tables = 3 * (biasShape == null ? 0 : bytes(biasShape))
                + 2 * (maskShape == null ? 0 : (long) Integer.BYTES * DenseMask.words(maskShape));
        return 3 * tensors + 2 * bytes(spec.lseShape()) + tables;
    }

    private String what() {
        return "%s attention of q %dx%dx%dx%d and k %dx%dx%dx%d".formatted(algorithm.name().toLowerCase(Locale.ROOT),
                spec.batch(), spec.heads(), spec.seqQ(),
                spec.headDim(), spec.batch(), spec.kvHeads(), spec.seqK(), spec.headDim());
    }

    @Override
    public Forward forward(AttentionInputs inputs) {
        long start = System.nanoTime();
        Stage.Cost upload = uploadForward(inputs);
        Stage.Cost cost = forwardStage().run().plus(upload);
        return fetchForward(inputs, cost, start);
    }

    @Override
    public Gradients backward(Tensor dOut, Forward f) {
        long start = System.nanoTime();
        Stage.Cost upload = uploadBackward(dOut, f);
        Stage.Cost cost = backwardStage().run().plus(upload);
        return fetchBackward(cost, start);
    }

    @Override
    public Resident<Forward> upload(AttentionInputs inputs) {
        uploadForward(inputs);
        return new OnDevice<>(forwardStage(), (cost, start) -> report(forwardKernels(), cost, start, forwardExtraBytes()),
                (cost, start) -> fetchForward(inputs, cost, start));
    }

    @Override
    public Resident<Gradients> upload(Tensor dOut, Forward f) {
        uploadBackward(dOut, f);
        return new OnDevice<>(backwardStage(), (cost, start) -> report(backwardKernels(), cost, start, backwardExtraBytes()),
                this::fetchBackward);
    }

    private Stage.Cost uploadForward(AttentionInputs inputs) {
        DeviceArrays a = arrays();
        a.copyIn(inputs);
        Stage stage = forwardStage();
        arguments.call(inputs);
        return stage.upload();
    }

    private Stage.Cost uploadBackward(Tensor dOut, Forward f) {
        DeviceArrays a = arrays();
        a.copyIn(f.inputs());
        a.out.copyIn(f.out());
        a.lse.copyIn(f.lse());
        a.gradients().dOut().copyIn(dOut);
        Stage stage = backwardStage();
        arguments.call(f.inputs());
        return stage.upload();
    }

    private Forward fetchForward(AttentionInputs inputs, Stage.Cost cost, long start) {
        forwardStage().fetch();
        DeviceArrays a = arrays();
        Tensor out = a.out.copyOut();
        Tensor lse = a.lse.copyOut();
        return new Forward(inputs, out, lse, report(forwardKernels(), cost, start, forwardExtraBytes()));
    }

    private Gradients fetchBackward(Stage.Cost cost, long start) {
        backwardStage().fetch();
        DeviceArrays.GradientArrays g = arrays().gradients();
        Tensor dq = g.dq().copyOut();
        Tensor dk = g.dk().copyOut();
        Tensor dv = g.dv().copyOut();
        Tensor dBias = spec.biasShape() == null ? null : g.dBias().copyOut();
        return new Gradients(dq, dk, dv, dBias, report(backwardKernels(), cost, start, backwardExtraBytes()));
    }

    @Override
    public void compile(boolean backward) {
        forwardStage().compile();
        if (backward) {
            backwardStage().compile();
        }
    }

    private Stage forwardStage() {
        if (forward == null) {
            DeviceArrays a = arrays();
            forward = Stage.built(() -> forwardStage(a));
        }
        return forward;
    }

    private Stage backwardStage() {
        if (backward == null) {
            DeviceArrays a = arrays();
            backward = Stage.built(() -> backwardStage(a, a.gradients()));
        }
        return backward;
    }

    /** Makes a report or a result of what the last run cost and of when it began. */
    private interface FromRun<T> {
        T of(Stage.Cost cost, long start);
    }

    /** Inputs on the device. */
    private static final class OnDevice<R> implements Resident<R> {
        private final Stage stage;
        private final FromRun<Report> report;
        private final FromRun<R> result;
        private Stage.@Nullable Cost cost;

        OnDevice(Stage stage, FromRun<Report> report, FromRun<R> result) {
            this.stage = stage;
            this.report = report;
            this.result = result;
        }

        @Override
        public Report run() {
            long start = System.nanoTime();
            cost = stage.run();
            return report.of(cost, start);
        }

        @Override
        public R result() {
            long start = System.nanoTime();
            if (cost == null) {
                throw new IllegalStateException("nothing ran yet; run() comes before result()");
            }
            return result.of(cost, start);
        }
    }

    private DeviceArrays arrays() {
        if (arrays == null) {
            arrays = new DeviceArrays(spec, crossing);
        }
        return arrays;
    }

    private Report report(List<String> kernels, Stage.Cost cost, long start, long extraBytes) {
        return new Report(backend, device.description(), device.driverName(), algorithm.name().toLowerCase(Locale.ROOT),
                kernels, cost.kernelNanos(),
                cost.compileNanos(), System.nanoTime() - start, extraBytes, remarks(kernels));
    }

    private List<String> remarks(List<String> kernels) {
        List<String> remarks = new ArrayList<>(tileRemarks(kernels));
        if (crossing != spec.dtype()) {
            remarks.add("%s is converted to fp32 and back on the host: TornadoVM has no %s on this device (%s)"
                        .formatted(spec.dtype(), spec.dtype(), device.driverName()));
        }
        return remarks;
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
