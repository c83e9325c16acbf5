package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.kernels.RowDots;
import io.github.tornadoattention.kernels.StandardBackward;
import io.github.tornadoattention.kernels.StandardForward;
import java.util.List;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Standard attention on a device: the baseline that writes the matrix of probabilities, and of its gradient, to global memory. */
final class StandardPlan extends DevicePlan {
    private final IntArray shape = arguments.shape(BlockLists.ofPairs(spec));
    private @Nullable FloatArray probabilities;

    StandardPlan(String backend, Platform.Device device, AttentionSpec spec, boolean profiled) {
        super(backend, device, checked(spec), Algorithm.STANDARD, profiled);
    }

    private static AttentionSpec checked(AttentionSpec spec) {
        long elements = (long) spec.batch() * spec.heads() * spec.seqQ() * spec.seqK();
        if (elements > Integer.MAX_VALUE) {
            throw new UsageException("standard attention needs a matrix of %d elements, 2^31 or more; use flash".formatted(elements));
        }
        return spec;
    }

    private int rows() {
        return spec.batch() * spec.heads() * spec.seqQ();
    }

    private FloatArray probabilities() {
        if (probabilities == null) {
            probabilities = new FloatArray(rows() * spec.seqK());
        }
        return probabilities;
    }

    @Override
    Stage forwardStage(DeviceArrays a) {
        TaskGraph graph = new TaskGraph("standard")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, shape, arguments.numbers())
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, a.q, a.k, a.v);
        probabilities(graph, a);
        graph.task("output", StandardForward::output, probabilities(), a.v, a.out, shape, rows(), spec.seqK(), spec.headDim())
                .transferToHost(DataTransferMode.EVERY_EXECUTION, a.out, a.lse);
        GridScheduler grids = probabilityGrids("standard");
        grids.addWorkerGrid("standard.output", Stage.loops(rows(), spec.headDim()));
        return new Stage(device, profiled(), graph, grids);
    }

    private GridScheduler probabilityGrids(String graph) {
        GridScheduler grids = new GridScheduler(graph + ".scores", Stage.loops(rows(), spec.seqK()));
        grids.addWorkerGrid(graph + ".softmax", Stage.loop(rows()));
        return grids;
    }

    /** P, and lse with it. */
    private void probabilities(TaskGraph graph, DeviceArrays a) {
        FloatArray p = probabilities();
        graph.task("scores", StandardForward::scores, a.q, a.k, p, shape, arguments.numbers(), rows(), spec.seqK(), spec.headDim(), arguments.options())
                .task("softmax", StandardForward::softmax, p, a.lse, arguments.numbers(), rows(), spec.seqK());
    }

    @Override
    Stage backwardStage(DeviceArrays a, GradientArrays g) {
        FloatArray p = probabilities();
        FloatArray ds = new FloatArray(p.getSize());
        TaskGraph graph = new TaskGraph("standardBackward")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, shape, arguments.numbers())
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, a.q, a.k, a.v, a.out, g.dOut());
        probabilities(graph, a);
        graph.task("rowDots", RowDots::rowDots, new KernelContext(), a.out, g.dOut(), g.delta(), shape, spec.headDim())
                .task("scoreGradients", StandardBackward::scores, a.q, a.k, a.v, g.dOut(), p, g.delta(), ds, shape, arguments.numbers(),
                        rows(), spec.seqK(), spec.headDim(), arguments.options())
                .task("queries", StandardBackward::queries, ds, a.k, g.dq(), shape, arguments.numbers(), rows(), spec.seqK(),
                        spec.headDim())
                .task("keys", StandardBackward::keys, a.q, g.dOut(), p, ds, g.dk(), g.dv(), shape, arguments.numbers(),
                        spec.batch() * spec.kvHeads() * spec.seqK(), spec.seqK(), spec.headDim())
                .transferToHost(DataTransferMode.EVERY_EXECUTION, g.dq(), g.dk(), g.dv());
        GridScheduler grids = probabilityGrids("standardBackward");
        grids.addWorkerGrid("standardBackward.rowDots", Stage.rows(rows()));
        grids.addWorkerGrid("standardBackward.scoreGradients", Stage.loops(rows(), spec.seqK()));
        grids.addWorkerGrid("standardBackward.queries", Stage.loops(rows(), spec.headDim()));
        grids.addWorkerGrid("standardBackward.keys", Stage.loops(spec.batch() * spec.kvHeads() * spec.seqK(), spec.headDim()));
        return new Stage(device, profiled(), graph, grids);
    }

    private long matrixBytes() {
        return (long) rows() * spec.seqK() * Float.BYTES;
    }

    @Override
    long forwardExtraBytes() {
        return matrixBytes();
    }

    @Override
    long backwardExtraBytes() {
        return 2 * matrixBytes() + bytes(spec.lseShape());
    }

    @Override
    long largestExtra() {
        return matrixBytes();
    }

    @Override
    List<String> forwardKernels() {
        return List.of("StandardForward.scores", "StandardForward.softmax", "StandardForward.output");
    }

    @Override
    List<String> backwardKernels() {
        return List.of("StandardForward.scores", "StandardForward.softmax", "RowDots", "StandardBackward.scores", "StandardBackward.queries",
                "StandardBackward.keys");
    }
}
