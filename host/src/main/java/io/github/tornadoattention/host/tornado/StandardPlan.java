package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.kernels.Options;
import io.github.tornadoattention.kernels.RowDots;
import io.github.tornadoattention.kernels.StandardBackward;
import io.github.tornadoattention.kernels.StandardForward;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Standard attention on a device: the baseline that writes the matrix of probabilities, and of its gradient, to global memory.
 */
final class StandardPlan extends DevicePlan {
    private final IntArray shape = arguments.shape(BlockLists.ofPairs(spec));
    private @Nullable FloatArray probabilities;

    StandardPlan(String backend, Platform.Device device, AttentionSpec spec, boolean profiled) {
        super(backend, device, checked(spec), Algorithm.STANDARD, profiled);
    }

    private static AttentionSpec checked(AttentionSpec spec) {
        long elements = (long) spec.batch() * spec.heads() * spec.seqQ() * spec.seqK();
        if (elements > Integer.MAX_VALUE) {
            throw new UsageException("standard attention needs a matrix of %d elements, 2^31 or more; use flash"
                    .formatted(elements));
        }
        return spec;
    }

    private int rows() {
        return spec.batch() * spec.heads() * spec.seqQ();
    }

    /** Elements of the matrix. */
    private int pairs() {
        return rows() * spec.seqK();
    }

    private FloatArray probabilities() {
        if (probabilities == null) {
            probabilities = new FloatArray(pairs());
        }
        return probabilities;
    }

    @Override
    Stage forwardStage(DeviceArrays a) {
        FloatArray p = probabilities();
        Tasks tasks = new Tasks("standard")
                .parameters(arguments.transfer(), shape)
                .constants(arguments.numbers())
                .inputs(a.q, a.k, a.v)
                .tables(spec, a)
                .widen(a.q, a.k, a.v);
        return probabilities(tasks, a)
                .loop("output", rows() * spec.headDim(), g -> g.task("output", StandardForward::output, p, a.v.floats(),
                        a.out.floats(), shape, arguments.numbers(), rows() * spec.headDim(), spec.seqK(), spec.headDim(),
                        arguments.options()))
                .scratch(p)
                .narrow(a.out)
                .outputs(a.out, a.lse)
                .stage(device, profiled());
    }

    /** P, and lse with it. */
    private Tasks probabilities(Tasks tasks, DeviceArrays a) {
        FloatArray p = probabilities();
        return tasks
                .loop("scores", pairs(), g -> g.task("scores", StandardForward::scores, a.q.floats(), a.k.floats(), p,
                        shape, arguments.numbers(), a.bias.floats(), a.mask, pairs(), spec.seqK(), spec.headDim(),
                        arguments.options()))
                .loop("softmax", rows(), g -> g.task("softmax", StandardForward::softmax, p, a.lse.floats(), shape,
                        arguments.numbers(), rows(), spec.seqK(), arguments.options()));
    }

    @Override
    Stage backwardStage(DeviceArrays a, DeviceArrays.GradientArrays g) {
        FloatArray p = probabilities();
        FloatArray ds = new FloatArray(p.getSize());
        FloatArray dOut = g.dOut().floats();
        int keys = spec.batch() * spec.kvHeads() * spec.seqK() * spec.headDim();
        Tasks tasks = new Tasks("standardBackward")
                .parameters(arguments.transfer(), shape)
                .constants(arguments.numbers())
                .inputs(a.q, a.k, a.v, a.out, g.dOut())
                .tables(spec, a)
                .widen(a.q, a.k, a.v, a.out, g.dOut());
        probabilities(tasks, a)
                .task("rowDots", Stage.rowDots(rows()),
                        graph -> graph.task("rowDots", RowDots::rowDots, new KernelContext(), a.out.floats(), dOut,
                        g.delta(), shape, spec.headDim()));
        if (spec.biasShape() != null) {
            // the bias comes after softcap, so its gradient has no derivative of it
            scoreGradients(tasks, "biasedScoreGradients", a, g, ds, arguments.options() & ~Options.SOFTCAP)
                    .loop("bias", g.dBias().size(), graph -> graph.task("bias", StandardBackward::bias, ds,
                            g.dBias().floats(), shape,
                            g.dBias().size(), spec.seqK()));
        }
        return scoreGradients(tasks, "scoreGradients", a, g, ds, arguments.options())
                .loop("queries", rows() * spec.headDim(),
                        graph -> graph.task("queries", StandardBackward::queries, ds, a.k.floats(),
                        g.dq().floats(), shape, arguments.numbers(), rows() * spec.headDim(), spec.seqK(), spec.headDim()))
                .loop("keys", keys, graph -> graph.task("keys", StandardBackward::keys, a.q.floats(), dOut, p, ds,
                        g.dk().floats(), g.dv().floats(), shape, arguments.numbers(), keys, spec.seqK(), spec.headDim(),
                        arguments.options()))
                .scratch(p, ds, g.delta())
                .narrow(g.dq(), g.dk(), g.dv())
                .outputs(g.dq(), g.dk(), g.dv())
                .outputs(g.ofBias(spec))
                .stage(device, profiled());
    }

    private Tasks scoreGradients(Tasks tasks, String task, DeviceArrays a, DeviceArrays.GradientArrays g,
            FloatArray ds, int options) {
        FloatArray p = probabilities();
        return tasks.loop(task, pairs(), graph -> graph.task(task, StandardBackward::scores,
                a.q.floats(), a.k.floats(), a.v.floats(), g.dOut().floats(), p, g.delta(), ds, shape, arguments.numbers(),
                pairs(), spec.seqK(), spec.headDim(), options));
    }

    private long matrixBytes() {
        return (long) rows() * spec.seqK() * Float.BYTES;
    }

    @Override
    long forwardExtraBytes() {
        return matrixBytes() + 2 * widenedBytes(spec.qShape(), spec.kvShape());
    }

    @Override
    long backwardExtraBytes() {
        return 2 * matrixBytes() + bytes(spec.lseShape()) + 4 * widenedBytes(spec.qShape(), spec.kvShape());
    }

    @Override
    long largestExtra() {
        return Math.max(matrixBytes(), Math.max(widenedBytes(spec.qShape()), widenedBytes(spec.kvShape())));
    }

    @Override
    List<String> forwardKernels() {
        return List.of("StandardForward.scores", "StandardForward.softmax", "StandardForward.output");
    }

    @Override
    List<String> backwardKernels() {
        List<String> bias = spec.biasShape() == null ? List.of() : List.of("StandardBackward.scores", "StandardBackward.bias");
        return Stream.of(List.of("StandardForward.scores", "StandardForward.softmax", "RowDots"), bias,
                List.of("StandardBackward.scores", "StandardBackward.queries", "StandardBackward.keys"))
                .flatMap(List::stream).toList();
    }
}
