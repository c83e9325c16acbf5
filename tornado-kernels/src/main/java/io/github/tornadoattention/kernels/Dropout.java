package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Which pairs dropout keeps, from {@link Philox}: key = (seed low, seed high), counter = (key / 4, query, batch * H + query head,
 * offset), word = key % 4; a pair is dropped iff its word, unsigned, is below {@code floor(p * 2^32)}. The numbers are global to
 * the sequence, so tiles, splits and backends do not matter, and the backward pass draws the same again.
 *
 * <p>Probabilities that wait for their use carry the draw in their sign: {@code -p} where the pair is dropped.
 */
public final class Dropout {
    private static final double WORDS = 4294967296.0;

    private Dropout() {
    }

    /**
     * The threshold for {@link #kept}: {@code floor(p * 2^32)} less 2^31, so that signed numbers compare as unsigned ones would.
     */
    public static int threshold(double probability) {
        return (int) (long) Math.floor(probability * WORDS) + Integer.MIN_VALUE;
    }

    /**
     * Bit n is 1 iff key {@code 4 * quad + n} is kept for the query of this batch entry and head, {@code batchHead = batch * H +
     * head}.
     */
    public static int kept(int query, int quad, int batchHead, int seedLow, int seedHigh, int offset, int threshold) {
        int[] counter = new int[4];
        counter[0] = quad;
        counter[1] = query;
        counter[2] = batchHead;
        counter[3] = offset;
        Philox.words(counter, seedLow, seedHigh);
        int bits = 0;
        for (int n = 0; n < 4; n++) {
            bits = bits + (counter[n] + Integer.MIN_VALUE >= threshold ? 1 << n : 0);
        }
        return bits;
    }

    /** Likewise, with the numbers of the call that stand in {@code shape}. */
    static int kept(int query, int quad, int batchHead, IntArray shape) {
        return kept(query + shape.get(Shape.FIRST_QUERY), quad + shape.get(Shape.FIRST_KEY) / 4,
                batchHead + shape.get(Shape.FIRST_HEAD),
            shape.get(Shape.SEED_LOW), shape.get(Shape.SEED_HIGH), shape.get(Shape.DROPOUT_OFFSET),
            shape.get(Shape.DROPOUT_THRESHOLD));
    }
}
