package io.github.tornadoattention.host;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * A shape over floats in row-major order.
 *
 * <p>Nothing is copied as long as nobody asks for it: a tensor made of a {@code float[]} or a segment reads that memory, which
 * the caller then leaves unchanged (and open) for as long as the tensor is used. {@link #data()} moves the floats into
 * a TornadoVM off-heap array the first time a device backend needs one. Safe for use by several threads that only read.
 */
public final class Tensor {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final int[] shape;
    private final int size;
    private volatile MemorySegment segment;
    private volatile @Nullable FloatArray array;

    private Tensor(int[] shape, MemorySegment segment, @Nullable FloatArray array) {
        this.shape = shape.clone();
        this.size = size(shape);
        if (segment.byteSize() != (long) size * Float.BYTES) {
            throw new IllegalArgumentException(
                    "shape %s holds %d floats (%d bytes), the data has %d bytes"
                            .formatted(Arrays.toString(shape), size, (long) size * Float.BYTES, segment.byteSize()));
        }
        this.segment = segment;
        this.array = array;
    }

    /**
     * Over a Java array, not copied.
     *
     * @throws IllegalArgumentException if the shape has a length below 1, 2^31 elements or more, or another size than the array
     */
    public static Tensor of(float[] values, int... shape) {
        return new Tensor(shape, MemorySegment.ofArray(values), null);
    }

    /**
     * Over a TornadoVM array, not copied.
     *
     * @throws IllegalArgumentException if the shape has a length below 1, 2^31 elements or more, or another size than the array
     */
    public static Tensor of(FloatArray values, int... shape) {
        return new Tensor(shape, values.getSegment(), values);
    }

    /**
     * Over raw floats in native byte order. Copied only if other threads may not read the segment (a confined arena).
     *
     * @throws IllegalArgumentException if the shape has a length below 1, 2^31 elements or more, or another size than the segment
     */
    public static Tensor of(MemorySegment values, int... shape) {
        Thread another = Thread.ofPlatform().unstarted(() -> {});
        if (values.isAccessibleBy(another)) {
            return new Tensor(shape, values, null);
        }
        return of(FloatArray.fromSegment(values), shape);
    }

    /**
     * All zeros, in a new TornadoVM array.
     *
     * @throws IllegalArgumentException if the shape has a length below 1 or 2^31 elements or more
     */
    public static Tensor zeros(int... shape) {
        return of(new FloatArray(size(shape)), shape);
    }

    /** The number of elements of a shape, checked. */
    private static int size(int[] shape) {
        long size = 1;
        for (int length : shape) {
            if (length < 1) {
                throw new IllegalArgumentException("shape %s: every length must be at least 1".formatted(Arrays.toString(shape)));
            }
            size *= length;
            if (size > Integer.MAX_VALUE) {
                throw new IllegalArgumentException(
                        "shape %s has 2^31 elements or more, which is too many".formatted(Arrays.toString(shape)));
            }
        }
        return (int) size;
    }

    /** The lengths, outermost first (a copy). */
    public int[] shape() {
        return shape.clone();
    }

    /** The number of elements. */
    public int size() {
        return size;
    }

    /** Whether the shape is exactly this one. */
    public boolean hasShape(int... expected) {
        return Arrays.equals(shape, expected);
    }

    /** The floats as a TornadoVM off-heap array; the first call may copy, later ones return the same array. */
    public FloatArray data() {
        FloatArray present = array;
        return present != null ? present : offHeap();
    }

    private synchronized FloatArray offHeap() {
        FloatArray made = array;
        if (made == null) {
            made = FloatArray.fromSegment(segment);
            segment = made.getSegment();
            array = made;
        }
        return made;
    }

    /** The floats as raw memory in native order (not copied); a heap or an off-heap segment, of {@code 4 * size()} bytes. */
    public MemorySegment segment() {
        return segment;
    }

    /**
     * One element.
     *
     * @param index one index for each length of the shape
     * @throws IndexOutOfBoundsException if an index is missing or outside its length
     */
    public float get(int... index) {
        if (index.length != shape.length) {
            throw new IndexOutOfBoundsException(
                    "index %s for shape %s".formatted(Arrays.toString(index), Arrays.toString(shape)));
        }
        long flat = 0;
        for (int d = 0; d < shape.length; d++) {
            if (index[d] < 0 || index[d] >= shape[d]) {
                throw new IndexOutOfBoundsException(
                        "index %s for shape %s".formatted(Arrays.toString(index), Arrays.toString(shape)));
            }
            flat = flat * shape[d] + index[d];
        }
        return segment.get(FLOAT, flat * Float.BYTES);
    }

    /** All elements in row-major order (a copy). */
    public float[] toArray() {
        float[] copy = new float[size];
        read(0, copy, 0, size);
        return copy;
    }

    /**
     * Copies {@code count} elements into a Java array.
     *
     * @param from first element to read, counted in row-major order
     * @param into where they go
     * @param at index of the first one there
     * @param count how many
     */
    public void read(long from, float[] into, int at, int count) {
        MemorySegment.copy(segment, FLOAT, from * Float.BYTES, into, at, count);
    }

    /**
     * Copies {@code count} elements out of a Java array into this tensor: how backends on the JVM fill their results.
     *
     * @param values where they come from
     * @param at index of the first one there
     * @param to first element to write, counted in row-major order
     * @param count how many
     */
    public void write(float[] values, int at, long to, int count) {
        MemorySegment.copy(values, at, segment, FLOAT, to * Float.BYTES, count);
    }

    /** The shape and the place of the data, not the data. */
    @Override
    public String toString() {
        return "Tensor" + Arrays.toString(shape) + (array != null ? " off-heap" : " wrapped");
    }
}
