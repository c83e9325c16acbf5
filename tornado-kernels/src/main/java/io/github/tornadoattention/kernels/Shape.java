package io.github.tornadoattention.kernels;

/**
 * What travels to a kernel in arrays rather than as scalars, so that another length, stride or scale needs no new compilation:
 * the slots of the {@code shape} IntArray and of the {@code numbers} FloatArray. Tables stand in the same arrays behind the
 * slots, since a task takes at most 20 arguments; a slot of {@code shape} says where each begins.
 */
public final class Shape {
    public static final int BATCH = 0;
    public static final int HEADS = 1;
    public static final int KV_HEADS = 2;
    public static final int SEQ_Q = 3;
    public static final int SEQ_K = 4;
    /** Column of the diagonal in row 0: {@code M - N}, or 0 for top-left alignment. */
    public static final int DIAGONAL = 5;
    /** Keys left of the diagonal that a query sees; {@link #UNBOUNDED} if all. */
    public static final int LEFT = 6;
    /** Keys right of the diagonal that a query sees; 0 is causal, {@link #UNBOUNDED} if all. */
    public static final int RIGHT = 7;
    /** Elements from one batch entry, head and row to the next, of q, out and their gradients. */
    public static final int Q_BATCH_STRIDE = 8;
    public static final int Q_HEAD_STRIDE = 9;
    public static final int Q_ROW_STRIDE = 10;
    /** Likewise of k, v and their gradients. */
    public static final int K_BATCH_STRIDE = 11;
    public static final int K_HEAD_STRIDE = 12;
    public static final int K_ROW_STRIDE = 13;
    /** Where the key lengths begin, [B] keys that exist, at most M. */
    public static final int KEY_LENGTHS = 14;
    /**
     * Where the lists of tiles (flash, see {@link Visits}) or the blocks of the mask (standard) begin; read only with {@link
     * Options#BLOCKS}.
     */
    public static final int LISTS = 15;
    /** From one query head's rows of lists, or blocks of the mask, to the next; 0 if all heads share them. */
    public static final int LIST_HEAD_STRIDE = 16;
    /** Rows and columns of a block of the mask; read by standard attention only. */
    public static final int BLOCK_SIZE = 17;
    /** Blocks in a row of the mask; likewise. */
    public static final int BLOCK_COLUMNS = 18;
    /** The 64 bits of the seed, and the offset, of this call; read only with {@link Options#DROPOUT}. */
    public static final int SEED_LOW = 19;
    public static final int SEED_HIGH = 20;
    public static final int DROPOUT_OFFSET = 21;
    /** See {@link Dropout#threshold}. */
    public static final int DROPOUT_THRESHOLD = 22;
    /** Where the places and entries begin, see {@link Entry}; read only with {@link Options#PACKED}. */
    public static final int PLACES = 23;
    public static final int ENTRIES = 24;
    /**
     * What is added to numbers of queries, keys (a multiple of 4) and {@code batch * H + head} where this is a part of something
     * larger; for dropout.
     */
    public static final int FIRST_QUERY = 25;
    public static final int FIRST_KEY = 26;
    public static final int FIRST_HEAD = 27;
    /** Elements of the bias from one batch entry, head, query and key to the next, 0 where they share one; likewise. */
    public static final int BIAS_BATCH_STRIDE = 28;
    public static final int BIAS_HEAD_STRIDE = 29;
    public static final int BIAS_QUERY_STRIDE = 30;
    public static final int BIAS_KEY_STRIDE = 31;
    /** Words of the mask from one batch entry, head and query to the next, and bits from one key to the next. */
    public static final int MASK_BATCH_STRIDE = 32;
    public static final int MASK_HEAD_STRIDE = 33;
    public static final int MASK_QUERY_STRIDE = 34;
    public static final int MASK_KEY_STRIDE = 35;
    /**
     * Queries and keys that a bias is for, N and M: the most of any entry where they have lengths of their own; read by {@link
     * FlashBackwardBias}.
     */
    public static final int BIAS_QUERIES = 36;
    public static final int BIAS_KEYS = 37;
    /** Number of slots; the tables stand behind them. */
    public static final int INTS = 38;

    /** A band limit that no sequence reaches; far enough from overflow to be added to two positions. */
    public static final int UNBOUNDED = 1 << 29;

    public static final int SCALE = 0;
    public static final int SOFTCAP = 1;
    /** Negative infinity, as data: a literal of it does not survive every code generator. */
    public static final int NEGATIVE_INFINITY = 2;
    /** {@code 1 / (1 - p)}: what kept pairs are multiplied with; read only with {@link Options#DROPOUT}. */
    public static final int KEEP_FACTOR = 3;
    /** Number of slots; the [H] ALiBi slopes stand behind them, read only with {@link Options#ALIBI}. */
    public static final int SLOPES = 4;

    private Shape() {
    }
}
