package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.kernels.Options;
import io.github.tornadoattention.kernels.Shape;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** A spec as the kernels take it: the arrays that carry lengths, strides, lists and numbers, and the option bits. */
record Arguments(AttentionSpec spec, FloatArray numbers, int options) {
    static Arguments of(AttentionSpec spec) {
        int options = 0;
        if (spec.leftBound() != AttentionSpec.UNBOUNDED || spec.rightBound() != AttentionSpec.UNBOUNDED) {
            options |= Options.BAND;
        }
        if (spec.softcap() > 0) {
            options |= Options.SOFTCAP;
        }
        if (spec.alibiSlopes() != null) {
            options |= Options.ALIBI;
        }
        if (spec.blockMask() != null) {
            options |= Options.BLOCKS;
        }
        return new Arguments(spec, numbers(spec), options);
    }

    /** The {@code shape} array of one kernel, which walks these lists: the slots, then the key lengths, then the lists. */
    IntArray shape(BlockLists lists) {
        int atLists = Shape.INTS + spec.batch();
        IntArray shape = new IntArray(atLists + lists.lists().length);
        shape.set(Shape.BATCH, spec.batch());
        shape.set(Shape.HEADS, spec.heads());
        shape.set(Shape.KV_HEADS, spec.kvHeads());
        shape.set(Shape.SEQ_Q, spec.seqQ());
        shape.set(Shape.SEQ_K, spec.seqK());
        shape.set(Shape.DIAGONAL, spec.diagonal());
        shape.set(Shape.LEFT, Math.min(spec.leftBound(), Shape.UNBOUNDED));
        shape.set(Shape.RIGHT, Math.min(spec.rightBound(), Shape.UNBOUNDED));
        shape.set(Shape.Q_ROW_STRIDE, spec.headDim());
        shape.set(Shape.Q_HEAD_STRIDE, spec.seqQ() * spec.headDim());
        shape.set(Shape.Q_BATCH_STRIDE, spec.heads() * spec.seqQ() * spec.headDim());
        shape.set(Shape.K_ROW_STRIDE, spec.headDim());
        shape.set(Shape.K_HEAD_STRIDE, spec.seqK() * spec.headDim());
        shape.set(Shape.K_BATCH_STRIDE, spec.kvHeads() * spec.seqK() * spec.headDim());
        shape.set(Shape.KEY_LENGTHS, Shape.INTS);
        shape.set(Shape.LISTS, atLists);
        shape.set(Shape.LIST_HEAD_STRIDE, lists.headStride());
        BlockMask mask = spec.blockMask();
        shape.set(Shape.BLOCK_SIZE, mask == null ? 0 : mask.size());
        shape.set(Shape.BLOCK_COLUMNS, mask == null ? 0 : mask.cols());
        for (int b = 0; b < spec.batch(); b++) {
            shape.set(Shape.INTS + b, spec.keyLength(b));
        }
        for (int n = 0; n < lists.lists().length; n++) {
            shape.set(atLists + n, lists.lists()[n] + (n < lists.offsets() ? atLists : 0));
        }
        return shape;
    }

    private static FloatArray numbers(AttentionSpec spec) {
        FloatArray numbers = new FloatArray(Shape.SLOPES + spec.heads());
        numbers.set(Shape.SCALE, (float) spec.scale());
        numbers.set(Shape.SOFTCAP, (float) spec.softcap());
        numbers.set(Shape.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY);
        for (int h = 0; h < spec.heads(); h++) {
            numbers.set(Shape.SLOPES + h, spec.alibiSlope(h));
        }
        return numbers;
    }
}
