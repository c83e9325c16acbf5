package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.kernels.Options;
import io.github.tornadoattention.kernels.TensorForward;
import io.github.tornadoattention.kernels.TensorPack;
import java.util.List;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/** Flash attention of 16-bit tensors on tensor cores. */
final class TensorPlan extends FlashPlan {
    private static final Contract FORWARD = Contract.of(TensorForward.class);
    /** Head dims are multiples of this. */
    private static final int CHUNK = 16;
    private static final int MOST_CHUNKS = 8;

    private final int options;

    TensorPlan(String backend, Platform.Device device, AttentionSpec spec, boolean profiled) {
        super(backend, device, spec, profiled);
        options = arguments.options() | (spec.dtype() == DType.BF16 ? Options.BRAIN : 0);
    }

    /** Whether these kernels compute a spec on a device; others compute what they do not. */
    static boolean takes(Platform.Device device, AttentionSpec spec) {
        return device.hasTensorCores()
                && spec.dtype() != DType.FP32
                && device.has(spec.dtype())
                && spec.headDim() % CHUNK == 0
                && spec.headDim() <= MOST_CHUNKS * CHUNK
                && spec.scale() > 0
                && spec.dropout() == 0
                && !TileTable.fitting(TensorForward.class, spec.headDim(), blockSize(spec), device.limits()).isEmpty();
    }

    private static int blockSize(AttentionSpec spec) {
        return spec.blockMask() == null ? 0 : spec.blockMask().size();
    }

    @Override
    Stage forwardStage(DeviceArrays a) {
        Tiling t = tiling(TensorForward.class);
        IntArray shape = arguments.shape(BlockLists.ofQueries(spec, t));
        long groups = FORWARD.groups(t, (long) spec.batch() * spec.heads(), spec.seqQ());
        LongArray k = new LongArray(packedLongs(spec.kvHeads(), spec.seqK()));
        LongArray v = new LongArray(packedLongs(spec.kvHeads(), spec.seqK()));
        return new Tasks("tensor")
                .parameters(arguments.transfer(), shape)
                .constants(arguments.numbers())
                .bits(a.q, a.k, a.v)
                .task("packKeys", Stage.rows(k.getSize() / 4), g -> g.task("packKeys", TensorPack::columns, new KernelContext(), a.k.longs(), k, shape,
                        spec.headDim(), 0))
                .task("packValues", Stage.rows(v.getSize()), g -> g.task("packValues", TensorPack::rows, new KernelContext(), a.v.longs(), v, shape,
                        spec.headDim(), 0))
                .task("forward", Stage.grid(FORWARD.kernel(), groups, t, limits), g -> g.task("forward", TensorForward::forward, new KernelContext(),
                        a.q.longs(), k, v, a.out.ints(), a.lse.floats(), shape, arguments.numbers(), spec.headDim(), t.blocks(), options))
                .scratch(k, v)
                .outputBits(a.out)
                .outputs(a.lse)
                .stage(device, profiled());
    }

    /** Longs of a packed matrix of this many heads and rows. */
    private int packedLongs(int heads, int rows) {
        long longs = (long) spec.batch() * heads * Math.ceilDiv(rows, TensorPack.ROWS) * TensorPack.ROWS * spec.headDim() / 4;
        return Math.toIntExact(longs);
    }

    @Override
    long forwardExtraBytes() {
        return 2L * Long.BYTES * packedLongs(spec.kvHeads(), spec.seqK());
    }

    @Override
    List<String> forwardKernels() {
        return List.of(TensorPack.class.getSimpleName(), FORWARD.kernel());
    }
}
