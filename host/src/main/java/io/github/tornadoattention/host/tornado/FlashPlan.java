package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.kernels.FlashBackwardBias;
import io.github.tornadoattention.kernels.FlashBackwardKeys;
import io.github.tornadoattention.kernels.FlashBackwardQueries;
import io.github.tornadoattention.kernels.FlashForward;
import io.github.tornadoattention.kernels.RowDots;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Flash attention on a device: one kernel forward, three backward. */
class FlashPlan extends DevicePlan {
    private static final Contract FORWARD = Contract.of(FlashForward.class);
    private static final Contract QUERIES = Contract.of(FlashBackwardQueries.class);
    private static final Contract KEYS = Contract.of(FlashBackwardKeys.class);
    private static final Contract BIAS = Contract.of(FlashBackwardBias.class);

    private final PlanTiles tiles;

    FlashPlan(String backend, Platform.Device device, AttentionSpec spec, boolean profiled) {
        super(backend, device, spec, Algorithm.FLASH, profiled);
        tiles = new PlanTiles(device, spec, TuningKey.blockSize(spec), limits);
    }

    @Override
    Stage forwardStage(DeviceArrays a) {
        Tiling t = tiling(FlashForward.class);
        IntArray shape = arguments.shape(BlockLists.ofQueries(spec, t));
        long groups = FORWARD.groups(t, (long) spec.batch() * spec.heads(), spec.seqQ());
        return new Tasks("flash")
                .parameters(arguments.transfer(), shape)
                .constants(arguments.numbers())
                .inputs(a.q, a.k, a.v)
                .tables(spec, a)
                .widen(a.q, a.k, a.v)
                .task("forward", Stage.grid(FORWARD.kernel(), groups, t, limits),
                        g -> g.task("forward", FlashForward::forward, new KernelContext(),
                        a.q.floats(), a.k.floats(), a.v.floats(), a.out.floats(), a.lse.floats(), shape, arguments.numbers(),
                        a.bias.floats(), a.mask, spec.headDim(), t.blocks(), t.threads(),
                        t.slices(spec.headDim()), arguments.options()))
                .narrow(a.out)
                .outputs(a.out, a.lse)
                .stage(device, profiled());
    }

    @Override
    Stage backwardStage(DeviceArrays a, DeviceArrays.GradientArrays g) {
        Tiling tq = tiling(FlashBackwardQueries.class);
        Tiling tk = tiling(FlashBackwardKeys.class);
        IntArray shapeQ = arguments.shape(BlockLists.ofQueries(spec, tq));
        IntArray shapeK = arguments.shape(BlockLists.ofKeys(spec, tk));
        long keyGroups = KEYS.groups(tk, (long) spec.batch() * spec.kvHeads(), spec.seqK());
        long queryGroups = QUERIES.groups(tq, (long) spec.batch() * spec.heads(), spec.seqQ());
        FloatArray dOut = g.dOut().floats();
        IntArray bias = spec.biasShape() == null ? null : arguments.shape(BlockLists.ofPairs(spec));
        Tasks tasks = new Tasks("flashBackward")
                .parameters(arguments.transfer(), shapeQ, shapeK)
                .parameters(arguments.transfer(), bias == null ? new Object[0] : new Object[] {bias})
                .constants(arguments.numbers())
                .inputs(a.q, a.k, a.v, a.out, a.lse, g.dOut())
                .tables(spec, a)
                .widen(a.q, a.k, a.v, a.out, g.dOut());
        FloatArray lse = a.lse.floats();
        tasks
                .task("rowDots", Stage.rowDots((long) spec.batch() * spec.heads() * spec.seqQ()),
                        graph -> graph.task("rowDots", RowDots::rowDots,
                        new KernelContext(), a.out.floats(), dOut, g.delta(), shapeQ, spec.headDim()))
                .task("keys", Stage.grid(KEYS.kernel(), keyGroups, tk, limits),
                        graph -> graph.task("keys", FlashBackwardKeys::backward,
                        new KernelContext(), a.q.floats(), a.k.floats(), a.v.floats(), dOut, lse, g.delta(), g.dk().floats(),
                        g.dv().floats(), shapeK, arguments.numbers(), a.bias.floats(), a.mask, spec.headDim(),
                        tk.blocks(), tk.threads(),
                        tk.slices(spec.headDim()), arguments.options()))
                .task("queries", Stage.grid(QUERIES.kernel(), queryGroups, tq, limits),
                        graph -> graph.task("queries", FlashBackwardQueries::backward,
                        new KernelContext(), a.q.floats(), a.k.floats(), a.v.floats(), dOut, lse, g.delta(),
                        g.dq().floats(), shapeQ,
                        arguments.numbers(), a.bias.floats(), a.mask, spec.headDim(), tq.blocks(), tq.threads(),
                        tq.slices(spec.headDim()),
                        arguments.options()));
        if (bias != null) {
            bias(tasks, bias, a, g);
        }
        return tasks
                .scratch(g.delta())
                .narrow(g.dq(), g.dk(), g.dv())
                .outputs(g.dq(), g.dk(), g.dv())
                .outputs(g.ofBias(spec))
                .stage(device, profiled());
    }

    /** The gradient of the bias, whose tiles the groups own; the kernel tests blocks of the mask itself. */
    private void bias(Tasks tasks, IntArray shape, DeviceArrays a, DeviceArrays.GradientArrays g) {
        Tiling t = tiling(FlashBackwardBias.class);
        int[] of = Objects.requireNonNull(spec.biasShape());
        long groups = (long) of[0] * of[1] * Math.ceilDiv(of[2], t.blockQ()) * Math.ceilDiv(of[3], t.blockK());
        tasks.task("bias", Stage.grid(BIAS.kernel(), groups, t, limits), graph -> graph.task("bias", FlashBackwardBias::backward,
                        new KernelContext(), a.q.floats(), a.k.floats(), a.v.floats(), g.dOut().floats(), a.lse.floats(),
                        g.delta(), g.dBias().floats(),
                        shape, arguments.numbers(), a.bias.floats(), a.mask, spec.headDim(), t.blocks(), t.threads(),
                        t.slices(spec.headDim()),
                        arguments.options()));
    }

    /** How a kernel cuts its work; the best that the device can run, unless overridden. */
    Tiling tiling(Class<?> kernel) {
        return tiles.choose(kernel);
    }

    @Override
    List<String> tileRemarks(List<String> kernels) {
        return tiles.remarks(kernels);
    }

    @Override
    long forwardExtraBytes() {
        return 2 * widenedBytes(spec.qShape(), spec.kvShape());
    }

    /** D, one number a query. */
    @Override
    long backwardExtraBytes() {
        return bytes(spec.lseShape()) + 4 * widenedBytes(spec.qShape(), spec.kvShape());
    }

    @Override
    long largestExtra() {
        return Math.max(bytes(spec.lseShape()), Math.max(widenedBytes(spec.qShape()), widenedBytes(spec.kvShape())));
    }

    @Override
    List<String> forwardKernels() {
        return List.of(FORWARD.kernel());
    }

    @Override
    List<String> backwardKernels() {
        List<String> kernels = List.of(RowDots.class.getSimpleName(), KEYS.kernel(), QUERIES.kernel());
        return spec.biasShape() == null ? kernels : Stream.concat(kernels.stream(), Stream.of(BIAS.kernel())).toList();
    }
}
