package uk.ac.manchester.tornado.api.types.arrays;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import uk.ac.manchester.tornado.api.types.HalfFloat;

/** An array of 16-bit floats outside the Java heap: a {@link #ARRAY_HEADER} with the length in front, then the elements. */
public final class HalfFloatArray extends SegmentArray {

    private static final int BYTES = 2;

    /** An array of {@code numberOfElements} zeros. */
    public HalfFloatArray(int numberOfElements) {
        super(numberOfElements, BYTES);
    }

    /** The contents of the given arrays, one after the other. */
    public HalfFloatArray(HalfFloatArray... arrays) {
        super(BYTES, arrays);
    }

    private HalfFloatArray(MemorySegment withHeader) {
        super(withHeader, BYTES);
    }

    /** A copy of a segment that holds elements only, no header. */
    public static HalfFloatArray fromSegment(MemorySegment segment) {
        HalfFloatArray array = new HalfFloatArray(elementsOf(segment.byteSize(), BYTES));
        array.data.copyFrom(segment);
        return array;
    }

    /** Wraps a segment that starts with an {@link #ARRAY_HEADER}: no copy, only the length is written to the header. */
    public static HalfFloatArray fromSegmentShallow(MemorySegment segment) {
        return new HalfFloatArray(segment);
    }

    /** The contents of the given arrays, one after the other, as a new array. */
    public static HalfFloatArray concat(HalfFloatArray... arrays) {
        return new HalfFloatArray(arrays);
    }

    /** The raw 16 bits of every element, as a copy on the Java heap. */
    public short[] toShortArray() {
        return data.toArray(JAVA_SHORT);
    }

    /** A copy of {@code length} elements from {@code offset} on. */
    public HalfFloatArray slice(int offset, int length) {
        return fromSegment(part(offset, length));
    }

    /** A copy of a Java array. */
    public static HalfFloatArray fromArray(HalfFloat[] values) {
        HalfFloatArray array = new HalfFloatArray(values.length);
        for (int i = 0; i < values.length; i++) {
            array.set(i, values[i]);
        }
        return array;
    }

    /** An array of the listed values. */
    public static HalfFloatArray fromElements(HalfFloat... values) {
        return fromArray(values);
    }

    /** Sets every element of an array to one value. */
    public static void initialize(HalfFloatArray array, HalfFloat value) {
        array.init(value);
    }

    /** A copy on the Java heap. */
    public HalfFloat[] toHeapArray() {
        HalfFloat[] values = new HalfFloat[getSize()];
        for (int i = 0; i < values.length; i++) {
            values[i] = get(i);
        }
        return values;
    }

    /** Writes one element. */
    public void set(int index, HalfFloat value) {
        bits(index, value.getHalfFloatValue());
    }

    /** Reads one element. */
    public HalfFloat get(int index) {
        return new HalfFloat(bits(index));
    }

    @Override
    public void clear() {
        init(new HalfFloat(0f));
    }

    /** Sets every element to one value. */
    public void init(HalfFloat value) {
        for (long i = 0; i < getSize(); i++) {
            data.setAtIndex(JAVA_SHORT, i, value.getHalfFloatValue());
        }
    }

    @Override
    public int getElementSize() {
        return BYTES;
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

    private short bits(int index) {
        if (watch != null) {
            watch.read(index);
        }
        try {
            return data.getAtIndex(JAVA_SHORT, index);
        } catch (IndexOutOfBoundsException e) {
            throw outside(index, false);
        }
    }

    private void bits(int index, short value) {
        if (watch != null) {
            watch.write(index);
        }
        try {
            data.setAtIndex(JAVA_SHORT, index, value);
        } catch (IndexOutOfBoundsException e) {
            throw outside(index, true);
        }
    }
}
