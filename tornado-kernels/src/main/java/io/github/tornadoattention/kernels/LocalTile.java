package io.github.tornadoattention.kernels;

import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * One array in local memory: {@code count} tiles of {@code rows x (columns + pad)} elements, or one of
 * {@code orRows x (orColumns + pad)} if that is more.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target({})
public @interface LocalTile {
    Extent rows();

    Extent columns();

    /** How many tiles of the same size stand one behind the other. */
    int count() default 1;

    /** Unused elements at the end of each row, there so that rows start in different memory banks. */
    int pad() default 0;

    /** Rows of the tile that uses the same memory at another time. */
    Extent orRows() default Extent.NONE;

    Extent orColumns() default Extent.NONE;

    /** Whether elements have 16 bits instead of 32. */
    boolean halves() default false;
}
