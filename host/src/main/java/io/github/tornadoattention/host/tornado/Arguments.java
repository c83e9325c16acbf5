package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.kernels.Options;
import io.github.tornadoattention.kernels.Shape;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** A spec as the kernels take it: the arrays that carry lengths, strides and numbers, and the option bits. */
record Arguments(IntArray shape, FloatArray numbers, IntArray keyLengths, FloatArray slopes, int options) {
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
        IntArray keyLengths = new IntArray(spec.batch());
        for (int b = 0; b < spec.batch(); b++) {
            keyLengths.set(b, spec.keyLength(b));
        }
        return new Arguments(shape(spec), numbers(spec), keyLengths, FloatArray.fromArray(slopes == null ? new float[spec.heads()] : slopes), options);
    }

    private static IntArray shape(AttentionSpec spec) {
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
        return shape;
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
        return new Object[] {shape, numbers, keyLengths, slopes};
    }
}
