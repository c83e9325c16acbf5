package io.github.tornadoattention.host.cpu;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/**
 * Lets tiles of a row add to the same places in a fixed order, one place after the other: tile {@code n} adds to a place when
 * tiles {@code 0 .. n - 1} are done with it. Sums come out the same for every number of threads, without memory for parts.
 *
 * <p>Every tile goes through places in ascending order. A tile is only waited for after it was begun, and begun in ascending
 * order, so that the first unfinished one never waits.
 */
final class OrderedTiles {
    private static final int SPINS = 2000;

    private final int tiles;
    /** Tile {@code n} and those before it are done with all places below this. */
    private final AtomicIntegerArray done;
    private volatile @Nullable Throwable failure;

    OrderedTiles(int rows, int tiles) {
        this.tiles = tiles;
        this.done = new AtomicIntegerArray(Math.multiplyExact(rows, tiles));
    }

    /** Waits until the tiles before this one are done with a place. */
    void await(int row, int tile, int place) {
        if (tile == 0) {
            return;
        }
        int before = row * tiles + tile - 1;
        for (int spins = 0; done.get(before) <= place; spins++) {
            Throwable other = failure;
            if (other != null) {
                throw new IllegalStateException("another tile failed", other);
            }
            if (spins < SPINS) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
    }

    /** Says that this tile, which has waited for it, is done with a place. */
    void done(int row, int tile, int place) {
        done.setRelease(row * tiles + tile, place + 1);
    }

    /** Says that this tile is done with every place, those included that it has nothing to add to. */
    void finish(int row, int tile) {
        await(row, tile, Integer.MAX_VALUE - 1);
        done.setRelease(row * tiles + tile, Integer.MAX_VALUE);
    }

    /** Ends the waiting of all others. */
    void fail(Throwable cause) {
        failure = cause;
    }
}
