package uk.ac.manchester.tornado.api.types.arrays;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.nio.FloatBuffer;

/** A float array outside the Java heap: a {@link #ARRAY_HEADER} with the length in front, then the elements. */
public final class FloatArray extends SegmentArray {

    private static final int BYTES = 4;

    /** An array of {@code numberOfElements} zeros. */
    public FloatArray(int numberOfElements) {
        super(numberOfElements, BYTES);
    }

    /** The contents of the given arrays, one after the other. */
    public FloatArray(FloatArray... arrays) {
        super(BYTES, arrays);
    }

    private FloatArray(MemorySegment withHeader) {
        super(withHeader, BYTES);
    }

    /** A copy of a Java array. */
    public static FloatArray fromArray(float[] values) {
        return fromSegment(MemorySegment.ofArray(values));
    }

    /** An array of the listed values. */
    public static FloatArray fromElements(float... values) {
        return fromSegment(MemorySegment.ofArray(values));
    }

    /** A copy of a segment that holds elements only, no header. */
    public static FloatArray fromSegment(MemorySegment segment) {
        FloatArray array = new FloatArray(elementsOf(segment.byteSize(), BYTES));
        array.data.copyFrom(segment);
        return array;
    }

    /** Wraps a segment that starts with an {@link #ARRAY_HEADER}: no copy, only the length is written to the header. */
    public static FloatArray fromSegmentShallow(MemorySegment segment) {
        return new FloatArray(segment);
    }

    /** A copy of what remains in a buffer. */
    public static FloatArray fromFloatBuffer(FloatBuffer buffer) {
        return fromSegment(MemorySegment.ofBuffer(buffer));
    }

    /** Sets every element of an array to one value. */
    public static void initialize(FloatArray array, float value) {
        array.init(value);
    }

    /** The contents of the given arrays, one after the other, as a new array. */
    public static FloatArray concat(FloatArray... arrays) {
        return new FloatArray(arrays);
    }

    /** A copy on the Java heap. */
    public float[] toHeapArray() {
        return data.toArray(JAVA_FLOAT);
    }

    /** Writes one element. */
    public void set(int index, float value) {
        if (watch != null) {
            watch.write(index);
        }
        try {
            data.setAtIndex(JAVA_FLOAT, index, value);
        } catch (IndexOutOfBoundsException e) {
            throw outside(index, true);
        }
    }

    /** Reads one element. */
    public float get(int index) {
        if (watch != null) {
            watch.read(index);
        }
        try {
            return data.getAtIndex(JAVA_FLOAT, index);
        } catch (IndexOutOfBoundsException e) {
            throw outside(index, false);
        }
    }

    @Override
    public void clear() {
        init(0f);
    }

    @Override
    public int getElementSize() {
        return BYTES;
    }

    /** Sets every element to one value. */
    public void init(float value) {
        for (long i = 0; i < getSize(); i++) {
            data.setAtIndex(JAVA_FLOAT, i, value);
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
    public FloatArray slice(int offset, int length) {
        return fromSegment(part(offset, length));
    }
}
