package io.github.tornadoattention.kernels;

/** A size that is known when a kernel is launched; {@link Launch} and {@link LocalTile} speak in these. */
public enum Extent {
    /** Nothing. */
    NONE,
    /** Br: query rows of one tile. */
    BLOCK_Q,
    /** Bc: key rows of one tile. */
    BLOCK_K,
    /** The head dimension, rounded up to a multiple of {@link #THREADS_X}. */
    HEAD_DIM,
    /** Work-items of a group that share the columns of a tile. */
    THREADS_X,
    /** Work-items of a group that share the rows of a tile. */
    THREADS_Y,
    /** Elements of the head dimension that are in local memory at a time. */
    SLICE_D,
    /** Rows that are in local memory at a time. */
    SLICE_N,
}
