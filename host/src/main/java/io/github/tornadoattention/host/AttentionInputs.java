package io.github.tornadoattention.host;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What one call works on: everything that may change from call to call without making an {@link Attention} anew.
 *
 * @param q queries, {@code [batch, heads, seqQ, headDim]}
 * @param k keys, {@code [batch, kvHeads, seqK, headDim]}
 * @param v values, {@code [batch, kvHeads, seqK, headDim]}
 * @param mask which pairs are visible, as far as the spec's other options let them; null where the spec has no {@code maskShape}
 * @param bias is added to the scores, after scale and softcap, float32; null where the spec has no {@code biasShape}. Negative
 *     infinity hides its pair, as a mask does. NaN and positive infinity make the query's row NaN.
 * @param seed seed of the dropout; without dropout it means nothing
 * @param dropoutOffset offset of the dropout, an unsigned 32-bit number: another one for each step of a training
 * @param firstEntry what the dropout counts the first batch entry as: not 0 where this batch is a part of a larger one, and is to
 *     drop the same pairs as that one would
 */
public record AttentionInputs(
        Tensor q, Tensor k, Tensor v, @Nullable DenseMask mask, @Nullable Tensor bias, long seed,
        int dropoutOffset, int firstEntry) {
    /** Queries, keys and values alone. */
    public static AttentionInputs of(Tensor q, Tensor k, Tensor v) {
        return new AttentionInputs(q, k, v, null, null, 0, 0, 0);
    }

    /** The same with another mask, or none. */
    public AttentionInputs withMask(@Nullable DenseMask mask) {
        return new AttentionInputs(q, k, v, mask, bias, seed, dropoutOffset, firstEntry);
    }

    /** The same with another bias, or none. */
    public AttentionInputs withBias(@Nullable Tensor bias) {
        return new AttentionInputs(q, k, v, mask, bias, seed, dropoutOffset, firstEntry);
    }

    /** The same with another seed and offset of the dropout. */
    public AttentionInputs withSeed(long seed, int dropoutOffset) {
        return new AttentionInputs(q, k, v, mask, bias, seed, dropoutOffset, firstEntry);
    }

    /** The same as a part of a larger batch, whose entries from this one on they are; for the dropout. */
    public AttentionInputs withFirstEntry(int entry) {
        return new AttentionInputs(q, k, v, mask, bias, seed, dropoutOffset, entry);
    }

    /**
     * Checks shapes and dtypes.
     *
     * @throws IllegalArgumentException if one is another one than the spec's
     */
    void requireFit(AttentionSpec spec) {
        q.require("q", spec.qShape(), spec.dtype());
        k.require("k", spec.kvShape(), spec.dtype());
        v.require("v", spec.kvShape(), spec.dtype());
        requireFit("mask", mask == null ? null : mask.shape(), spec.maskShape());
        requireFit("bias", bias == null ? null : bias.shape(), spec.biasShape());
        if (bias != null) {
            bias.require("bias", bias.shape(), DType.FP32);
        }
        requireFirstEntry(spec.batch(), spec.heads());
    }

    /** The dropout counts heads of entries in an int. */
    void requireFirstEntry(int batch, int heads) {
        if (firstEntry < 0 || ((long) firstEntry + batch) * heads > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "firstEntry is %d, must be at least 0, and with %d entries of %d heads below 2^31 heads"
                    .formatted(firstEntry, batch, heads));
        }
    }

    private static void requireFit(String name, int @Nullable [] given, int @Nullable [] expected) {
        if (!Arrays.equals(given, expected)) {
            throw new IllegalArgumentException("%s, %s".formatted(
                    given == null ? "there is no " + name : "%s has shape %s".formatted(name, Arrays.toString(given)),
                    expected == null
                            ? "the spec has none; %sShape of its builder sets one".formatted(name)
                            : "the spec needs %s".formatted(Arrays.toString(expected))));
        }
    }
}
