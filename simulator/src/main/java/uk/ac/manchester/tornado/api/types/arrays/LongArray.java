package uk.ac.manchester.tornado.api.types.arrays;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.nio.LongBuffer;

/** A long array outside the Java heap: a {@link #ARRAY_HEADER} with the length in front, then the elements. */
public final class LongArray extends SegmentArray {

    private static final int BYTES = 8;

    /** An array of {@code numberOfElements} zeros. */
    public LongArray(int numberOfElements) {
        super(numberOfElements, BYTES);
    }

    /** The contents of the given arrays, one after the other. */
    public LongArray(LongArray... arrays) {
        super(BYTES, arrays);
    }

    private LongArray(MemorySegment withHeader) {
        super(withHeader, BYTES);
    }

    /** A copy of a Java array. */
    public static LongArray fromArray(long[] values) {
        return fromSegment(MemorySegment.ofArray(values));
    }

    /** An array of the listed values. */
    public static LongArray fromElements(long... values) {
        return fromSegment(MemorySegment.ofArray(values));
    }

    /** A copy of a segment that holds elements only, no header. */
    public static LongArray fromSegment(MemorySegment segment) {
        LongArray array = new LongArray(elementsOf(segment.byteSize(), BYTES));
        array.data.copyFrom(segment);
        return array;
    }

    /** Wraps a segment that starts with an {@link #ARRAY_HEADER}: no copy, only the length is written to the header. */
    public static LongArray fromSegmentShallow(MemorySegment segment) {
        return new LongArray(segment);
    }

    /** A copy of what remains in a buffer. */
    public static LongArray fromLongBuffer(LongBuffer buffer) {
        return fromSegment(MemorySegment.ofBuffer(buffer));
    }

    /** Sets every element of an array to one value. */
    public static void initialize(LongArray array, long value) {
        array.init(value);
    }

    /** The contents of the given arrays, one after the other, as a new array. */
    public static LongArray concat(LongArray... arrays) {
        return new LongArray(arrays);
    }

    /** A copy on the Java heap. */
    public long[] toHeapArray() {
        return data.toArray(JAVA_LONG);
    }

    /** Writes one element. */
    public void set(int index, long value) {
        if (watch != null) {
            watch.write(index);
        }
        try {
            data.setAtIndex(JAVA_LONG, index, value);
        } catch (IndexOutOfBoundsException e) {
            throw outside(index, true);
        }
    }

    /** Reads one element. */
    public long get(int index) {
        if (watch != null) {
            watch.read(index);
        }
        try {
            return data.getAtIndex(JAVA_LONG, index);
        } catch (IndexOutOfBoundsException e) {
            throw outside(index, false);
        }
    }

    @Override
    public void clear() {
        init(0L);
    }

    @Override
    public int getElementSize() {
        return BYTES;
    }

    /** Sets every element to one value. */
    public void init(long value) {
        for (long i = 0; i < getSize(); i++) {
            data.setAtIndex(JAVA_LONG, i, value);
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
    public LongArray slice(int offset, int length) {
        return fromSegment(part(offset, length));
    }
}
