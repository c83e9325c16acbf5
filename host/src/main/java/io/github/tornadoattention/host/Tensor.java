package io.github.tornadoattention.host;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * A shape over numbers of one {@link DType} in row-major order. Whatever the type, elements are read and written as floats, which
 * is exact one way and rounds to nearest, ties to even, the other; {@link #to} makes a tensor of another type.
 *
 * <p>Nothing is copied as long as nobody asks for it: a tensor made of a {@code float[]} or a segment reads that memory, which
 * the caller then leaves unchanged (and open) for as long as the tensor is used. {@link #array()} moves the numbers into
 * a TornadoVM off-heap array the first time a device backend needs one. Safe for use by several threads that only read.
 */
public final class Tensor {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfShort BITS = ValueLayout.JAVA_SHORT_UNALIGNED;
    /** Elements that are converted at a time. */
    private static final int CHUNK = 1 << 14;

    private final DType dtype;
    private final int[] shape;
    private final int size;
    private volatile MemorySegment segment;
    private volatile @Nullable TornadoNativeArray array;

    private Tensor(DType dtype, int[] shape, MemorySegment segment, @Nullable TornadoNativeArray array) {
        this.dtype = dtype;
        this.shape = shape.clone();
        this.size = size(shape);
        long bytes = (long) size * dtype.bytes();
        if (segment.byteSize() != bytes) {
            String numbers = dtype == DType.FP32 ? "floats" : dtype + " numbers";
            throw new IllegalArgumentException("shape %s holds %d %s (%d bytes), the data has %d bytes"
                    .formatted(Arrays.toString(shape), size, numbers, bytes, segment.byteSize()));
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
        return new Tensor(DType.FP32, shape, MemorySegment.ofArray(values), null);
    }

    /**
     * Over a TornadoVM array, not copied.
     *
     * @throws IllegalArgumentException if the shape has a length below 1, 2^31 elements or more, or another size than the array
     */
    public static Tensor of(FloatArray values, int... shape) {
        return new Tensor(DType.FP32, shape, values.getSegment(), values);
    }

    /**
     * Over a TornadoVM array of float16, not copied.
     *
     * @throws IllegalArgumentException if the shape has a length below 1, 2^31 elements or more, or another size than the array
     */
    public static Tensor of(HalfFloatArray values, int... shape) {
        return new Tensor(DType.FP16, shape, values.getSegment(), values);
    }

    /**
     * Over a TornadoVM array of bfloat16, not copied.
     *
     * @throws IllegalArgumentException if the shape has a length below 1, 2^31 elements or more, or another size than the array
     */
    public static Tensor of(BFloat16Array values, int... shape) {
        return new Tensor(DType.BF16, shape, values.getSegment(), values);
    }

    /**
     * Over raw floats in native byte order. Copied only if other threads may not read the segment (a confined arena).
     *
     * @throws IllegalArgumentException if the shape has a length below 1, 2^31 elements or more, or another size than the segment
     */
    public static Tensor of(MemorySegment values, int... shape) {
        return of(DType.FP32, values, shape);
    }

    /**
     * Over raw numbers of a type in native byte order; a {@code MemorySegment.ofArray(short[])}, say, for 16-bit ones. Copied
     * only if other threads may not read the segment (a confined arena).
     *
     * @throws IllegalArgumentException if the shape has a length below 1, 2^31 elements or more, or another size than the segment
     */
    public static Tensor of(DType dtype, MemorySegment values, int... shape) {
        Thread another = Thread.ofPlatform().unstarted(() -> {});
        Tensor tensor = new Tensor(dtype, shape, values, null);
        if (!values.isAccessibleBy(another)) {
            tensor.array();
        }
        return tensor;
    }

    /**
     * All zeros, in a new TornadoVM array of floats.
     *
     * @throws IllegalArgumentException if the shape has a length below 1 or 2^31 elements or more
     */
    public static Tensor zeros(int... shape) {
        return zeros(DType.FP32, shape);
    }

    /**
     * All zeros, in a new TornadoVM array of a type.
     *
     * @throws IllegalArgumentException if the shape has a length below 1 or 2^31 elements or more
     */
    public static Tensor zeros(DType dtype, int... shape) {
        TornadoNativeArray array = newArray(dtype, size(shape));
        return new Tensor(dtype, shape, array.getSegment(), array);
    }

    /*
     * Statements, not a switch that is a value: its type would be the arrays' closest common superclass, which is a class of the
     * simulator's own where this is compiled without TornadoVM.
     */
    private static TornadoNativeArray newArray(DType dtype, int size) {
        switch (dtype) {
            case FP16 -> {
                return new HalfFloatArray(size);
            }
            case BF16 -> {
                return new BFloat16Array(size);
            }
            default -> {
                return new FloatArray(size);
            }
        }
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

    /** The type of the elements. */
    public DType dtype() {
        return dtype;
    }

    /** These numbers in another type, each rounded to nearest, ties to even; this tensor itself if it has the type already. */
    public Tensor to(DType other) {
        if (other == dtype) {
            return this;
        }
        Tensor converted = zeros(other, shape);
        converted.fill(this);
        return converted;
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

    /**
     * Refuses another shape or dtype.
     *
     * @param name what errors call the tensor
     * @throws IllegalArgumentException if one is another one
     */
    void require(String name, int[] expected, DType type) {
        if (!hasShape(expected)) {
            throw new IllegalArgumentException("%s has shape %s, the spec needs %s"
                    .formatted(name, Arrays.toString(shape), Arrays.toString(expected)));
        }
        if (dtype != type) {
            throw new IllegalArgumentException("%s is %s, the spec needs %s; to(DType.%s) converts a tensor"
                    .formatted(name, dtype, type, type.name()));
        }
    }

    /**
     * The numbers as a TornadoVM off-heap array: a FloatArray, HalfFloatArray or BFloat16Array, as {@link #dtype()} says. The
     * first call may copy, later ones return the same array.
     */
    public TornadoNativeArray array() {
        TornadoNativeArray present = array;
        return present != null ? present : offHeap();
    }

    /**
     * {@link #array()} of floats.
     *
     * @throws IllegalStateException if the elements are not float32; {@link #to} converts
     */
    public FloatArray data() {
        if (array() instanceof FloatArray floats) {
            return floats;
        }
        throw new IllegalStateException("this tensor is %s, not fp32; to(DType.FP32) converts".formatted(dtype));
    }

    private synchronized TornadoNativeArray offHeap() {
        TornadoNativeArray made = array;
        if (made == null) {
            made = newArray(dtype, size);
            MemorySegment.copy(segment, 0, made.getSegment(), 0, segment.byteSize());
            segment = made.getSegment();
            array = made;
        }
        return made;
    }

    /** The numbers as raw memory in native order (not copied); on or off the heap, {@code dtype().bytes() * size()} bytes. */
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
        return dtype == DType.FP32 ? segment.get(FLOAT, flat * Float.BYTES) : dtype.widen(segment.get(BITS, flat * Short.BYTES));
    }

    /** All elements in row-major order as floats (a copy). */
    public float[] toArray() {
        float[] copy = new float[size];
        read(0, copy, 0, size);
        return copy;
    }

    /**
     * Copies {@code count} elements into a Java array, widened to floats.
     *
     * @param from first element to read, counted in row-major order
     * @param into where they go
     * @param at index of the first one there
     * @param count how many
     */
    public void read(long from, float[] into, int at, int count) {
        MemorySegment source = segment;
        long start = from * dtype.bytes();
        switch (dtype) {
            case FP32 -> MemorySegment.copy(source, FLOAT, start, into, at, count);
            case FP16 -> {
                for (int n = 0; n < count; n++) {
                    into[at + n] = Float.float16ToFloat(source.get(BITS, start + (long) n * Short.BYTES));
                }
            }
            case BF16 -> {
                for (int n = 0; n < count; n++) {
                    into[at + n] = Float.intBitsToFloat(source.get(BITS, start + (long) n * Short.BYTES) << 16);
                }
            }
        }
    }

    /**
     * Copies {@code count} elements out of a Java array into this tensor, each rounded to its type: how backends on the JVM fill
     * their results.
     *
     * @param values where they come from
     * @param at index of the first one there
     * @param to first element to write, counted in row-major order
     * @param count how many
     */
    public void write(float[] values, int at, long to, int count) {
        MemorySegment target = segment;
        long start = to * dtype.bytes();
        switch (dtype) {
            case FP32 -> MemorySegment.copy(values, at, target, FLOAT, start, count);
            case FP16 -> {
                for (int n = 0; n < count; n++) {
                    target.set(BITS, start + (long) n * Short.BYTES, Float.floatToFloat16(values[at + n]));
                }
            }
            case BF16 -> {
                for (int n = 0; n < count; n++) {
                    target.set(BITS, start + (long) n * Short.BYTES, dtype.narrow(values[at + n]));
                }
            }
        }
    }

    /**
     * Copies all elements of another tensor, each rounded to the type of this one.
     *
     * @throws IllegalArgumentException if its shape is another one
     */
    public void fill(Tensor from) {
        if (!Arrays.equals(shape, from.shape)) {
            throw new IllegalArgumentException("a tensor of shape %s cannot be filled from one of shape %s"
                    .formatted(Arrays.toString(shape), Arrays.toString(from.shape)));
        }
        if (dtype == from.dtype) {
            MemorySegment.copy(from.segment, 0, segment, 0, (long) size * dtype.bytes());
            return;
        }
        float[] chunk = new float[Math.min(size, CHUNK)];
        for (long at = 0; at < size; at += chunk.length) {
            int count = (int) Math.min(chunk.length, size - at);
            from.read(at, chunk, 0, count);
            write(chunk, 0, at, count);
        }
    }

    /** The shape, the type and the place of the data, not the data. */
    @Override
    public String toString() {
        String type = dtype == DType.FP32 ? "" : " " + dtype;
        return "Tensor" + Arrays.toString(shape) + type + (array != null ? " off-heap" : " wrapped");
    }
}
