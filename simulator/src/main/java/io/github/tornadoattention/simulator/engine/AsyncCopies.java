package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * The copies from global to local memory that one work-item has started and not yet waited for. Here they take as long as they
 * may: local memory changes in the very wait that ends them.
 */
final class AsyncCopies {

    private static final int BYTES = 4;

    /** Those that no commit has closed. */
    private List<Copy> open = new ArrayList<>();
    private final Deque<List<Copy>> groups = new ArrayDeque<>();

    private record Copy(int[] tile, int index, int value, int site) {
    }

    /** Refuses a source that no copy of 4 bytes can start at. */
    static void requireAligned(int sourceIndex, int elementBytes) {
        if (sourceIndex * elementBytes % BYTES != 0) {
            throw new Violation(KernelFault.Kind.WARP_OPERAND, "asyncCopyToLocal from index " + sourceIndex + ": copies start at"
                    + " multiples of " + BYTES / elementBytes + " elements");
        }
    }

    void start(LocalMemory memory, int[] tile, int index, int value, int site) {
        memory.requireLocal("asyncCopyToLocal", tile);
        WatchedLaunch watched = WatchedLaunch.current();
        if (watched != null) {
            watched.startCopy(tile, index, site);
        } else if (index < 0 || index >= tile.length) {
            throw new Violation(KernelFault.Kind.OUT_OF_BOUNDS, "write to index " + index + " of an int local array with "
                    + tile.length + " elements");
        }
        open.add(new Copy(tile, index, value, site));
    }

    /** Makes a group of all copies since the last commit. */
    void commit() {
        groups.add(open);
        open = new ArrayList<>();
    }

    /** Waits until no more than so many of the latest groups are on their way; those that are not committed do not count. */
    void await(int left) {
        if (left < 0) {
            throw new Violation(KernelFault.Kind.WARP_OPERAND, "asyncCopyWaitGroup takes 0 groups or more, not " + left);
        }
        while (groups.size() > left) {
            groups.remove().forEach(AsyncCopies::end);
        }
    }

    private static void end(Copy copy) {
        WatchedLaunch watched = WatchedLaunch.current();
        if (watched != null) {
            watched.endCopy(copy.tile, copy.index, copy.site);
        }
        copy.tile[copy.index] = copy.value;
    }
}
