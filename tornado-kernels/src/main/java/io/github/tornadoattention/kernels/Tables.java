package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * What tables say of a pair: a bias, and a mask of one bit a pair, 32 keys a word. Both may be shared by all batch entries,
 * heads, queries or keys: strides are 0 then. A bias of negative infinity hides its pair as the mask does.
 */
final class Tables {
    /** The options that need a look at a table for each pair. */
    static final int ANY = Options.BIAS + Options.MASK;

    private Tables() {
    }

    /** Where the bias of an entry and a head begins. */
    static int biasBase(IntArray shape, int batch, int head) {
        return batch * shape.get(Shape.BIAS_BATCH_STRIDE) + head * shape.get(Shape.BIAS_HEAD_STRIDE);
    }

    /** Where the mask of an entry and a head begins. */
    static int maskBase(IntArray shape, int batch, int head) {
        return batch * shape.get(Shape.MASK_BATCH_STRIDE) + head * shape.get(Shape.MASK_HEAD_STRIDE);
    }

    /**
     * The score of a pair that exists, with its bias; {@code masked} if the pair is hidden, NaN if it is visible and not finite.
     */
    static float applied(int options, float score, int query, int key, FloatArray bias, int biasBase, IntArray mask, int maskBase,
            IntArray shape, float masked) {
        float s = score;
        if ((options & Options.BIAS) != 0) {
            float b = bias.get(biasBase + query * shape.get(Shape.BIAS_QUERY_STRIDE) + key * shape.get(Shape.BIAS_KEY_STRIDE));
            s = s + b;
            s = s + (s - s);
            s = b == masked ? masked : s;
        }
        if ((options & Options.MASK) != 0) {
            int bit = key * shape.get(Shape.MASK_KEY_STRIDE);
            int word = mask.get(maskBase + query * shape.get(Shape.MASK_QUERY_STRIDE) + bit / 32);
            s = ((word >> (bit % 32)) & 1) == 0 ? masked : s;
        }
        return s;
    }
}
