package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.kernels.RowDots;
import io.github.tornadoattention.kernels.SplitBackwardKeys;
import io.github.tornadoattention.kernels.SplitBackwardQueries;
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

/** Flash attention of float32 tensors on tensor cores, two float16 for each number. */
final class SplitPlan extends FlashPlan {
    private static final Contract FORWARD = Contract.of(SplitForward.class);
    private static final Contract QUERIES = Contract.of(SplitBackwardQueries.class);
    private static final Contract KEYS = Contract.of(SplitBackwardKeys.class);
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
                && Stream.of(SplitForward.class, SplitBackwardQueries.class, SplitBackwardKeys.class)
                        .noneMatch(kernel -> TileTable.fitting(kernel, spec.headDim(), blockSize, device.limits()).isEmpty());
    }

    @Override
    Stage forwardStage(DeviceArrays a) {
        Tiling t = tiling(SplitForward.class);
        IntArray shape = arguments.shape(BlockLists.ofQueries(spec, t));
        long groups = FORWARD.groups(t, (long) spec.batch() * spec.heads(), spec.seqQ());
        LongArray k = new LongArray(packedLongs(0));
        LongArray v = new LongArray(packedLongs(0));
        Tasks tasks = new Tasks("split")
                .parameters(arguments.transfer(), shape)
                .constants(arguments.numbers())
                .inputs(a.q, a.k, a.v);
        List<Object> scratch = new ArrayList<>(List.of(k, v));
        FloatArray scalesQ = scales(tasks, "Q", a.q.floats(), shape, 1, scratch);
        FloatArray scalesK = scales(tasks, "K", a.k.floats(), shape, 0, scratch);
        FloatArray scalesV = scales(tasks, "V", a.v.floats(), shape, 0, scratch);
        return tasks
                .task("columns", Stage.rows(packedLongs(0) / PARTS / 2), g -> g.task("columns", SplitPack::columns,
                        new KernelContext(), a.k.floats(), scalesK, k, shape, spec.headDim(), 0))
                .task("rows", Stage.rows(packedLongs(0) / PARTS), g -> g.task("rows", SplitPack::rows, new KernelContext(),
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

    @Override
    Stage backwardStage(DeviceArrays a, DeviceArrays.GradientArrays g) {
        Tiling tq = tiling(SplitBackwardQueries.class);
        Tiling tk = tiling(SplitBackwardKeys.class);
        IntArray shapeQ = arguments.shape(BlockLists.ofQueries(spec, tq));
        IntArray shapeK = arguments.shape(BlockLists.ofKeys(spec, tk));
        long queryGroups = QUERIES.groups(tq, (long) spec.batch() * spec.heads(), spec.seqQ());
        long keyGroups = KEYS.groups(tk, (long) spec.batch() * spec.kvHeads(), spec.seqK());
        FloatArray dOut = g.dOut().floats();
        Tasks tasks = new Tasks("splitBackward")
                .parameters(arguments.transfer(), shapeQ, shapeK)
                .constants(arguments.numbers())
                .inputs(a.q, a.k, a.v, a.out, a.lse, g.dOut())
                .task("rowDots", Stage.rows((long) spec.batch() * spec.heads() * spec.seqQ()), graph -> graph.task("rowDots",
                        RowDots::rowDots, new KernelContext(), a.out.floats(), dOut, g.delta(), shapeQ, spec.headDim()));
        List<Object> scratch = new ArrayList<>(List.of(g.delta()));
        FloatArray scalesQ = scales(tasks, "Q", a.q.floats(), shapeQ, 1, scratch);
        FloatArray scalesK = scales(tasks, "K", a.k.floats(), shapeQ, 0, scratch);
        FloatArray scalesV = scales(tasks, "V", a.v.floats(), shapeQ, 0, scratch);
        FloatArray scalesD = scales(tasks, "D", dOut, shapeQ, 1, scratch);
        LongArray qColumns = columns(tasks, "Q", a.q.floats(), scalesQ, shapeQ, 1, scratch);
        LongArray qRows = rows(tasks, "Q", a.q.floats(), scalesQ, shapeQ, 1, 1, scratch);
        LongArray dColumns = columns(tasks, "D", dOut, scalesD, shapeQ, 1, scratch);
        LongArray dRows = rows(tasks, "D", dOut, scalesD, shapeQ, 1, 0, scratch);
        LongArray kColumns = columns(tasks, "K", a.k.floats(), scalesK, shapeQ, 0, scratch);
        LongArray kRows = rows(tasks, "K", a.k.floats(), scalesK, shapeQ, 0, 1, scratch);
        LongArray vColumns = columns(tasks, "V", a.v.floats(), scalesV, shapeQ, 0, scratch);
        return tasks
                .task("keys", Stage.grid(KEYS.kernel(), keyGroups, tk, limits), graph -> graph.task("keys",
                        SplitBackwardKeys::backward, new KernelContext(), a.k.floats(), a.v.floats(), qColumns, qRows, dColumns,
                        dRows, a.lse.floats(), g.delta(), scalesQ, scalesK, scalesV, scalesD, g.dk().floats(), g.dv().floats(),
                        shapeK, arguments.numbers(), spec.headDim(), tk.blocks(), arguments.options()))
                .task("queries", Stage.grid(QUERIES.kernel(), queryGroups, tq, limits), graph -> graph.task("queries",
                        SplitBackwardQueries::backward, new KernelContext(), a.q.floats(), dOut, kColumns, kRows, vColumns,
                        a.lse.floats(), g.delta(), scalesQ, scalesK, scalesV, scalesD, g.dq().floats(), shapeQ,
                        arguments.numbers(), spec.headDim(), tq.blocks(), arguments.options()))
                .scratch(scratch.toArray())
                .outputs(g.dq(), g.dk(), g.dv())
                .stage(device, profiled());
    }

    /** A new matrix with another packed as {@link SplitPack#columns}. */
    private LongArray columns(Tasks tasks, String name, FloatArray matrix, FloatArray scales, IntArray shape, int queries,
            List<Object> scratch) {
        LongArray packed = new LongArray(packedLongs(queries));
        tasks.task("columns" + name, Stage.rows(packed.getSize() / PARTS / 2), g -> g.task("columns" + name, SplitPack::columns,
                new KernelContext(), matrix, scales, packed, shape, spec.headDim(), queries));
        scratch.add(packed);
        return packed;
    }

    /** A new matrix with another packed as {@link SplitPack#rows}. */
    private LongArray rows(Tasks tasks, String name, FloatArray matrix, FloatArray scales, IntArray shape, int queries,
            int finite, List<Object> scratch) {
        LongArray packed = new LongArray(packedLongs(queries));
        tasks.task("rows" + name, Stage.rows(packed.getSize() / PARTS), g -> g.task("rows" + name, SplitPack::rows,
                new KernelContext(), matrix, scales, packed, shape, spec.headDim(), queries, finite));
        scratch.add(packed);
        return packed;
    }

    /** Longs of a packed matrix with the heads and rows of q (1), or of k (0). */
    private int packedLongs(int queries) {
        int rows = Math.ceilDiv(queries != 0 ? spec.seqQ() : spec.seqK(), TensorPack.ROWS) * TensorPack.ROWS;
        return Math.toIntExact((long) spec.batch() * (queries != 0 ? spec.heads() : spec.kvHeads()) * rows * spec.headDim() / 4
                * PARTS);
    }

    @Override
    long forwardExtraBytes() {
        long heads = (long) spec.batch() * (spec.heads() + 2L * spec.kvHeads());
        return 2L * Long.BYTES * packedLongs(0) + Float.BYTES * (heads * (SplitScales.PIECES + 1) + 2);
    }

    @Override
    long backwardExtraBytes() {
        long heads = 2L * spec.batch() * (spec.heads() + spec.kvHeads());
        return bytes(spec.lseShape()) + 4L * Long.BYTES * packedLongs(1) + 3L * Long.BYTES * packedLongs(0)
                + Float.BYTES * heads * (SplitScales.PIECES + 1);
    }

    @Override
    long largestExtra() {
        return Math.max(bytes(spec.lseShape()), (long) Long.BYTES * Math.max(packedLongs(1), packedLongs(0)));
    }

    @Override
    List<String> forwardKernels() {
        return List.of(SplitScales.class.getSimpleName(), SplitPack.class.getSimpleName(), FORWARD.kernel());
    }

    @Override
    List<String> backwardKernels() {
        return List.of(RowDots.class.getSimpleName(), SplitScales.class.getSimpleName(), SplitPack.class.getSimpleName(),
                KEYS.kernel(), QUERIES.kernel());
    }
}
