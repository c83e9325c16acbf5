package io.github.tornadoattention.host.tornado;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * What one launch of a kernel moves between global memory and its work-items' local and private memory. Arrays of parameters
 * (lengths, strides, key lengths, slopes, lists of tiles) are left out: they are small and stay in a cache.
 *
 * @param task {@code graph.task}, as the simulator's counters and profilers name it
 * @param tile how the kernel cuts its work; "" where it has no tiles
 * @param localBytes local memory of a group
 * @param arrays the arrays of data, in the order of the kernel's arguments
 */
public record KernelTraffic(String task, String tile, long localBytes, List<Moved> arrays) {
    /**
     * One array.
     *
     * @param array the name of the argument
     * @param read bytes that work-items read
     * @param written bytes that work-items write
     * @param readOnce bytes of the elements that are read at all: what would be read with a cache that forgets nothing during the
     * launch
     * @param writtenOnce likewise, written
     */
    public record Moved(String array, long read, long written, long readOnce, long writtenOnce) {}

    /** Copies the list. */
    public KernelTraffic {
        arrays = List.copyOf(arrays);
    }

    /** Bytes that work-items read and write. */
    public long bytes() {
        return sum(Moved::read) + sum(Moved::written);
    }

    /** Bytes read and written with a cache that forgets nothing during the launch. */
    public long bytesOnce() {
        return sum(Moved::readOnce) + sum(Moved::writtenOnce);
    }

    private long sum(ToLongFunction<Moved> bytes) {
        return arrays.stream().mapToLong(bytes).sum();
    }

    /** Collects the arrays of one launch, in elements of a given size. */
    static final class Counter {
        private final List<Moved> arrays = new ArrayList<>();

        Counter reads(String array, int elementBytes, long elements, long distinct) {
            arrays.add(new Moved(array, elements * elementBytes, 0, Math.min(elements, distinct) * elementBytes, 0));
            return this;
        }

        Counter writes(String array, int elementBytes, long elements) {
            arrays.add(new Moved(array, 0, elements * elementBytes, 0, elements * elementBytes));
            return this;
        }

        Counter updates(String array, int elementBytes, long reads, long writes, long distinct) {
            arrays.add(new Moved(array, reads * elementBytes, writes * elementBytes, distinct * elementBytes,
                    distinct * elementBytes));
            return this;
        }

        KernelTraffic of(String task, String tile, long localBytes) {
            return new KernelTraffic(task, tile, localBytes, arrays);
        }
    }
}
