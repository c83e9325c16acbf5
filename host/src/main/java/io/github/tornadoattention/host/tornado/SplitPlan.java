package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.kernels.FlashForward;
import io.github.tornadoattention.kernels.SplitForward;
import io.github.tornadoattention.kernels.SplitPack;
import io.github.tornadoattention.kernels.SplitScales;
import io.github.tornadoattention.kernels.TensorPack;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/**
 * Flash attention of float32 tensors: forward on tensor cores, two float16 for each number; backward as {@link FlashPlan},
 * with an lse of its own.
 */
final class SplitPlan extends FlashPlan {
    private static final Contract FORWARD = Contract.of(SplitForward.class);
    private static final Contract FMA = Contract.of(FlashForward.class);
    /** Head dims are multiples of this. */
    private static final int CHUNK = 16;
    private static final int MOST_CHUNKS = 8;
    private static final int PARTS = 2;

    SplitPlan(String backend, Platform.Device device, AttentionSpec spec, boolean profiled) {
        super(backend, device, spec, profiled);
    }

    /** Whether these kernels compute a spec on a device; others compute what they do not. */
    static boolean takes(Platform.Device device, AttentionSpec spec) {
        int blockSize = spec.blockMask() == null ? 0 : spec.blockMask().size();
        return device.hasTensorCores()
                && spec.dtype() == DType.FP32
                && spec.headDim() % CHUNK == 0
                && spec.headDim() <= MOST_CHUNKS * CHUNK
                && spec.scale() > 0
                && (Arguments.options(spec) & ~TensorPlan.OPTIONS) == 0
                && !TileTable.fitting(SplitForward.class, spec.headDim(), blockSize, device.limits()).isEmpty();
    }

    @Override
    Stage forwardStage(DeviceArrays a) {
        Tiling t = tiling(SplitForward.class);
        IntArray shape = arguments.shape(BlockLists.ofQueries(spec, t));
        long groups = FORWARD.groups(t, (long) spec.batch() * spec.heads(), spec.seqQ());
        LongArray k = new LongArray(packedLongs());
        LongArray v = new LongArray(packedLongs());
        Tasks tasks = new Tasks("split")
                .parameters(arguments.transfer(), shape)
                .constants(arguments.numbers())
                .inputs(a.q, a.k, a.v);
        List<Object> scratch = new ArrayList<>(List.of(k, v));
        FloatArray scalesQ = scales(tasks, "Q", a.q.floats(), shape, 1, scratch);
        FloatArray scalesK = scales(tasks, "K", a.k.floats(), shape, 0, scratch);
        FloatArray scalesV = scales(tasks, "V", a.v.floats(), shape, 0, scratch);
        return tasks
                .task("columns", Stage.rows(packedLongs() / PARTS), g -> g.task("columns", SplitPack::columns,
                        new KernelContext(), a.k.floats(), scalesK, k, shape, spec.headDim(), 0))
                .task("rows", Stage.rows(packedLongs() / PARTS), g -> g.task("rows", SplitPack::rows, new KernelContext(),
                        a.v.floats(), scalesV, v, shape, spec.headDim(), 0, 0))
                .task("forward", Stage.grid(FORWARD.kernel(), groups, t, limits), g -> g.task("forward", SplitForward::forward,
                        new KernelContext(), a.q.floats(), k, v, scalesQ, scalesK, scalesV, a.out.floats(), a.lse.floats(), shape,
                        arguments.numbers(), spec.headDim(), t.blocks(), arguments.options()))
                .scratch(scratch.toArray())
                .outputs(a.out, a.lse)
                .stage(device, profiled());
    }

    /** Adds the tasks that find the scale of each head of a matrix; their arrays go to {@code scratch}. */
    private FloatArray scales(Tasks tasks, String name, FloatArray matrix, IntArray shape, int queries, List<Object> scratch) {
        int heads = spec.batch() * (queries != 0 ? spec.heads() : spec.kvHeads());
        FloatArray maxima = new FloatArray(heads * SplitScales.PIECES);
        FloatArray scales = new FloatArray(heads);
        tasks.task("maxima" + name, Stage.grid(SplitScales.class.getSimpleName(), (long) heads * SplitScales.PIECES,
                        SplitScales.GROUP, limits), g -> g.task("maxima" + name, SplitScales::maxima, new KernelContext(), matrix,
                        maxima, shape, spec.headDim(), queries))
                .task("scales" + name, Stage.rows(heads), g -> g.task("scales" + name, SplitScales::scales, new KernelContext(),
                        maxima, scales, shape, queries));
        Collections.addAll(scratch, maxima, scales);
        return scales;
    }

    /** The float32 kernels' own, computed once more. */
    @Override
    FloatArray backwardLse(Tasks tasks, DeviceArrays a, List<Object> scratch) {
        Tiling t = tiling(FlashForward.class);
        IntArray shape = arguments.shape(BlockLists.ofQueries(spec, t));
        long groups = FMA.groups(t, (long) spec.batch() * spec.heads(), spec.seqQ());
        FloatArray out = new FloatArray(a.out.size());
        FloatArray lse = new FloatArray(a.lse.size());
        tasks.parameters(arguments.transfer(), shape)
                .task("again", Stage.grid(FMA.kernel(), groups, t, limits), g -> g.task("again", FlashForward::forward,
                        new KernelContext(),
                        a.q.floats(), a.k.floats(), a.v.floats(), out, lse, shape, arguments.numbers(), a.bias.floats(), a.mask,
                                spec.headDim(),
                        t.blocks(), t.threads(), t.slices(spec.headDim()), arguments.options()));
        Collections.addAll(scratch, out, lse);
        return lse;
    }

    /** Longs of a packed matrix with the heads and rows of k. */
    private int packedLongs() {
        int rows = Math.ceilDiv(spec.seqK(), TensorPack.ROWS) * TensorPack.ROWS;
        return Math.toIntExact((long) spec.batch() * spec.kvHeads() * rows * spec.headDim() / 4 * PARTS);
    }

    @Override
    long forwardExtraBytes() {
        long heads = (long) spec.batch() * (spec.heads() + 2L * spec.kvHeads());
        return 2L * Long.BYTES * packedLongs() + Float.BYTES * heads * (SplitScales.PIECES + 1);
    }

    @Override
    long backwardExtraBytes() {
        return super.backwardExtraBytes() + bytes(spec.qShape()) + bytes(spec.lseShape());
    }

    @Override
    long largestExtra() {
        return Math.max(super.largestExtra(), (long) Long.BYTES * packedLongs());
    }

    @Override
    List<String> forwardKernels() {
        return List.of(SplitScales.class.getSimpleName(), SplitPack.class.getSimpleName(), FORWARD.kernel());
    }

    @Override
    List<String> backwardKernels() {
        return Stream.concat(Stream.of(FMA.kernel()), super.backwardKernels().stream()).toList();
    }
}
