package io.github.tornadoattention.host.tornado;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * What one launch of a kernel moves between global memory and its work-items' local and private memory. Arrays of parameters
 * (lengths, strides, key lengths, slopes, lists of tiles) are left out: they are small and stay in a cache.
 *
 * @param task {@code graph.task}, as the simulator's counters and profilers name it
 * @param tile how the kernel cuts its work; "" where it has no tiles
 * @param localBytes local memory of a group
 * @param arrays the arrays of data, in the order of the kernel's arguments
 * @param local what work-items move from and to local memory; null where it is not counted: on tensor cores, whose operands
 * come by instructions of a whole warp, in the bias's gradient, and in standard attention
 */
public record KernelTraffic(String task, String tile, long localBytes, List<Moved> arrays, @Nullable Local local) {
    /**
     * One array.
     *
     * @param array the name of the argument
     * @param read bytes that work-items read
     * @param written bytes that work-items write
     * @param readOnce bytes of the elements that are read at all: what would be read with a cache that forgets nothing during the
     *     launch
     * @param writtenOnce likewise, written
     */
    public record Moved(String array, long read, long written, long readOnce, long writtenOnce) {}

    /**
     * Bytes from and to local memory, each work-item's access for itself: where work-items of a warp read one address together, a
     * device may move it once for all of them.
     *
     * @param read bytes that work-items read
     * @param written bytes that work-items write
     */
    public record Local(long read, long written) {
        /** Read and written. */
        public long bytes() {
            return read + written;
        }
    }

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
        private @Nullable Local local;

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

        /** Floats that work-items read from and write to local memory. */
        Counter local(long reads, long writes) {
            local = new Local(reads * Float.BYTES, writes * Float.BYTES);
            return this;
        }

        KernelTraffic of(String task, String tile, long localBytes) {
            return new KernelTraffic(task, tile, localBytes, arrays, local);
        }
    }
}
