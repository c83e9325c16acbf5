package io.github.tornadoattention.kernels;

/**
 * The bits of the kernels' {@code options} argument. It is a scalar, so what an option needs is compiled in only where the option
 * is on.
 */
public final class Options {
    /** Scores are visible in a band around the diagonal only: causal, sliding window. */
    public static final int BAND = 1;
    /** Scores pass {@code c * tanh(s / c)}. */
    public static final int SOFTCAP = 1 << 1;
    /** Scores carry {@code -slope * distance from the diagonal}. */
    public static final int ALIBI = 1 << 2;
    /** Only listed tiles are visited. */
    public static final int BLOCKS = 1 << 3;
    /** Probabilities are dropped at random. */
    public static final int DROPOUT = 1 << 4;
    /** Scores get a bias of their own, see {@link Tables}. */
    public static final int BIAS = 1 << 5;
    /** Pairs are visible or not one by one, see {@link Tables}. */
    public static final int MASK = 1 << 6;

    /** Batch entries have lengths of their own and lie one behind the other, without padding. */
    public static final int PACKED = 1 << 9;
    /** Decoding: queries and new keys are rotated by their positions. */
    public static final int ROTARY = 1 << 10;

    /** The 16-bit numbers of the tensor-core kernels are bfloat16, not float16. */
    public static final int BRAIN = 1 << 12;

    /** Decoding: the cache holds float16, or bfloat16, see {@link CachedNumber}. */
    public static final int CACHE_HALF = 1 << 13;
    public static final int CACHE_BRAIN = 1 << 14;
    /** Decoding: the device's own conversions make floats of them, see {@link CachedRow}. */
    public static final int CACHE_NATIVE = 1 << 15;

    private Options() {
    }
}
