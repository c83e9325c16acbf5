package io.github.tornadoattention.host;

import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What to compute: shapes and options of one attention, checked once, immutable. Build it with {@link #builder}.
 *
 * <p>Query {@code i} of entry {@code b} and head {@code h} sees key {@code j} iff causal, window, key length and block
 * mask all allow it ({@link #visible}). The score of a visible pair is {@code s = scale * dot(q_i, k_j)}, then {@code
 * softcap * tanh(s / softcap)} if there is a softcap, then {@code - slope_h * |i + diagonal - j|} if there are ALiBi
 * slopes.
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
        @Nullable BlockMask blockMask) {

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
        requirePositive("batch", batch);
        requirePositive("heads", heads);
        requirePositive("kvHeads", kvHeads);
        requirePositive("seqQ", seqQ);
        requirePositive("seqK", seqK);
        require(headDim >= 1 && headDim <= MAX_HEAD_DIM, "headDim is %d, must be 1..%d", headDim, MAX_HEAD_DIM);
        require(heads % kvHeads == 0, "heads %d is not a multiple of kvHeads %d", heads, kvHeads);
        requireAddressable("q", batch, heads, seqQ, headDim);
        requireAddressable("k", batch, kvHeads, seqK, headDim);
        require(Float.isFinite((float) scale), "scale is %s, must be finite in float32", scale);
        require(windowLeft >= -1, "window left is %d, must be -1 (unbounded) or more", windowLeft);
        require(windowRight >= -1, "window right is %d, must be -1 (unbounded) or more", windowRight);
        require(softcap >= 0 && Float.isFinite((float) softcap),
                "softcap is %s, must be 0 (off) or positive and finite", softcap);
        require(softcap == 0 || (float) softcap > 0, "softcap is %s, too small for float32", softcap);
        if (keyLengths != null) {
            require(keyLengths.length == batch, "%d key lengths for a batch of %d", keyLengths.length, batch);
            for (int b = 0; b < batch; b++) {
                require(keyLengths[b] >= 0 && keyLengths[b] <= seqK,
                        "key length %d of batch entry %d is outside 0..%d", keyLengths[b], b, seqK);
            }
        }
        if (alibiSlopes != null) {
            require(alibiSlopes.length == heads, "%d ALiBi slopes for %d heads", alibiSlopes.length, heads);
            for (int h = 0; h < heads; h++) {
                require(Float.isFinite(alibiSlopes[h]), "ALiBi slope of head %d is %s, must be finite", h, alibiSlopes[h]);
            }
        }
        if (blockMask != null) {
            requireFits(blockMask, heads, seqQ, seqK);
        }
    }

    private static void require(boolean holds, String message, Object... numbers) {
        if (!holds) {
            throw new IllegalArgumentException(message.formatted(numbers));
        }
    }

    private static void requirePositive(String name, int number) {
        require(number >= 1, "%s is %d, must be at least 1", name, number);
    }

    private static void requireAddressable(String name, int batch, int heads, int seq, int headDim) {
        long rows = (long) batch * heads;
        boolean fits = rows <= Integer.MAX_VALUE && rows * seq <= Integer.MAX_VALUE && rows * seq * headDim <= Integer.MAX_VALUE;
        require(fits, "%s of shape [%d, %d, %d, %d] has 2^31 elements or more, which is too many",
                name, batch, heads, seq, headDim);
    }

    private static void requireFits(BlockMask mask, int heads, int seqQ, int seqK) {
        int rows = Math.ceilDiv(seqQ, mask.size());
        int cols = Math.ceilDiv(seqK, mask.size());
        require(mask.rows() == rows && mask.cols() == cols,
                "block mask has %d x %d blocks, seqQ %d and seqK %d in blocks of %d need %d x %d",
                mask.rows(), mask.cols(), seqQ, seqK, mask.size(), rows, cols);
        require(mask.heads() == 1 || mask.heads() == heads,
                "block mask has %d heads, must be 1 (shared) or %d", mask.heads(), heads);
    }

    /**
     * Starts a spec whose other values are the usual ones: as many kv heads as heads, seqK = seqQ, scale
     * 1/sqrt(headDim), no option.
     */
    public static Builder builder(int batch, int heads, int seqQ, int headDim) {
        return new Builder(batch, heads, seqQ, headDim);
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

    /** Whether query {@code i} sees key {@code j}, in entry {@code b} and query head {@code h}. */
    public boolean visible(int b, int h, int i, int j) {
        return j >= firstVisible(i)
                && j <= lastVisible(i, b)
                && (blockMask == null || blockMask.isSet(h, i / blockMask.size(), j / blockMask.size()));
    }

    /** The number of visible (query, key) pairs over all entries and query heads. */
    public long visiblePairs() {
        int masks = blockMask == null ? 1 : blockMask.heads();
        long pairs = 0;
        for (int b = 0; b < batch; b++) {
            for (int h = 0; h < masks; h++) {
                for (int i = 0; i < seqQ; i++) {
                    pairs += visibleKeys(b, h, i);
                }
            }
        }
        return pairs * (heads / masks);
    }

    /** The number of keys that query {@code i} of entry {@code b} and query head {@code h} sees. */
    public long visibleKeys(int b, int h, int i) {
        int first = firstVisible(i);
        int last = lastVisible(i, b);
        if (blockMask == null || first > last) {
            return Math.max(0, last - first + 1);
        }
        int size = blockMask.size();
        long keys = 0;
        for (int col = first / size; col <= last / size; col++) {
            if (blockMask.isSet(h, i / size, col)) {
                keys += Math.min(last, (long) col * size + size - 1) - Math.max(first, (long) col * size) + 1;
            }
        }
        return keys;
    }

    /** Floating-point operations of the forward pass by the field's formula: 4 · headDim for each visible pair. */
    public double forwardFlops() {
        return 4.0 * headDim * visiblePairs();
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
                && Objects.equals(blockMask, s.blockMask);
    }

    @Override
    public int hashCode() {
        return Objects.hash(batch, heads, kvHeads, seqQ, seqK, headDim, scale, causal, windowLeft, windowRight,
                Arrays.hashCode(keyLengths), softcap, Arrays.hashCode(alibiSlopes), blockMask);
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
        return text.append(" scale ").append(scale).toString();
    }

    /** Collects a spec; every value not named keeps its usual meaning. */
    public static final class Builder {
        private final int batch;
        private final int heads;
        private final int seqQ;
        private final int headDim;
        private int kvHeads;
        private int seqK;
        private @Nullable Double scale;
        private Causal causal = Causal.NONE;
        private int windowLeft = -1;
        private int windowRight = -1;
        private int @Nullable [] keyLengths;
        private double softcap;
        private float @Nullable [] alibiSlopes;
        private @Nullable BlockMask blockMask;

        private Builder(int batch, int heads, int seqQ, int headDim) {
            this.batch = batch;
            this.heads = heads;
            this.seqQ = seqQ;
            this.headDim = headDim;
            this.kvHeads = heads;
            this.seqK = seqQ;
        }

        /** Key/value heads: fewer than query heads means grouped queries, 1 means multi-query attention. */
        public Builder kvHeads(int number) {
            kvHeads = number;
            return this;
        }

        /** The number of keys, where it is not the number of queries. */
        public Builder seqK(int number) {
            seqK = number;
            return this;
        }

        /** The factor on the dot products, instead of {@code 1 / sqrt(headDim)}. */
        public Builder scale(double factor) {
            scale = factor;
            return this;
        }

        /** Hides later keys; the last query sees the last key. */
        public Builder causal() {
            return causal(Causal.BOTTOM_RIGHT);
        }

        /** Hides later keys along the given diagonal. */
        public Builder causal(Causal kind) {
            causal = kind;
            return this;
        }

        /** Shows only keys this far left and right of the diagonal; -1 = unbounded. */
        public Builder window(int left, int right) {
            windowLeft = left;
            windowRight = right;
            return this;
        }

        /** For each batch entry the number of keys that exist. */
        public Builder keyLengths(int... lengths) {
            keyLengths = lengths.clone();
            return this;
        }

        /** Bounds scores smoothly to (-cap, cap); 0 = off. */
        public Builder softcap(double cap) {
            softcap = cap;
            return this;
        }

        /** ALiBi with the slopes of the paper. */
        public Builder alibi() {
            requirePositive("heads", heads);
            return alibiSlopes(AlibiSlopes.of(heads));
        }

        /** ALiBi with one slope for each query head. */
        public Builder alibiSlopes(float... slopes) {
            alibiSlopes = slopes.clone();
            return this;
        }

        /** Computes only the blocks that are set. */
        public Builder blockMask(BlockMask mask) {
            blockMask = mask;
            return this;
        }

        /**
         * The spec.
         *
         * @throws IllegalArgumentException if something is illegal; the message names the numbers
         */
        public AttentionSpec build() {
            Double given = scale;
            double factor = given != null ? given : headDim > 0 ? 1.0 / Math.sqrt(headDim) : 1.0;
            return new AttentionSpec(batch, heads, kvHeads, seqQ, seqK, headDim, factor, causal, windowLeft, windowRight,
                    keyLengths, softcap, alibiSlopes, blockMask);
        }
    }
}
