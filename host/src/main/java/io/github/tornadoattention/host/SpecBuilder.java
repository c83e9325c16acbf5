package io.github.tornadoattention.host;

import org.jspecify.annotations.Nullable;

/** Collects an {@link AttentionSpec}; every value not named keeps its usual meaning. */
public final class SpecBuilder {
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
    private int @Nullable [] maskShape;
    private int @Nullable [] biasShape;
    private double dropout;
    private DType dtype = DType.FP32;

    SpecBuilder(int batch, int heads, int seqQ, int headDim) {
        this.batch = batch;
        this.heads = heads;
        this.seqQ = seqQ;
        this.headDim = headDim;
        this.kvHeads = heads;
        this.seqK = seqQ;
    }

    /** Key/value heads: fewer than query heads means grouped queries, 1 means multi-query attention. */
    public SpecBuilder kvHeads(int number) {
        kvHeads = number;
        return this;
    }

    /** The number of keys, where it is not the number of queries. */
    public SpecBuilder seqK(int number) {
        seqK = number;
        return this;
    }

    /** The factor on the dot products, instead of {@code 1 / sqrt(headDim)}. */
    public SpecBuilder scale(double factor) {
        scale = factor;
        return this;
    }

    /** Hides later keys; the last query sees the last key. */
    public SpecBuilder causal() {
        return causal(Causal.BOTTOM_RIGHT);
    }

    /** Hides later keys along the given diagonal. */
    public SpecBuilder causal(Causal kind) {
        causal = kind;
        return this;
    }

    /** Shows only keys this far left and right of the diagonal; -1 = unbounded. */
    public SpecBuilder window(int left, int right) {
        windowLeft = left;
        windowRight = right;
        return this;
    }

    /** For each batch entry the number of keys that exist. */
    public SpecBuilder keyLengths(int... lengths) {
        keyLengths = lengths.clone();
        return this;
    }

    /** Bounds scores smoothly to (-cap, cap); 0 = off. */
    public SpecBuilder softcap(double cap) {
        softcap = cap;
        return this;
    }

    /** ALiBi with the slopes of the paper. */
    public SpecBuilder alibi() {
        SpecChecks.requirePositive("heads", heads);
        return alibiSlopes(AlibiSlopes.of(heads));
    }

    /** ALiBi with one slope for each query head. */
    public SpecBuilder alibiSlopes(float... slopes) {
        alibiSlopes = slopes.clone();
        return this;
    }

    /** Computes only the blocks that are set. */
    public SpecBuilder blockMask(BlockMask mask) {
        blockMask = mask;
        return this;
    }

    /** A mask comes with each call, of four lengths, each the whole one or 1 to be shared: batch, heads, seqQ, seqK. */
    public SpecBuilder maskShape(int... shape) {
        maskShape = shape.clone();
        return this;
    }

    /** A bias comes with each call, likewise. */
    public SpecBuilder biasShape(int... shape) {
        biasShape = shape.clone();
        return this;
    }

    /** Drops pairs with this probability; seed and offset come with each call. 0 = off. */
    public SpecBuilder dropout(double probability) {
        dropout = probability;
        return this;
    }

    /** The type of inputs, outputs and gradients; computed is in float32 whatever it is. */
    public SpecBuilder dtype(DType type) {
        dtype = type;
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
                keyLengths, softcap, alibiSlopes, blockMask, maskShape, biasShape, dropout, dtype);
    }
}
