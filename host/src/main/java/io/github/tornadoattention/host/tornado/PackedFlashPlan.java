package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.PackedPlan;
import io.github.tornadoattention.host.PackedSpec;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.kernels.FlashBackwardKeys;
import io.github.tornadoattention.kernels.FlashBackwardQueries;
import io.github.tornadoattention.kernels.FlashForward;
import io.github.tornadoattention.kernels.Options;
import io.github.tornadoattention.kernels.RowDots;
import java.util.List;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * A packed batch on a device: the kernels of {@link FlashPlan}, with a group for each tile that a sequence has and none for
 * padding.
 */
class PackedFlashPlan implements PackedPlan {
    private final String backend;
    private final Platform.Device device;
    private final boolean profiled;
    private final PackedSpec spec;
    private final AttentionSpec each;
    private final Limits limits;
    private final PlanTiles tiles;
    private final Arguments arguments;
    private final FloatArray numbers;
    private final int options;
    private final DeviceArrays arrays;
    private @Nullable Stage forward;
    private @Nullable Stage backward;

    PackedFlashPlan(String backend, Platform.Device device, PackedSpec spec, boolean profiled) {
        this.backend = backend;
        this.device = device;
        this.profiled = profiled;
        this.spec = spec;
        this.each = spec.longest();
        this.limits = device.limits();
        this.tiles = new PlanTiles(device, each, 0, limits);
        this.arguments = new Arguments(each);
        this.numbers = arguments.numbers();
        this.options = arguments.options() | Options.PACKED;
        DType crossing = device.has(each.dtype()) ? each.dtype() : DType.FP32;
        long tensors = 2 * bytes(spec.qShape()) + 2 * bytes(spec.kvShape());
        long largest = Math.max(bytes(spec.qShape()), bytes(spec.kvShape()));
        limits.require("packed attention of " + spec, largest, (crossing == DType.FP32 ? 3 : 6) * tensors
                + 3 * bytes(spec.lseShape()));
        this.arrays = new DeviceArrays(each.dtype(), crossing, spec.qShape(), spec.kvShape(), spec.lseShape());
    }

    private static long bytes(int[] shape) {
        return DevicePlan.bytes(shape);
    }

    /** How a kernel cuts its work; the best that the device can run, unless overridden. */
    Tiling tiling(Class<?> kernel) {
        return tiles.choose(kernel);
    }

    @Override
    public Forward forward(AttentionInputs inputs) {
        long start = System.nanoTime();
        arrays.copyIn(inputs);
        if (forward == null) {
            forward = Stage.built(this::forwardStage);
        }
        arguments.call(inputs);
        Stage.Cost cost = once(forward);
        return new Forward(inputs, arrays.out.copyOut(), arrays.lse.copyOut(), report(List.of("FlashForward"), cost, start, 0));
    }

    private Stage forwardStage() {
        DeviceArrays a = arrays;
        Tiling t = tiling(FlashForward.class);
        PackedShapes places = PackedShapes.ofQueries(spec, t.blockQ());
        IntArray shape = arguments.ofCalls(places.shape());
        return new Tasks("packed")
                .parameters(arguments.transfer(), shape)
                .constants(numbers)
                .inputs(a.q, a.k, a.v)
                .tables(each, a)
                .widen(a.q, a.k, a.v)
                .task("forward", Stage.grid("FlashForward", (long) places.places() * each.heads(), t, limits), g ->
                        g.task("forward",
                        FlashForward::forward, new KernelContext(), a.q.floats(), a.k.floats(), a.v.floats(), a.out.floats(),
                        a.lse.floats(), shape,
                        numbers, a.bias.floats(), a.mask, each.headDim(), t.blocks(), t.threads(), t.slices(each.headDim()),
                        options))
                .narrow(a.out)
                .outputs(a.out, a.lse)
                .stage(device, profiled);
    }

    @Override
    public Gradients backward(Tensor dOut, Forward f) {
        long start = System.nanoTime();
        DeviceArrays.GradientArrays g = arrays.gradients();
        arrays.copyIn(f.inputs());
        arrays.out.copyIn(f.out());
        arrays.lse.copyIn(f.lse());
        g.dOut().copyIn(dOut);
        if (backward == null) {
            backward = Stage.built(() -> backwardStage(g));
        }
        arguments.call(f.inputs());
        Stage.Cost cost = once(backward);
        return new Gradients(g.dq().copyOut(), g.dk().copyOut(), g.dv().copyOut(),
                report(List.of("RowDots", "FlashBackwardKeys", "FlashBackwardQueries"), cost, start, bytes(spec.lseShape())));
    }

    private Stage backwardStage(DeviceArrays.GradientArrays g) {
        DeviceArrays a = arrays;
        Tiling tq = tiling(FlashBackwardQueries.class);
        Tiling tk = tiling(FlashBackwardKeys.class);
        PackedShapes queries = PackedShapes.ofQueries(spec, tq.blockQ());
        PackedShapes keys = PackedShapes.ofKeys(spec, tk.blockK());
        IntArray shapeQ = arguments.ofCalls(queries.shape());
        IntArray shapeK = arguments.ofCalls(keys.shape());
        FloatArray dOut = g.dOut().floats();
        return new Tasks("packedBackward")
                .parameters(arguments.transfer(), shapeQ, shapeK)
                .constants(numbers)
                .inputs(a.q, a.k, a.v, a.out, a.lse, g.dOut())
                .tables(each, a)
                .widen(a.q, a.k, a.v, a.out, g.dOut())
                .task("rowDots", Stage.rowDots((long) each.heads() * spec.totalQ()),
                        graph -> graph.task("rowDots", RowDots::rowDots,
                        new KernelContext(), a.out.floats(), dOut, g.delta(), shapeQ, each.headDim()))
                .task("keys", Stage.grid("FlashBackwardKeys", (long) keys.places() * each.kvHeads(), tk, limits), graph ->
                        graph.task("keys",
                        FlashBackwardKeys::backward, new KernelContext(), a.q.floats(), a.k.floats(), a.v.floats(), dOut,
                        a.lse.floats(), g.delta(),
                        g.dk().floats(), g.dv().floats(), shapeK, numbers, a.bias.floats(), a.mask, each.headDim(), tk.blocks(),
                        tk.threads(), tk.slices(each.headDim()), options))
                .task("queries", Stage.grid("FlashBackwardQueries", (long) queries.places() * each.heads(), tq, limits), graph ->
                        graph.task("queries",
                        FlashBackwardQueries::backward, new KernelContext(), a.q.floats(), a.k.floats(), a.v.floats(), dOut,
                        a.lse.floats(), g.delta(),
                        g.dq().floats(), shapeQ, numbers, a.bias.floats(), a.mask, each.headDim(), tq.blocks(), tq.threads(),
                        tq.slices(each.headDim()), options))
                .narrow(g.dq(), g.dk(), g.dv())
                .outputs(g.dq(), g.dk(), g.dv())
                .stage(device, profiled);
    }

    /** Brings the inputs over, runs, and brings the results back. */
    private static Stage.Cost once(Stage stage) {
        Stage.Cost upload = stage.upload();
        Stage.Cost cost = stage.run().plus(upload);
        stage.fetch();
        return cost;
    }

    private Report report(List<String> kernels, Stage.Cost cost, long start, long extraBytes) {
        return new Report(backend, device.description(), device.driverName(), "flash", kernels, cost.kernelNanos(),
                cost.compileNanos(), System.nanoTime() - start, extraBytes, tiles.remarks(kernels));
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
