package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.PackedRows.STRIDE;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a tensor for one worker: multiplied where they lie, so that memory is read in one go and the processor fetches
 * ahead. What is not float32, or no whole number of vectors long, is copied to the worker's memory first.
 */
final class RowSource {
    private final float[] a;
    private final int headDim;
    private final int padded;

    private @Nullable Tensor tensor;
    /** Where the rows lie on the heap, with the index of the first; null if elsewhere. */
    private float @Nullable [] array;
    private int origin;
    /** Where the rows lie outside the heap; null if elsewhere. */
    private @Nullable MemorySegment memory;

    /** For the keys or the values of a spec, and a worker's memory. */
    RowSource(AttentionSpec spec, float[] a) {
        this.a = a;
        this.headDim = spec.headDim();
        this.padded = Math.ceilDiv(headDim, Lanes.COUNT) * Lanes.COUNT;
    }

    /** Whether rows need not be copied, as long as they are in an array of floats or outside the heap. */
    static boolean inPlace(AttentionSpec spec) {
        return spec.dtype() == DType.FP32 && spec.headDim() % Lanes.COUNT == 0;
    }

    /** The rows are those of this tensor, until {@link #close}. */
    void open(Tensor rows) {
        close();
        tensor = rows;
        if (rows.dtype() == DType.FP32 && headDim == padded) {
            MemorySegment segment = rows.segment();
            if (segment.isNative()) {
                memory = segment;
            } else if (segment.heapBase().orElse(null) instanceof float[] floats) {
                array = floats;
                origin = Math.toIntExact(segment.address() / Float.BYTES);
            }
        }
    }

    /** Forgets the tensor, which may be large. */
    void close() {
        tensor = null;
        array = null;
        memory = null;
    }

    /**
     * Copies {@code count} rows from the {@code first} on, if they have to be.
     *
     * @param stage index of room for {@link PackedRows#stage} floats
     * @param copy index where the copy goes
     */
    void fetch(long first, int count, int stage, int copy) {
        if (array == null && memory == null && tensor != null) {
            PackedRows.load(tensor, first, count, headDim, a, stage, copy);
        }
    }

    /** {@code into[n] = row first + n · x}, lane by lane; {@code copy} is where {@link #fetch} would have put the first row. */
    void dots(long first, int copy, int x, int into, int count) {
        if (array != null) {
            RowsInArray.dots(array, (int) (origin + first * headDim), headDim, a, x, into, count, padded);
        } else if (memory != null) {
            RowsInMemory.dots(memory, first * headDim * Float.BYTES, (long) headDim * Float.BYTES, a, x, into, count, padded);
        } else {
            RowsInArray.dots(a, copy, STRIDE, a, x, into, count, padded);
        }
    }

    /** {@code sum += weights · rows}; {@code copy} is where {@link #fetch} would have put the first row. */
    void add(long first, int copy, int sum, int weights, int count) {
        if (array != null) {
            RowsInArray.add(array, (int) (origin + first * headDim), headDim, a, sum, weights, count, padded);
        } else if (memory != null) {
            RowsInMemory.add(memory, first * headDim * Float.BYTES, (long) headDim * Float.BYTES, a, sum, weights, count, padded);
        } else {
            RowsInArray.add(a, copy, STRIDE, a, sum, weights, count, padded);
        }
    }
}
