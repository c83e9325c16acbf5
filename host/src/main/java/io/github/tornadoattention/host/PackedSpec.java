package io.github.tornadoattention.host;

import java.util.function.UnaryOperator;

/**
 * Sequences of different lengths, one behind the other, without padding: queries {@code [totalQ, heads, headDim]}, keys and
 * values {@code [totalK, kvHeads, headDim]}, as FlashAttention's variable-length functions take them. Each sequence attends to
 * itself alone; its own lengths are N and M for causal, window and ALiBi. Dropout counts it as batch entry b, and its queries and
 * keys from 0 on, so that it drops the pairs that the sequence would drop in a dense batch.
 *
 * <p>Sequence b has queries {@code cuSeqlensQ[b] <= i < cuSeqlensQ[b + 1]} and keys {@code cuSeqlensK[b] <= j < cuSeqlensK[b +
 * 1]}. Either may be none.
 *
 * <p>Block masks, dense masks and biases, whose shapes are those of one N and one M, are refused; FlashAttention's functions have
 * none either. A padded batch with key lengths takes them.
 */
public final class PackedSpec {
    private final int[] cuSeqlensQ;
    private final int[] cuSeqlensK;
    private final UnaryOperator<SpecBuilder> options;
    private final AttentionSpec longest;

    private PackedSpec(int[] cuSeqlensQ, int[] cuSeqlensK, int heads, int headDim, UnaryOperator<SpecBuilder> options) {
        this.cuSeqlensQ = checked("cuSeqlensQ", cuSeqlensQ);
        this.cuSeqlensK = checked("cuSeqlensK", cuSeqlensK);
        this.options = options;
        SpecChecks.require(cuSeqlensQ.length == cuSeqlensK.length, "cuSeqlensQ has %d numbers, cuSeqlensK %d",
                cuSeqlensQ.length, cuSeqlensK.length);
        this.longest = options.apply(
                AttentionSpec.builder(1, heads, longest(cuSeqlensQ), headDim).seqK(longest(cuSeqlensK))).build();
        SpecChecks.require(longest.batch() == 1 && longest.heads() == heads && longest.seqQ() == longest(cuSeqlensQ)
                && longest.seqK() == longest(cuSeqlensK), "the sizes of a packed batch follow from its lengths");
        SpecChecks.require(longest.keyLengths() == null,
                "a packed batch has no key lengths: cuSeqlensK says how many keys there are");
        SpecChecks.require(longest.blockMask() == null,
                "a packed batch has no block mask: its blocks would be other ones for each sequence; use a padded batch");
        SpecChecks.require(longest.maskShape() == null && longest.biasShape() == null,
                "a packed batch has neither mask nor bias: their lengths are those of one sequence; use a padded batch");
        requireAddressable("q", totalQ(), heads, headDim);
        requireAddressable("k", totalK(), longest.kvHeads(), headDim);
    }

    /**
     * A packed batch.
     *
     * @param cuSeqlensQ where the queries of each sequence begin, and the total: 0 first, never falling (copied)
     * @param cuSeqlensK likewise for keys
     * @param heads query heads
     * @param headDim length of one query, key or value
     * @param options the options of every sequence: kvHeads, scale, causal, window, softcap, ALiBi, dropout,
     *     dtype
     * @throws IllegalArgumentException if something is illegal; the message names the numbers
     */
    public static PackedSpec of(int[] cuSeqlensQ, int[] cuSeqlensK, int heads, int headDim, UnaryOperator<SpecBuilder> options) {
        return new PackedSpec(cuSeqlensQ.clone(), cuSeqlensK.clone(), heads, headDim, options);
    }

    private static int[] checked(String name, int[] starts) {
        SpecChecks.require(starts.length >= 2, "%s has %d numbers, must have one more than there are sequences", name,
                starts.length);
        SpecChecks.require(starts[0] == 0, "%s starts with %d, must start with 0", name, starts[0]);
        for (int b = 1; b < starts.length; b++) {
            SpecChecks.require(starts[b] >= starts[b - 1], "%s falls from %d to %d", name, starts[b - 1], starts[b]);
        }
        SpecChecks.require(starts[starts.length - 1] >= 1, "%s ends with 0: there is nothing to compute", name);
        return starts;
    }

    private static void requireAddressable(String name, int total, int heads, int headDim) {
        SpecChecks.require((long) total * heads <= Integer.MAX_VALUE && (long) total * heads * headDim <= Integer.MAX_VALUE,
                "%s of shape [%d, %d, %d] has 2^31 elements or more, which is too many", name, total, heads, headDim);
    }

    private static int longest(int[] starts) {
        int longest = 1;
        for (int b = 1; b < starts.length; b++) {
            longest = Math.max(longest, starts[b] - starts[b - 1]);
        }
        return longest;
    }

    /** The number of sequences. */
    public int sequences() {
        return cuSeqlensQ.length - 1;
    }

    /** The first query of a sequence; for {@link #sequences} their number. */
    public int startQ(int b) {
        return cuSeqlensQ[b];
    }

    /** The first key of a sequence; for {@link #sequences} their number. */
    public int startK(int b) {
        return cuSeqlensK[b];
    }

    /** The queries of a sequence. */
    public int lengthQ(int b) {
        return cuSeqlensQ[b + 1] - cuSeqlensQ[b];
    }

    /** The keys of a sequence. */
    public int lengthK(int b) {
        return cuSeqlensK[b + 1] - cuSeqlensK[b];
    }

    /** The queries of all sequences. */
    public int totalQ() {
        return cuSeqlensQ[sequences()];
    }

    /** The keys of all sequences. */
    public int totalK() {
        return cuSeqlensK[sequences()];
    }

    /** One sequence with as many queries and keys as the longest ones have: heads, head dim and options are those of all. */
    public AttentionSpec longest() {
        return longest;
    }

    /**
     * So many sequences of these lengths as a dense batch.
     *
     * @throws IllegalArgumentException if a length is 0
     */
    public AttentionSpec dense(int batch, int seqQ, int seqK) {
        return options.apply(AttentionSpec.builder(batch, longest.heads(), seqQ, longest.headDim()).seqK(seqK)).build();
    }

    /** The number of visible (query, key) pairs over all sequences and query heads. */
    public long visiblePairs() {
        long pairs = 0;
        for (int b = 0; b < sequences(); b++) {
            pairs += lengthQ(b) == 0 || lengthK(b) == 0 ? 0 : dense(1, lengthQ(b), lengthK(b)).visiblePairs();
        }
        return pairs;
    }

    /** {@code [totalQ, heads, headDim]}: the shape of q, out, dOut and dq. */
    public int[] qShape() {
        return new int[] {totalQ(), longest.heads(), longest.headDim()};
    }

    /** {@code [totalK, kvHeads, headDim]}: the shape of k, v, dk and dv. */
    public int[] kvShape() {
        return new int[] {totalK(), longest.kvHeads(), longest.headDim()};
    }

    /** {@code [heads, totalQ]}: the shape of lse. */
    public int[] lseShape() {
        return new int[] {longest.heads(), totalQ()};
    }

    @Override
    public String toString() {
        return "%d packed sequences, %d queries and %d keys, the longest [%s]".formatted(sequences(), totalQ(), totalK(),
                longest);
    }
}
