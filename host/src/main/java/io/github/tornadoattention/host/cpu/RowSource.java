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
    private final int most;
    private final int headDim;
    private final int padded;

    private @Nullable Tensor tensor;
    /** Where the rows lie on the heap, with the index of the first; null if elsewhere. */
    private float @Nullable [] array;
    private int origin;
    /** Where the rows lie outside the heap; null if elsewhere. */
    private @Nullable MemorySegment memory;
    /** Where rows are copied to if they have to be, and behind them room for copying; empty until then. */
    private float[] copies = {};
    private int firstCopy;

    /** For the keys or the values of a spec, at most so many together. */
    RowSource(AttentionSpec spec, int most) {
        this.most = most;
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
        if (array == null && memory == null) {
            if (copies.length == 0) {
                copies = new float[Alignment.LINE + most * STRIDE + PackedRows.stage(most, headDim)];
            }
            firstCopy = Alignment.shift(copies);
        }
    }

    /** Bytes of memory taken so far. */
    long bytes() {
        return (long) copies.length * Float.BYTES;
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
     * @param copy where the copy goes, in floats, a multiple of {@link PackedRows#STRIDE}
     */
    void fetch(long first, int count, int copy) {
        if (array == null && memory == null && tensor != null) {
            PackedRows.load(tensor, first, count, headDim, copies, firstCopy + most * STRIDE, firstCopy + copy);
        }
    }

    /** {@code a[into ..][n] = row first + n · a[x ..]}, lane by lane; {@code copy} is where {@link #fetch} put the first row. */
    void dots(long first, int copy, float[] a, int x, int into, int count) {
        if (array != null) {
            RowsInArray.dots(array, (int) (origin + first * headDim), headDim, a, x, into, count, padded);
        } else if (memory != null) {
            RowsInMemory.dots(memory, first * headDim * Float.BYTES, (long) headDim * Float.BYTES, a, x, into, count, padded);
        } else {
            RowsInArray.dots(copies, firstCopy + copy, STRIDE, a, x, into, count, padded);
        }
    }

    /** {@code a[sum ..] += weights · rows}; {@code copy} is where {@link #fetch} put the first row. */
    void add(long first, int copy, float[] a, int sum, int weights, int count) {
        if (array != null) {
            RowsInArray.add(array, (int) (origin + first * headDim), headDim, a, sum, weights, count, padded);
        } else if (memory != null) {
            RowsInMemory.add(memory, first * headDim * Float.BYTES, (long) headDim * Float.BYTES, a, sum, weights, count, padded);
        } else {
            RowsInArray.add(copies, firstCopy + copy, STRIDE, a, sum, weights, count, padded);
        }
    }
}
