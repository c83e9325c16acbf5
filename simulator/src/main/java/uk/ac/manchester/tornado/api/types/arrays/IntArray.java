package uk.ac.manchester.tornado.api.types.arrays;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.nio.IntBuffer;

/** An int array outside the Java heap: a {@link #ARRAY_HEADER} with the length in front, then the elements. */
public final class IntArray extends SegmentArray {

    private static final int BYTES = 4;

    /** An array of {@code numberOfElements} zeros. */
    public IntArray(int numberOfElements) {
        super(numberOfElements, BYTES);
    }

    /** The contents of the given arrays, one after the other. */
    public IntArray(IntArray... arrays) {
        super(BYTES, arrays);
    }

    private IntArray(MemorySegment withHeader) {
        super(withHeader, BYTES);
    }

    /** A copy of a Java array. */
    public static IntArray fromArray(int[] values) {
        return fromSegment(MemorySegment.ofArray(values));
    }

    /** An array of the listed values. */
    public static IntArray fromElements(int... values) {
        return fromSegment(MemorySegment.ofArray(values));
    }

    /** A copy of a segment that holds elements only, no header. */
    public static IntArray fromSegment(MemorySegment segment) {
        IntArray array = new IntArray(elementsOf(segment.byteSize(), BYTES));
        array.data.copyFrom(segment);
        return array;
    }

    /** Wraps a segment that starts with an {@link #ARRAY_HEADER}: no copy, only the length is written to the header. */
    public static IntArray fromSegmentShallow(MemorySegment segment) {
        return new IntArray(segment);
    }

    /** A copy of what remains in a buffer. */
    public static IntArray fromIntBuffer(IntBuffer buffer) {
        return fromSegment(MemorySegment.ofBuffer(buffer));
    }

    /** Sets every element of an array to one value. */
    public static void initialize(IntArray array, int value) {
        array.init(value);
    }

    /** The contents of the given arrays, one after the other, as a new array. */
    public static IntArray concat(IntArray... arrays) {
        return new IntArray(arrays);
    }

    /** A copy on the Java heap. */
    public int[] toHeapArray() {
        return data.toArray(JAVA_INT);
    }

    /** Writes one element. */
    public void set(int index, int value) {
        if (watch != null) {
            watch.write(index);
        }
        try {
            data.setAtIndex(JAVA_INT, index, value);
        } catch (IndexOutOfBoundsException e) {
            throw outside(index, true);
        }
    }

    /** Reads one element. */
    public int get(int index) {
        if (watch != null) {
            watch.read(index);
        }
        try {
            return data.getAtIndex(JAVA_INT, index);
        } catch (IndexOutOfBoundsException e) {
            throw outside(index, false);
        }
    }

    @Override
    public void clear() {
        init(0);
    }

    @Override
    public int getElementSize() {
        return BYTES;
    }

    /** Sets every element to one value. */
    public void init(int value) {
        for (long i = 0; i < getSize(); i++) {
            data.setAtIndex(JAVA_INT, i, value);
        }
    }

    @Override
    public int getSize() {
        return size;
    }

    @Override
    public MemorySegment getSegment() {
        return data;
    }

    @Override
    public MemorySegment getSegmentWithHeader() {
        return whole;
    }

    @Override
    public long getNumBytesOfSegmentWithHeader() {
        return whole.byteSize();
    }

    @Override
    public long getNumBytesOfSegment() {
        return data.byteSize();
    }

    /** A copy of {@code length} elements from {@code offset} on. */
    public IntArray slice(int offset, int length) {
        return fromSegment(part(offset, length));
    }
}
