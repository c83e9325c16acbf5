package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.Broadcast;
import io.github.tornadoattention.host.DenseMask;
import io.github.tornadoattention.kernels.Dropout;
import io.github.tornadoattention.kernels.Options;
import io.github.tornadoattention.kernels.Shape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** A spec as the kernels take it: the arrays that carry lengths, strides, lists and numbers, and the option bits. */
final class Arguments {
    private final AttentionSpec spec;
    private final FloatArray numbers;
    private final int options;
    private final List<IntArray> shapes = new ArrayList<>();

    Arguments(AttentionSpec spec) {
        this.spec = spec;
        this.numbers = numbers(spec);
        this.options = options(spec);
    }

    /** Scale, slopes and the like, the same for all kernels. */
    FloatArray numbers() {
        return numbers;
    }

    /** The option bits. */
    int options() {
        return options;
    }

    /** The option bits of a spec. */
    static int options(AttentionSpec spec) {
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
        if (spec.biasShape() != null) {
            options |= Options.BIAS;
        }
        if (spec.maskShape() != null) {
            options |= Options.MASK;
        }
        if (spec.dropout() > 0) {
            options |= Options.DROPOUT;
        }
        return options;
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
        tables(shape, spec.biasShape(), spec.maskShape(), spec.seqQ(), spec.seqK());
        return ofCalls(shape);
    }

    /** Says where the elements of a bias and a mask of these shapes are, which are for so many queries and keys. */
    static void tables(IntArray shape, int @Nullable [] biasShape, int @Nullable [] maskShape, int queries, int keys) {
        if (biasShape != null) {
            Broadcast strides = Broadcast.of(biasShape);
            shape.set(Shape.BIAS_BATCH_STRIDE, strides.batch());
            shape.set(Shape.BIAS_HEAD_STRIDE, strides.head());
            shape.set(Shape.BIAS_QUERY_STRIDE, strides.query());
            shape.set(Shape.BIAS_KEY_STRIDE, strides.key());
            shape.set(Shape.BIAS_QUERIES, queries);
            shape.set(Shape.BIAS_KEYS, keys);
        }
        if (maskShape != null) {
            Broadcast strides = DenseMask.strides(maskShape);
            shape.set(Shape.MASK_BATCH_STRIDE, strides.batch());
            shape.set(Shape.MASK_HEAD_STRIDE, strides.head());
            shape.set(Shape.MASK_QUERY_STRIDE, strides.query());
            shape.set(Shape.MASK_KEY_STRIDE, maskShape[3] == 1 ? 0 : 1);
        }
    }

    /** A {@code shape} array, which {@link #call} fills in from now on; it knows what is dropped. */
    IntArray ofCalls(IntArray shape) {
        shape.set(Shape.DROPOUT_THRESHOLD, Dropout.threshold(spec.dropout()));
        shapes.add(shape);
        return shape;
    }

    /** Puts what belongs to a call into all {@code shape} arrays. */
    void call(AttentionInputs inputs) {
        for (IntArray shape : shapes) {
            shape.set(Shape.SEED_LOW, (int) inputs.seed());
            shape.set(Shape.SEED_HIGH, (int) (inputs.seed() >>> 32));
            shape.set(Shape.DROPOUT_OFFSET, inputs.dropoutOffset());
            shape.set(Shape.FIRST_HEAD, inputs.firstEntry() * spec.heads());
        }
    }

    /** When {@code shape} arrays go to the device: with every call only if {@link #call} changes something that kernels read. */
    int transfer() {
        return spec.dropout() > 0 ? DataTransferMode.EVERY_EXECUTION : DataTransferMode.FIRST_EXECUTION;
    }

    private static FloatArray numbers(AttentionSpec spec) {
        FloatArray numbers = new FloatArray(Shape.SLOPES + spec.heads());
        numbers.set(Shape.SCALE, (float) spec.scale());
        numbers.set(Shape.SOFTCAP, (float) spec.softcap());
        numbers.set(Shape.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY);
        numbers.set(Shape.KEEP_FACTOR, (float) (1 / (1 - spec.dropout())));
        for (int h = 0; h < spec.heads(); h++) {
            numbers.set(Shape.SLOPES + h, spec.alibiSlope(h));
        }
        return numbers;
    }
}
