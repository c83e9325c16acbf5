package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.kernels.Options;
import io.github.tornadoattention.kernels.Shape;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** A spec as the kernels take it: the arrays that carry lengths, strides and numbers, and the option bits. */
record Arguments(AttentionSpec spec, FloatArray numbers, IntArray keyLengths, FloatArray slopes, IntArray blocks, int options) {
    static Arguments of(AttentionSpec spec) {
        float[] slopes = spec.alibiSlopes();
        int options = 0;
        if (spec.leftBound() != AttentionSpec.UNBOUNDED || spec.rightBound() != AttentionSpec.UNBOUNDED) {
            options |= Options.BAND;
        }
        if (spec.softcap() > 0) {
            options |= Options.SOFTCAP;
        }
        if (slopes != null) {
            options |= Options.ALIBI;
        }
        if (spec.blockMask() != null) {
            options |= Options.BLOCKS;
        }
        IntArray keyLengths = new IntArray(spec.batch());
        for (int b = 0; b < spec.batch(); b++) {
            keyLengths.set(b, spec.keyLength(b));
        }
        return new Arguments(spec, numbers(spec), keyLengths, FloatArray.fromArray(slopes == null ? new float[spec.heads()] : slopes), blocks(spec), options);
    }

    /** The {@code shape} array of one kernel. {@code blockHeadStride}: from one head's rows of tile lists, or blocks of the mask, to the next. */
    IntArray shape(int blockHeadStride) {
        IntArray shape = new IntArray(Shape.INTS);
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
        shape.set(Shape.BLOCK_HEAD_STRIDE, blockHeadStride);
        BlockMask mask = spec.blockMask();
        shape.set(Shape.BLOCK_SIZE, mask == null ? 0 : mask.size());
        shape.set(Shape.BLOCK_COLUMNS, mask == null ? 0 : mask.cols());
        return shape;
    }

    /** The {@code shape} array of the kernels that test every pair against the mask itself. */
    IntArray shapeForMask() {
        BlockMask mask = spec.blockMask();
        return shape(mask == null || mask.heads() == 1 ? 0 : mask.rows() * mask.cols());
    }

    private static IntArray blocks(AttentionSpec spec) {
        BlockMask mask = spec.blockMask();
        if (mask == null) {
            return new IntArray(1);
        }
        IntArray blocks = new IntArray(mask.heads() * mask.rows() * mask.cols());
        for (int head = 0; head < mask.heads(); head++) {
            for (int row = 0; row < mask.rows(); row++) {
                for (int col = 0; col < mask.cols(); col++) {
                    blocks.set((head * mask.rows() + row) * mask.cols() + col, mask.isSet(head, row, col) ? 1 : 0);
                }
            }
        }
        return blocks;
    }

    private static FloatArray numbers(AttentionSpec spec) {
        FloatArray numbers = new FloatArray(Shape.FLOATS);
        numbers.set(Shape.SCALE, (float) spec.scale());
        numbers.set(Shape.SOFTCAP, (float) spec.softcap());
        numbers.set(Shape.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY);
        return numbers;
    }

    /** The arrays that never change between runs. */
    Object[] constants() {
        return new Object[] {numbers, keyLengths, slopes, blocks};
    }
}
