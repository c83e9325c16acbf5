package uk.ac.manchester.tornado.api.types.arrays;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** A byte array outside the Java heap: a {@link #ARRAY_HEADER} with the length in front, then the elements. */
public final class ByteArray extends SegmentArray {

    private static final int BYTES = 1;

    /** An array of {@code numberOfElements} zeros. */
    public ByteArray(int numberOfElements) {
        super(numberOfElements, BYTES);
    }

    /** The contents of the given arrays, one after the other. */
    public ByteArray(ByteArray... arrays) {
        super(BYTES, arrays);
    }

    private ByteArray(MemorySegment withHeader) {
        super(withHeader, BYTES);
    }

    /** A copy of a Java array. */
    public static ByteArray fromArray(byte[] values) {
        return fromSegment(MemorySegment.ofArray(values));
    }

    /** An array of the listed values. */
    public static ByteArray fromElements(byte... values) {
        return fromSegment(MemorySegment.ofArray(values));
    }

    /** A copy of a segment that holds elements only, no header. */
    public static ByteArray fromSegment(MemorySegment segment) {
        ByteArray array = new ByteArray(elementsOf(segment.byteSize(), BYTES));
        array.data.copyFrom(segment);
        return array;
    }

    /** Wraps a segment that starts with an {@link #ARRAY_HEADER}: no copy, only the length is written to the header. */
    public static ByteArray fromSegmentShallow(MemorySegment segment) {
        return new ByteArray(segment);
    }

    /** A copy of what remains in a buffer. */
    public static ByteArray fromByteBuffer(ByteBuffer buffer) {
        return fromSegment(MemorySegment.ofBuffer(buffer));
    }

    /** Sets every element of an array to one value. */
    public static void initialize(ByteArray array, byte value) {
        array.init(value);
    }

    /** The contents of the given arrays, one after the other, as a new array. */
    public static ByteArray concat(ByteArray... arrays) {
        return new ByteArray(arrays);
    }

    /** A copy on the Java heap. */
    public byte[] toHeapArray() {
        return data.toArray(JAVA_BYTE);
    }

    /** Writes one element. */
    public void set(int index, byte value) {
        if (watch != null) {
            watch.write(index);
        }
        try {
            data.setAtIndex(JAVA_BYTE, index, value);
        } catch (IndexOutOfBoundsException e) {
            throw outside(index, true);
        }
    }

    /** Reads one element. */
    public byte get(int index) {
        if (watch != null) {
            watch.read(index);
        }
        try {
            return data.getAtIndex(JAVA_BYTE, index);
        } catch (IndexOutOfBoundsException e) {
            throw outside(index, false);
        }
    }

    @Override
    public void clear() {
        init((byte) 0);
    }

    @Override
    public int getElementSize() {
        return BYTES;
    }

    /** Sets every element to one value. */
    public void init(byte value) {
        for (long i = 0; i < getSize(); i++) {
            data.setAtIndex(JAVA_BYTE, i, value);
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
    public ByteArray slice(int offset, int length) {
        return fromSegment(part(offset, length));
    }
}
