package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.kernels.FlashBackwardKeys;
import io.github.tornadoattention.kernels.FlashBackwardQueries;
import io.github.tornadoattention.kernels.FlashForward;
import io.github.tornadoattention.kernels.RowDots;
import java.util.List;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Flash attention on a device: one kernel forward, three backward. */
class FlashPlan extends DevicePlan {
    private static final Contract FORWARD = Contract.of(FlashForward.class);
    private static final Contract QUERIES = Contract.of(FlashBackwardQueries.class);
    private static final Contract KEYS = Contract.of(FlashBackwardKeys.class);

    FlashPlan(String backend, Platform.Device device, AttentionSpec spec, boolean profiled) {
        super(backend, device, spec, Algorithm.FLASH, profiled);
    }

    @Override
    Stage forwardStage(DeviceArrays a) {
        Tiling t = tiling(FlashForward.class);
        IntArray shape = arguments.shape(BlockLists.ofQueries(spec, t));
        TaskGraph graph = new TaskGraph("flash")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, shape, arguments.numbers())
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, a.q, a.k, a.v)
                .task("forward", FlashForward::forward, new KernelContext(), a.q, a.k, a.v, a.out, a.lse, shape, arguments.numbers(),
                        spec.headDim(), t.blocks(), t.threads(), t.slices(spec.headDim()), arguments.options())
                .transferToHost(DataTransferMode.EVERY_EXECUTION, a.out, a.lse);
        long groups = FORWARD.groups(t, (long) spec.batch() * spec.heads(), spec.seqQ());
        return new Stage(device, profiled(), graph, new GridScheduler("flash.forward", Stage.grid(FORWARD.kernel(), groups, t, limits)));
    }

    @Override
    Stage backwardStage(DeviceArrays a, GradientArrays g) {
        Tiling tq = tiling(FlashBackwardQueries.class);
        Tiling tk = tiling(FlashBackwardKeys.class);
        IntArray shapeQ = arguments.shape(BlockLists.ofQueries(spec, tq));
        IntArray shapeK = arguments.shape(BlockLists.ofKeys(spec, tk));
        KernelContext context = new KernelContext();
        TaskGraph graph = new TaskGraph("flashBackward")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, shapeQ, shapeK, arguments.numbers())
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, a.q, a.k, a.v, a.out, a.lse, g.dOut())
                .task("rowDots", RowDots::rowDots, context, a.out, g.dOut(), g.delta(), shapeQ, spec.headDim())
                .task("keys", FlashBackwardKeys::backward, context, a.q, a.k, a.v, g.dOut(), a.lse, g.delta(), g.dk(), g.dv(), shapeK, arguments.numbers(),
                        spec.headDim(), tk.blocks(), tk.threads(), tk.slices(spec.headDim()), arguments.options())
                .task("queries", FlashBackwardQueries::backward, context, a.q, a.k, a.v, g.dOut(), a.lse, g.delta(), g.dq(), shapeQ, arguments.numbers(),
                        spec.headDim(), tq.blocks(), tq.threads(), tq.slices(spec.headDim()), arguments.options())
                .transferToHost(DataTransferMode.EVERY_EXECUTION, g.dq(), g.dk(), g.dv());
        long keyGroups = KEYS.groups(tk, (long) spec.batch() * spec.kvHeads(), spec.seqK());
        long queryGroups = QUERIES.groups(tq, (long) spec.batch() * spec.heads(), spec.seqQ());
        GridScheduler grids = new GridScheduler();
        grids.addWorkerGrid("flashBackward.rowDots", Stage.rows((long) spec.batch() * spec.heads() * spec.seqQ()));
        grids.addWorkerGrid("flashBackward.keys", Stage.grid(KEYS.kernel(), keyGroups, tk, limits));
        grids.addWorkerGrid("flashBackward.queries", Stage.grid(QUERIES.kernel(), queryGroups, tq, limits));
        return new Stage(device, profiled(), graph, grids);
    }

    /** How a kernel cuts its work; the best that the device can run, unless overridden. */
    Tiling tiling(Class<?> kernel) {
        return TileTable.choose(kernel, spec.headDim(), spec.blockMask() == null ? 0 : spec.blockMask().size(), limits);
    }

    @Override
    long forwardExtraBytes() {
        return 0;
    }

    /** D, one number a query. */
    @Override
    long backwardExtraBytes() {
        return bytes(spec.lseShape());
    }

    @Override
    long largestExtra() {
        return backwardExtraBytes();
    }

    @Override
    List<String> forwardKernels() {
        return List.of(FORWARD.kernel());
    }

    @Override
    List<String> backwardKernels() {
        return List.of(RowDots.class.getSimpleName(), KEYS.kernel(), QUERIES.kernel());
    }
}
