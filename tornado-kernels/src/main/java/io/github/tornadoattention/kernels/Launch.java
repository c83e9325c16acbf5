package io.github.tornadoattention.kernels;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The launch contract of a {@code KernelContext} kernel, for the host to read: it sizes the grid from it and checks the device's
 * limits before it launches.
 *
 * <p>The grid is one-dimensional. A group has {@code THREADS_X * THREADS_Y} work-items and covers one tile of the dimension named
 * by {@link #tile}; there are as many groups as tiles, times {@code batch * heads} for {@link Extent#BLOCK_Q} and {@code batch *
 * kvHeads} for {@link Extent#BLOCK_K}.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
public @interface Launch {
    /** {@link Extent#BLOCK_Q} or {@link Extent#BLOCK_K}: whose tile a group owns. */
    Extent tile();

    /** Everything the kernel allocates in local memory. */
    LocalTile[] local();
}
