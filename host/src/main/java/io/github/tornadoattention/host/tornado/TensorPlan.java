package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.kernels.BrainPack;
import io.github.tornadoattention.kernels.Fragments;
import io.github.tornadoattention.kernels.Options;
import io.github.tornadoattention.kernels.RowDots;
import io.github.tornadoattention.kernels.TensorBackwardKeys;
import io.github.tornadoattention.kernels.TensorBackwardKeysWide;
import io.github.tornadoattention.kernels.TensorBackwardQueries;
import io.github.tornadoattention.kernels.TensorForward;
import io.github.tornadoattention.kernels.TensorPack;
import java.util.List;
import java.util.stream.Stream;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/** Flash attention of 16-bit tensors on tensor cores. */
final class TensorPlan extends FlashPlan {
    private static final Contract FORWARD = Contract.of(TensorForward.class);
    private static final Contract QUERIES = Contract.of(TensorBackwardQueries.class);
    /** Head dims are multiples of this. */
    private static final int CHUNK = 16;
    private static final int MOST_CHUNKS = 8;
    /** Wider heads have a kernel of their own for dK and dV: faster from there on, see docs/performance.md. */
    private static final int NARROW = 96;
    /** What the kernels know; others compute the rest. */
    static final int OPTIONS = Options.BAND | Options.SOFTCAP | Options.ALIBI | Options.BLOCKS;

    private final int options;
    private final int exponent;
    private final Contract keys;
    private int packs;

    TensorPlan(String backend, Platform.Device device, AttentionSpec spec, boolean profiled) {
        super(backend, device, spec, profiled);
        keys = Contract.of(keysKernel(spec.headDim()));
        options = arguments.options() | (brain() ? Options.BRAIN : 0);
        exponent = brain() ? Fragments.BRAIN_EXPONENT : Fragments.HALF_EXPONENT;
    }

    private boolean brain() {
        return spec.dtype() == DType.BF16;
    }

    /** Whether these kernels compute a spec on a device; others compute what they do not. */
    static boolean takes(Platform.Device device, AttentionSpec spec) {
        return device.hasTensorCores() && device.has(spec.dtype()) && takes(device.limits(), spec);
    }

    /** Likewise on a device with tensor cores, the type and these limits. */
    static boolean takes(Limits limits, AttentionSpec spec) {
        return spec.dtype() != DType.FP32
                && spec.headDim() % CHUNK == 0
                && spec.headDim() <= MOST_CHUNKS * CHUNK
                && spec.scale() > 0
                && (Arguments.options(spec) & ~OPTIONS) == 0
                && Stream.of(TensorForward.class, TensorBackwardQueries.class, keysKernel(spec.headDim()))
                        .noneMatch(kernel -> TileTable.fitting(kernel, spec.headDim(), blockSize(spec), limits).isEmpty());
    }

    /** The kernel for dK and dV. */
    static Class<?> keysKernel(int headDim) {
        return headDim <= NARROW ? TensorBackwardKeys.class : TensorBackwardKeysWide.class;
    }

    private static int blockSize(AttentionSpec spec) {
        return spec.blockMask() == null ? 0 : spec.blockMask().size();
    }

    @Override
    Stage forwardStage(DeviceArrays a) {
        packs = 0;
        Tiling t = tiling(TensorForward.class);
        IntArray shape = arguments.shape(BlockLists.ofQueries(spec, t));
        long groups = FORWARD.groups(t, (long) spec.batch() * spec.heads(), spec.seqQ());
        FloatArray scales = new FloatArray(brain() ? 2 * spec.batch() * spec.kvHeads() : 1);
        Tasks tasks = new Tasks("tensor")
                .parameters(arguments.transfer(), shape)
                .constants(arguments.numbers())
                .bits(a.q, a.k, a.v);
        LongArray k;
        LongArray v = a.v.longs();
        if (brain()) {
            k = new LongArray(packedLongs(false));
            v = brain(tasks, a, k, scales, shape);
        } else {
            tasks.constants(scales);
            k = columns(tasks, a.k, new LongArray(packedLongs(false)), shape, false);
        }
        LongArray values = v;
        return tasks.task("forward", Stage.grid(FORWARD.kernel(), groups, t, limits),
                        g -> g.task("forward", TensorForward::forward, new KernelContext(), a.q.longs(), k, values, scales,
                                a.out.ints(), a.lse.floats(), shape, arguments.numbers(), spec.headDim(), t.blocks(), options))
                .scratch(k)
                .outputBits(a.out)
                .outputs(a.lse)
                .stage(device, profiled());
    }

    /** Packs K of bfloat16 and finds the scales of V; returns V in float16: {@link BrainPack}. */
    private LongArray brain(Tasks tasks, DeviceArrays a, LongArray k, FloatArray scales, IntArray shape) {
        IntArray maxima = new IntArray(spec.batch() * spec.kvHeads() * BrainPack.PIECES);
        LongArray halves = new LongArray(a.v.longs().getSize());
        String kernel = BrainPack.class.getSimpleName();
        tasks.task("maxima", Stage.grid(kernel, maxima.getSize(), BrainPack.GROUP, limits), g -> g.task("maxima",
                        BrainPack::maxima, new KernelContext(), a.v.longs(), maxima, scales, shape, spec.headDim()))
                .task("pack", Stage.grid(kernel, k.getSize() / 4 / BrainPack.PIECES, BrainPack.PIECES, limits),
                        g -> g.task("pack",
                        BrainPack::pack, new KernelContext(), a.k.longs(), a.v.longs(), maxima, k, halves, scales, shape,
                        spec.headDim()))
                .scratch(maxima, halves, scales);
        return halves;
    }

    @Override
    Stage backwardStage(DeviceArrays a, DeviceArrays.GradientArrays g) {
        packs = 0;
        Tiling tq = tiling(TensorBackwardQueries.class);
        Tiling tk = tiling(keysKernel(spec.headDim()));
        IntArray shapeQ = arguments.shape(BlockLists.ofQueries(spec, tq));
        IntArray shapeK = arguments.shape(BlockLists.ofKeys(spec, tk));
        long queryGroups = QUERIES.groups(tq, (long) spec.batch() * spec.heads(), spec.seqQ());
        long keyGroups = keys.groups(tk, (long) spec.batch() * spec.kvHeads(), spec.seqK());
        Tasks tasks = new Tasks("tensorBackward")
                .parameters(arguments.transfer(), shapeQ, shapeK)
                .constants(arguments.numbers())
                .inputs(a.out, a.lse, g.dOut())
                .bits(a.q, a.k, a.v, g.dOut());
        rowDots(tasks, a, g, shapeQ);
        PackedBuffers packed = new PackedBuffers(packedLongs(true), packedLongs(false));
        LongArray qColumns = columns(tasks, a.q, packed.first(), shapeQ, true);
        LongArray qRows = rows(tasks, a.q, packed.second(), shapeQ, true, true);
        LongArray dColumns = columns(tasks, g.dOut(), packed.third(), shapeQ, true);
        LongArray dRows = rows(tasks, g.dOut(), packed.fourth(), shapeQ, true, false);
        tasks.task("keys", Stage.grid(keys.kernel(), keyGroups, tk, limits), graph -> {
            if (spec.headDim() <= NARROW) {
                graph.task("keys", TensorBackwardKeys::backward, new KernelContext(), a.k.longs(), a.v.longs(), qColumns, qRows,
                        dColumns, dRows, a.lse.floats(), g.delta(), g.dk().ints(), g.dv().ints(), shapeK,
                        arguments.numbers(), spec.headDim(), tk.blocks(), options);
            } else {
                graph.task("keys", TensorBackwardKeysWide::backward, new KernelContext(), a.k.longs(), a.v.longs(), qColumns,
                        qRows, dColumns, dRows, a.lse.floats(), g.delta(), g.dk().ints(), g.dv().ints(), shapeK,
                        arguments.numbers(), spec.headDim(), tk.blocks(), options);
            }
        });
        LongArray kColumns = columns(tasks, a.k, packed.first(), shapeQ, false);
        LongArray kRows = rows(tasks, a.k, packed.second(), shapeQ, false, true);
        LongArray v = columns(tasks, a.v, packed.third(), shapeQ, false);
        return tasks
                .task("queries", Stage.grid(QUERIES.kernel(), queryGroups, tq, limits), graph -> graph.task("queries",
                        TensorBackwardQueries::backward, new KernelContext(), a.q.longs(), g.dOut().longs(), kColumns, kRows, v,
                        a.lse.floats(), g.delta(), g.dq().ints(), shapeQ,
                        arguments.numbers(), spec.headDim(), tq.blocks(), options))
                .scratch(g.delta())
                .scratch(packed.arrays())
                .outputBits(g.dq(), g.dk(), g.dv())
                .stage(device, profiled());
    }

    private void rowDots(Tasks tasks, DeviceArrays a, DeviceArrays.GradientArrays g, IntArray shape) {
        WorkerGrid rows = Stage.rowDots((long) spec.batch() * spec.heads() * spec.seqQ());
        if (a.out.array() instanceof HalfFloatArray out && g.dOut().array() instanceof HalfFloatArray dOut) {
            tasks.task("rowDots", rows, graph -> graph.task("rowDots", RowDots::rowDotsHalf, new KernelContext(), out, dOut,
                    g.delta(), shape, spec.headDim()));
        } else if (a.out.array() instanceof BFloat16Array out && g.dOut().array() instanceof BFloat16Array dOut) {
            tasks.task("rowDots", rows, graph -> graph.task("rowDots", RowDots::rowDotsBrain, new KernelContext(), out, dOut,
                    g.delta(), shape, spec.headDim()));
        }
    }

    /** Packs an operand into a matrix as {@link TensorPack#columns}. */
    private LongArray columns(Tasks tasks, Operand operand, LongArray packed, IntArray shape, boolean queries) {
        String task = "columns" + packs++;
        tasks.task(task, Stage.rows(packedLongs(queries) / 4), graph -> graph.task(task, TensorPack::columns, new KernelContext(),
                operand.longs(), packed, shape, spec.headDim(), queries ? 1 : 0, exponent));
        return packed;
    }

    /** Packs an operand into a matrix as {@link TensorPack#rows}. */
    private LongArray rows(Tasks tasks, Operand operand, LongArray packed, IntArray shape, boolean queries, boolean finite) {
        String task = "rows" + packs++;
        tasks.task(task, Stage.rows(packedLongs(queries) / 4), graph -> graph.task(task, TensorPack::rows, new KernelContext(),
                operand.longs(), packed, shape, spec.headDim(), queries ? 1 : 0, finite ? exponent : 0));
        return packed;
    }

    /** Longs of a packed matrix with the heads and rows of q, or of k. */
    private int packedLongs(boolean queries) {
        int rows = Math.ceilDiv(queries ? spec.seqQ() : spec.seqK(), TensorPack.ROWS) * TensorPack.ROWS;
        return Math.toIntExact((long) spec.batch() * (queries ? spec.heads() : spec.kvHeads()) * rows * spec.headDim() / 4);
    }

    @Override
    long forwardExtraBytes() {
        long heads = (long) spec.batch() * spec.kvHeads();
        long values = brain()
                ? Short.BYTES * heads * spec.seqK() * spec.headDim() + Float.BYTES * heads * (BrainPack.PIECES + 2)
                : Float.BYTES;
        return (long) Long.BYTES * packedLongs(false) + values;
    }

    /**
     * D, the packed matrices, and dOut once more: D is computed from its numbers, all else from its bits, an array of its own.
     */
    @Override
    long backwardExtraBytes() {
        return bytes(spec.lseShape()) + crossingBytes(spec.qShape()) + PackedBuffers.bytes(packedLongs(true), packedLongs(false));
    }

    @Override
    long largestExtra() {
        return Math.max(bytes(spec.lseShape()), (long) Long.BYTES * Math.max(packedLongs(true), packedLongs(false)));
    }

    @Override
    List<String> forwardKernels() {
        return List.of((brain() ? BrainPack.class : TensorPack.class).getSimpleName(), FORWARD.kernel());
    }

    @Override
    List<String> backwardKernels() {
        return List.of(RowDots.class.getSimpleName(), TensorPack.class.getSimpleName(), keys.kernel(), QUERIES.kernel());
    }
}
