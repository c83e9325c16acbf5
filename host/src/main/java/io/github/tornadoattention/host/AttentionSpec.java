package io.github.tornadoattention.host;

import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What to compute: shapes and options of one attention, checked once, immutable. Build it with {@link #builder}.
 *
 * <p>Query {@code i} of entry {@code b} and head {@code h} sees key {@code j} iff causal, window, key length and block
 * mask all allow it ({@link #visible}), and the mask and the bias of the call too ({@link AttentionInputs}). The score of
 * a visible pair is {@code s = scale * dot(q_i, k_j)}, then {@code softcap * tanh(s / softcap)} if there is a softcap,
 * then {@code - slope_h * |i + diagonal - j|} if there are ALiBi slopes, then plus the bias. With dropout, a probability
 * counts {@code 1 / (1 - dropout)} times or not at all, drawn by Philox from the call's seed and offset, the query, the key
 * and the head.
 *
 * @param batch entries of the batch
 * @param heads query heads
 * @param kvHeads key and value heads; divides {@code heads}; query head {@code h} reads head {@code h / (heads / kvHeads)}
 * @param seqQ queries
 * @param seqK keys
 * @param headDim length of one query, key or value, 1..256
 * @param scale factor on the dot products
 * @param causal whether, and along which diagonal, later keys are hidden
 * @param windowLeft keys seen to the left of the diagonal, -1 = all
 * @param windowRight keys seen to the right of the diagonal, -1 = all
 * @param keyLengths for each entry of the batch the number of keys that exist, 0..seqK; null = all exist (copied)
 * @param softcap bound on the scores, 0 = none
 * @param alibiSlopes a slope for each query head, null = no ALiBi (copied)
 * @param blockMask the blocks that are computed, null = all
 * @param maskShape shape of the mask that comes with each call, {@code [batch or 1, heads or 1, seqQ or 1, seqK or 1]};
 *     null = no mask (copied)
 * @param biasShape likewise of the bias that is added to the scores
 * @param dropout the probability with which dropout drops a pair, 0 = no dropout, below 1
 * @param dtype the type of q, k, v, out and their gradients; lse is always float32
 */
public record AttentionSpec(
        int batch,
        int heads,
        int kvHeads,
        int seqQ,
        int seqK,
        int headDim,
        double scale,
        Causal causal,
        int windowLeft,
        int windowRight,
        int @Nullable [] keyLengths,
        double softcap,
        float @Nullable [] alibiSlopes,
        @Nullable BlockMask blockMask,
        int @Nullable [] maskShape,
        int @Nullable [] biasShape,
        double dropout,
        DType dtype) {

    /** The largest head dim. */
    public static final int MAX_HEAD_DIM = 256;

    /** A bound that {@link #leftBound} and {@link #rightBound} return where nothing limits the sight. */
    public static final int UNBOUNDED = Integer.MAX_VALUE / 2;

    /**
     * Checks everything and copies the arrays.
     *
     * @throws IllegalArgumentException if something is illegal; the message names the numbers
     */
    public AttentionSpec {
        keyLengths = keyLengths == null ? null : keyLengths.clone();
        alibiSlopes = alibiSlopes == null ? null : alibiSlopes.clone();
        maskShape = maskShape == null ? null : maskShape.clone();
        biasShape = biasShape == null ? null : biasShape.clone();
        SpecChecks.requireSizes(batch, heads, kvHeads, seqQ, seqK, headDim);
        SpecChecks.requireScale(scale);
        SpecChecks.requireWindow(windowLeft, windowRight);
        SpecChecks.requireSoftcap(softcap);
        SpecChecks.requireKeyLengths(keyLengths, batch, seqK);
        SpecChecks.requireSlopes(alibiSlopes, heads);
        SpecChecks.requireFits(blockMask, heads, seqQ, seqK);
        SpecChecks.requireBroadcast("mask", maskShape, batch, heads, seqQ, seqK);
        SpecChecks.requireBroadcast("bias", biasShape, batch, heads, seqQ, seqK);
        SpecChecks.requireDropout(dropout);
    }

    /**
     * Starts a spec whose other values are the usual ones: as many kv heads as heads, seqK = seqQ, scale
     * 1/sqrt(headDim), no option.
     */
    public static SpecBuilder builder(int batch, int heads, int seqQ, int headDim) {
        return new SpecBuilder(batch, heads, seqQ, headDim);
    }

    /** The key lengths (a copy), or null if all keys exist. */
    @Override
    public int @Nullable [] keyLengths() {
        return keyLengths == null ? null : keyLengths.clone();
    }

    /** The ALiBi slopes (a copy), or null if there is no ALiBi. */
    @Override
    public float @Nullable [] alibiSlopes() {
        return alibiSlopes == null ? null : alibiSlopes.clone();
    }

    /** The shape of the mask (a copy), or null if there is none. */
    @Override
    public int @Nullable [] maskShape() {
        return maskShape == null ? null : maskShape.clone();
    }

    /** The shape of the bias (a copy), or null if there is none. */
    @Override
    public int @Nullable [] biasShape() {
        return biasShape == null ? null : biasShape.clone();
    }

    /** The key that lines up with query 0: {@code seqK - seqQ}, or 0 if causal is top-left. */
    public int diagonal() {
        return causal == Causal.TOP_LEFT ? 0 : seqK - seqQ;
    }

    /** How many keys left of the diagonal are seen; {@link #UNBOUNDED} = all. */
    public int leftBound() {
        return windowLeft < 0 ? UNBOUNDED : Math.min(windowLeft, UNBOUNDED);
    }

    /** How many keys right of the diagonal are seen, causal and window taken together; {@link #UNBOUNDED} = all. */
    public int rightBound() {
        if (causal != Causal.NONE) {
            return 0;
        }
        return windowRight < 0 ? UNBOUNDED : Math.min(windowRight, UNBOUNDED);
    }

    /** The number of keys that exist for a batch entry. */
    public int keyLength(int b) {
        return keyLengths == null ? seqK : keyLengths[b];
    }

    /** The key/value head that a query head reads. */
    public int kvHead(int h) {
        return h / (heads / kvHeads);
    }

    /** The ALiBi slope of a query head, 0 without ALiBi. */
    public float alibiSlope(int h) {
        return alibiSlopes == null ? 0f : alibiSlopes[h];
    }

    /** The first key that query {@code i} may see by causal and window (inclusive); may be past the last. */
    public int firstVisible(int i) {
        return leftBound() == UNBOUNDED ? 0 : Math.clamp((long) i + diagonal() - leftBound(), 0, seqK);
    }

    /** The last key that query {@code i} of entry {@code b} may see by causal, window and key length (inclusive); -1 if none. */
    public int lastVisible(int i, int b) {
        int last = keyLength(b) - 1;
        return rightBound() == UNBOUNDED ? last : Math.clamp((long) i + diagonal() + rightBound(), -1, last);
    }

    /**
     * Whether query {@code i} of entry {@code b} and head {@code h} sees key {@code j}, as far as a call's mask and bias let it.
     */
    public boolean visible(int b, int h, int i, int j) {
        return j >= firstVisible(i)
                && j <= lastVisible(i, b)
                && (blockMask == null || blockMask.isSet(h, i / blockMask.size(), j / blockMask.size()));
    }

    /**
     * The number of visible (query, key) pairs over all entries and heads; those that a call's mask hides are computed, and
     * count.
     */
    public long visiblePairs() {
        return VisiblePairs.count(this);
    }

    /** The number of keys that query {@code i} of entry {@code b} and query head {@code h} sees. */
    public long visibleKeys(int b, int h, int i) {
        return VisiblePairs.keys(this, b, h, i);
    }

    /** Floating-point operations of the forward pass by the field's formula: 4 · headDim for each visible pair. */
    public double forwardFlops() {
        return 4.0 * headDim * visiblePairs();
    }

    /** The same with inputs and outputs of another type. */
    public AttentionSpec withDtype(DType type) {
        return new AttentionSpec(batch, heads, kvHeads, seqQ, seqK, headDim, scale, causal, windowLeft,
                windowRight, keyLengths, softcap,
                alibiSlopes, blockMask, maskShape, biasShape, dropout, type);
    }

    /** {@code [batch, heads, seqQ, headDim]}: the shape of q, out, dOut and dq. */
    public int[] qShape() {
        return new int[] {batch, heads, seqQ, headDim};
    }

    /** {@code [batch, kvHeads, seqK, headDim]}: the shape of k, v, dk and dv. */
    public int[] kvShape() {
        return new int[] {batch, kvHeads, seqK, headDim};
    }

    /** {@code [batch, heads, seqQ]}: the shape of lse. */
    public int[] lseShape() {
        return new int[] {batch, heads, seqQ};
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof AttentionSpec s
                && batch == s.batch
                && heads == s.heads
                && kvHeads == s.kvHeads
                && seqQ == s.seqQ
                && seqK == s.seqK
                && headDim == s.headDim
                && Double.compare(scale, s.scale) == 0
                && causal == s.causal
                && windowLeft == s.windowLeft
                && windowRight == s.windowRight
                && Arrays.equals(keyLengths, s.keyLengths)
                && Double.compare(softcap, s.softcap) == 0
                && Arrays.equals(alibiSlopes, s.alibiSlopes)
                && Objects.equals(blockMask, s.blockMask)
                && Arrays.equals(maskShape, s.maskShape)
                && Arrays.equals(biasShape, s.biasShape)
                && Double.compare(dropout, s.dropout) == 0
                && dtype == s.dtype;
    }

    @Override
    public int hashCode() {
        return Objects.hash(batch, heads, kvHeads, seqQ, seqK, headDim, scale, causal, windowLeft, windowRight,
                Arrays.hashCode(keyLengths), softcap, Arrays.hashCode(alibiSlopes), blockMask,
                Arrays.hashCode(maskShape), Arrays.hashCode(biasShape), dropout, dtype);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("b%d h%d".formatted(batch, heads));
        text.append(kvHeads == heads ? "" : "/" + kvHeads);
        text.append(seqK == seqQ ? " n" + seqQ : " n%dx%d".formatted(seqQ, seqK));
        text.append(" d").append(headDim);
        text.append(causal == Causal.NONE ? "" : " causal " + (causal == Causal.TOP_LEFT ? "top-left" : "bottom-right"));
        text.append(windowLeft < 0 && windowRight < 0 ? "" : " window %d,%d".formatted(windowLeft, windowRight));
        text.append(keyLengths == null ? "" : " key lengths " + Arrays.toString(keyLengths));
        text.append(alibiSlopes == null ? "" : " alibi");
        text.append(softcap == 0 ? "" : " softcap " + softcap);
        text.append(blockMask == null ? "" : " " + blockMask);
        text.append(maskShape == null ? "" : " mask " + Arrays.toString(maskShape));
        text.append(biasShape == null ? "" : " bias " + Arrays.toString(biasShape));
        text.append(dropout == 0 ? "" : " dropout " + dropout);
        text.append(dtype == DType.FP32 ? "" : " " + dtype);
        return text.append(" scale ").append(scale).toString();
    }
}
