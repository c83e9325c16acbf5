package uk.ac.manchester.tornado.api.types.arrays;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.MemorySegment;
import java.nio.DoubleBuffer;

/** A double array outside the Java heap: a {@link #ARRAY_HEADER} with the length in front, then the elements. */
public final class DoubleArray extends SegmentArray {

    private static final int BYTES = 8;

    /** An array of {@code numberOfElements} zeros. */
    public DoubleArray(int numberOfElements) {
        super(numberOfElements, BYTES);
    }

    /** The contents of the given arrays, one after the other. */
    public DoubleArray(DoubleArray... arrays) {
        super(BYTES, arrays);
    }

    private DoubleArray(MemorySegment withHeader) {
        super(withHeader, BYTES);
    }

    /** A copy of a Java array. */
    public static DoubleArray fromArray(double[] values) {
        return fromSegment(MemorySegment.ofArray(values));
    }

    /** An array of the listed values. */
    public static DoubleArray fromElements(double... values) {
        return fromSegment(MemorySegment.ofArray(values));
    }

    /** A copy of a segment that holds elements only, no header. */
    public static DoubleArray fromSegment(MemorySegment segment) {
        DoubleArray array = new DoubleArray(elementsOf(segment.byteSize(), BYTES));
        array.data.copyFrom(segment);
        return array;
    }

    /** Wraps a segment that starts with an {@link #ARRAY_HEADER}: no copy, only the length is written to the header. */
    public static DoubleArray fromSegmentShallow(MemorySegment segment) {
        return new DoubleArray(segment);
    }

    /** A copy of what remains in a buffer. */
    public static DoubleArray fromDoubleBuffer(DoubleBuffer buffer) {
        return fromSegment(MemorySegment.ofBuffer(buffer));
    }

    /** Sets every element of an array to one value. */
    public static void initialize(DoubleArray array, double value) {
        array.init(value);
    }

    /** The contents of the given arrays, one after the other, as a new array. */
    public static DoubleArray concat(DoubleArray... arrays) {
        return new DoubleArray(arrays);
    }

    /** A copy on the Java heap. */
    public double[] toHeapArray() {
        return data.toArray(JAVA_DOUBLE);
    }

    /** Writes one element. */
    public void set(int index, double value) {
        if (watch != null) {
            watch.write(index);
        }
        try {
            data.setAtIndex(JAVA_DOUBLE, index, value);
        } catch (IndexOutOfBoundsException e) {
            throw outside(index, true);
        }
    }

    /** Reads one element. */
    public double get(int index) {
        if (watch != null) {
            watch.read(index);
        }
        try {
            return data.getAtIndex(JAVA_DOUBLE, index);
        } catch (IndexOutOfBoundsException e) {
            throw outside(index, false);
        }
    }

    @Override
    public void clear() {
        init(0d);
    }

    @Override
    public int getElementSize() {
        return BYTES;
    }

    /** Sets every element to one value. */
    public void init(double value) {
        for (long i = 0; i < getSize(); i++) {
            data.setAtIndex(JAVA_DOUBLE, i, value);
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
    public DoubleArray slice(int offset, int length) {
        return fromSegment(part(offset, length));
    }
}
