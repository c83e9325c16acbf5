package io.github.tornadoattention.kernels;

/**
 * What travels to a kernel in arrays rather than as scalars, so that another length, stride or scale needs no new compilation: the slots of the {@code shape}
 * IntArray and of the {@code numbers} FloatArray.
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
    /** From one query head's rows of tile lists (flash), or blocks of the mask (standard), to the next; 0 if all heads share them. */
    public static final int BLOCK_HEAD_STRIDE = 14;
    /** Rows and columns of a block of the mask; read by standard attention only. */
    public static final int BLOCK_SIZE = 15;
    /** Blocks in a row of the mask; likewise. */
    public static final int BLOCK_COLUMNS = 16;
    /** Length of the {@code shape} array. */
    public static final int INTS = 17;

    /** A band limit that no sequence reaches; far enough from overflow to be added to two positions. */
    public static final int UNBOUNDED = 1 << 29;

    public static final int SCALE = 0;
    public static final int SOFTCAP = 1;
    /** Negative infinity, as data: a literal of it does not survive every code generator. */
    public static final int NEGATIVE_INFINITY = 2;
    /** Length of the {@code numbers} array. */
    public static final int FLOATS = 3;

    private Shape() {
    }
}
