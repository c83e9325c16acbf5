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
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
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
        return device.hasTensorCores() && takes(device.limits(), spec);
    }

    /** Likewise on a device with tensor cores and these limits. */
    static boolean takes(Limits limits, AttentionSpec spec) {
        int blockSize = spec.blockMask() == null ? 0 : spec.blockMask().size();
        return spec.dtype() == DType.FP32
                && spec.headDim() % CHUNK == 0
                && spec.headDim() <= MOST_CHUNKS * CHUNK
                && spec.scale() > 0
                && (Arguments.options(spec) & ~TensorPlan.OPTIONS) == 0
                && Stream.of(SplitForward.class, SplitBackwardQueries.class, SplitBackwardKeys.class)
                        .noneMatch(kernel -> TileTable.fitting(kernel, spec.headDim(), blockSize, limits).isEmpty());
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
        FloatArray scales = scales(tasks, values() + heads(0), scratch, (g, maxima) -> g.task("maxima", SplitScales::ofForward,
                new KernelContext(), a.q.floats(), a.k.floats(), a.v.floats(), maxima, shape, spec.headDim()));
        return tasks
                .task("columns", Stage.rows(packedLongs(0) / PARTS / 2), g -> g.task("columns", SplitPack::columns,
                        new KernelContext(), a.k.floats(), scales, k, shape, spec.headDim(), 0, heads(1)))
                .task("rows", Stage.rows(packedLongs(0) / PARTS / SplitPack.TOGETHER), g -> g.task("rows",
                        SplitPack::rows, new KernelContext(), a.v.floats(), scales, v, shape, spec.headDim(), 0, values(), 0))
                .task("forward", Stage.grid(FORWARD.kernel(), groups, t, limits), g -> g.task("forward", SplitForward::forward,
                        new KernelContext(), a.q.floats(), k, v, scales, a.out.floats(), a.lse.floats(), shape,
                        arguments.numbers(), spec.headDim(), t.blocks(), arguments.options()))
                .scratch(scratch.toArray())
                .outputs(a.out, a.lse)
                .stage(device, profiled());
    }

    /** Adds the tasks that find the scale of each of {@code heads} heads; {@code maxima} adds the first of them. */
    private FloatArray scales(Tasks tasks, int heads, List<Object> scratch, BiConsumer<TaskGraph, FloatArray> maxima) {
        FloatArray pieces = new FloatArray(heads * SplitScales.PIECES);
        FloatArray scales = new FloatArray(heads);
        String kernel = SplitScales.class.getSimpleName();
        tasks.task("maxima", Stage.grid(kernel, (long) heads * SplitScales.PIECES, SplitScales.GROUP, limits),
                        g -> maxima.accept(g, pieces))
                .task("scales", Stage.grid(kernel, heads, SplitScales.PIECES, limits), g -> g.task("scales", SplitScales::scales,
                        new KernelContext(), pieces, scales));
        Collections.addAll(scratch, pieces, scales);
        return scales;
    }

    /** How many heads q has (1), or k (0), in all entries. */
    private int heads(int queries) {
        return spec.batch() * (queries != 0 ? spec.heads() : spec.kvHeads());
    }

    /** Where the scales of v begin, behind those of q and k; those of dOut come next. */
    private int values() {
        return heads(1) + heads(0);
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
                .task("rowDots", Stage.rowDots((long) spec.batch() * spec.heads() * spec.seqQ()), graph -> graph.task("rowDots",
                        RowDots::rowDots, new KernelContext(), a.out.floats(), dOut, g.delta(), shapeQ, spec.headDim()));
        List<Object> scratch = new ArrayList<>(List.of(g.delta()));
        FloatArray scales = scales(tasks, 2 * values(), scratch, (graph, maxima) -> graph.task("maxima", SplitScales::ofBackward,
                new KernelContext(), a.q.floats(), a.k.floats(), a.v.floats(), dOut, maxima, shapeQ, spec.headDim()));
        int firstK = heads(1);
        int firstD = values() + heads(0);
        PackedBuffers packed = new PackedBuffers(packedLongs(1), packedLongs(0));
        LongArray qColumns = columns(tasks, "Q", a.q.floats(), scales, packed.first(), shapeQ, 1, 0);
        LongArray qRows = rows(tasks, "Q", a.q.floats(), scales, packed.second(), shapeQ, 1, 0, 1);
        LongArray dColumns = columns(tasks, "D", dOut, scales, packed.third(), shapeQ, 1, firstD);
        LongArray dRows = rows(tasks, "D", dOut, scales, packed.fourth(), shapeQ, 1, firstD, 0);
        tasks.task("keys", Stage.grid(KEYS.kernel(), keyGroups, tk, limits), graph -> graph.task("keys",
                SplitBackwardKeys::backward, new KernelContext(), a.k.floats(), a.v.floats(), qColumns, qRows, dColumns, dRows,
                a.lse.floats(), g.delta(), scales, g.dk().floats(), g.dv().floats(),
                shapeK, arguments.numbers(), spec.headDim(), tk.blocks(), arguments.options()));
        LongArray kColumns = columns(tasks, "K", a.k.floats(), scales, packed.first(), shapeQ, 0, firstK);
        LongArray kRows = rows(tasks, "K", a.k.floats(), scales, packed.second(), shapeQ, 0, firstK, 1);
        LongArray vColumns = columns(tasks, "V", a.v.floats(), scales, packed.third(), shapeQ, 0, values());
        Collections.addAll(scratch, packed.arrays());
        return tasks
                .task("queries", Stage.grid(QUERIES.kernel(), queryGroups, tq, limits), graph -> graph.task("queries",
                        SplitBackwardQueries::backward, new KernelContext(), a.q.floats(), dOut, kColumns, kRows, vColumns,
                        a.lse.floats(), g.delta(), scales, g.dq().floats(), shapeQ,
                        arguments.numbers(), spec.headDim(), tq.blocks(), arguments.options()))
                .scratch(scratch.toArray())
                .outputs(g.dq(), g.dk(), g.dv())
                .stage(device, profiled());
    }

    /** Packs a matrix into another as {@link SplitPack#columns}. */
    private LongArray columns(Tasks tasks, String name, FloatArray matrix, FloatArray scales, LongArray packed, IntArray shape,
            int queries, int first) {
        tasks.task("columns" + name, Stage.rows(packedLongs(queries) / PARTS / 2), g -> g.task("columns" + name,
                SplitPack::columns, new KernelContext(), matrix, scales, packed, shape, spec.headDim(), queries, first));
        return packed;
    }

    /** Packs a matrix into another as {@link SplitPack#rows}. */
    private LongArray rows(Tasks tasks, String name, FloatArray matrix, FloatArray scales, LongArray packed, IntArray shape,
            int queries, int first, int finite) {
        tasks.task("rows" + name, Stage.rows(packedLongs(queries) / PARTS / SplitPack.TOGETHER), g -> g.task("rows" + name,
                SplitPack::rows, new KernelContext(), matrix, scales, packed, shape, spec.headDim(), queries, first, finite));
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
        return 2L * Long.BYTES * packedLongs(0) + scaleBytes(values() + heads(0)) + 2L * Float.BYTES;
    }

    @Override
    long backwardExtraBytes() {
        return bytes(spec.lseShape()) + PackedBuffers.bytes(packedLongs(1), packedLongs(0)) + scaleBytes(2L * values());
    }

    private static long scaleBytes(long heads) {
        return Float.BYTES * heads * (SplitScales.PIECES + 1);
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
