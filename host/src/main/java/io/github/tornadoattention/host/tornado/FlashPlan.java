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

/** Flash attention on a device: one kernel forward, three backward. */
final class FlashPlan extends DevicePlan {
    private static final Contract FORWARD = Contract.of(FlashForward.class);
    private static final Contract QUERIES = Contract.of(FlashBackwardQueries.class);
    private static final Contract KEYS = Contract.of(FlashBackwardKeys.class);

    FlashPlan(String backend, Platform.Device device, AttentionSpec spec, boolean profiled) {
        super(backend, device, spec, Algorithm.FLASH, profiled);
    }

    @Override
    Stage forwardStage(DeviceArrays a) {
        Tiling t = TileTable.choose(FlashForward.class, spec.headDim(), limits);
        TaskGraph graph = new TaskGraph("flash")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, arguments.constants())
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, a.q, a.k, a.v)
                .task("forward", FlashForward::forward, new KernelContext(), a.q, a.k, a.v, a.out, a.lse, arguments.shape(), arguments.numbers(),
                        arguments.keyLengths(), arguments.slopes(), spec.headDim(), t.blockQ(), t.blockK(), t.threadsX(), t.threadsY(), arguments.options())
                .transferToHost(DataTransferMode.EVERY_EXECUTION, a.out, a.lse);
        long groups = FORWARD.groups(t, (long) spec.batch() * spec.heads(), spec.seqQ());
        return new Stage(device, profiled(), graph, new GridScheduler("flash.forward", Stage.grid(FORWARD.kernel(), groups, t, limits)));
    }

    @Override
    Stage backwardStage(DeviceArrays a, GradientArrays g) {
        Tiling tq = TileTable.choose(FlashBackwardQueries.class, spec.headDim(), limits);
        Tiling tk = TileTable.choose(FlashBackwardKeys.class, spec.headDim(), limits);
        KernelContext context = new KernelContext();
        TaskGraph graph = new TaskGraph("flashBackward")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, arguments.constants())
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, a.q, a.k, a.v, a.out, a.lse, g.dOut())
                .task("rowDots", RowDots::rowDots, a.out, g.dOut(), g.delta(), arguments.shape(), spec.batch() * spec.heads() * spec.seqQ(), spec.headDim())
                .task("keys", FlashBackwardKeys::backward, context, a.q, a.k, a.v, g.dOut(), a.lse, g.delta(), g.dk(), g.dv(), arguments.shape(),
                        arguments.numbers(), arguments.keyLengths(), arguments.slopes(), spec.headDim(), tk.blockQ(), tk.blockK(), tk.threadsX(),
                        tk.threadsY(), arguments.options())
                .task("queries", FlashBackwardQueries::backward, context, a.q, a.k, a.v, g.dOut(), a.lse, g.delta(), g.dq(), arguments.shape(),
                        arguments.numbers(), arguments.keyLengths(), arguments.slopes(), spec.headDim(), tq.blockQ(), tq.blockK(), tq.threadsX(),
                        tq.threadsY(), arguments.options())
                .transferToHost(DataTransferMode.EVERY_EXECUTION, g.dq(), g.dk(), g.dv());
        long keyGroups = KEYS.groups(tk, (long) spec.batch() * spec.kvHeads(), spec.seqK());
        long queryGroups = QUERIES.groups(tq, (long) spec.batch() * spec.heads(), spec.seqQ());
        GridScheduler grids = new GridScheduler();
        grids.addWorkerGrid("flashBackward.keys", Stage.grid(KEYS.kernel(), keyGroups, tk, limits));
        grids.addWorkerGrid("flashBackward.queries", Stage.grid(QUERIES.kernel(), queryGroups, tq, limits));
        return new Stage(device, profiled(), graph, grids);
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
