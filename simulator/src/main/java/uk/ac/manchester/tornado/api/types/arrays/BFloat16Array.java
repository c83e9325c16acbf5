package uk.ac.manchester.tornado.api.types.arrays;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import uk.ac.manchester.tornado.api.types.BFloat16;

/** An array of bfloat16 numbers outside the Java heap: a {@link #ARRAY_HEADER} with the length in front, then the elements. */
public final class BFloat16Array extends SegmentArray {

    private static final int BYTES = 2;

    /** An array of {@code numberOfElements} zeros. */
    public BFloat16Array(int numberOfElements) {
        super(numberOfElements, BYTES);
    }

    /** The contents of the given arrays, one after the other. */
    public BFloat16Array(BFloat16Array... arrays) {
        super(BYTES, arrays);
    }

    private BFloat16Array(MemorySegment withHeader) {
        super(withHeader, BYTES);
    }

    /** A copy of a segment that holds elements only, no header. */
    public static BFloat16Array fromSegment(MemorySegment segment) {
        BFloat16Array array = new BFloat16Array(elementsOf(segment.byteSize(), BYTES));
        array.data.copyFrom(segment);
        return array;
    }

    /** Wraps a segment that starts with an {@link #ARRAY_HEADER}: no copy, only the length is written to the header. */
    public static BFloat16Array fromSegmentShallow(MemorySegment segment) {
        return new BFloat16Array(segment);
    }

    /** The contents of the given arrays, one after the other, as a new array. */
    public static BFloat16Array concat(BFloat16Array... arrays) {
        return new BFloat16Array(arrays);
    }

    /** The raw 16 bits of every element, as a copy on the Java heap. */
    public short[] toShortArray() {
        return data.toArray(JAVA_SHORT);
    }

    /** A copy of {@code length} elements from {@code offset} on. */
    public BFloat16Array slice(int offset, int length) {
        return fromSegment(part(offset, length));
    }

    /** An array of raw bfloat16 bit patterns. */
    public static BFloat16Array fromShorts(short... values) {
        return fromSegment(MemorySegment.ofArray(values));
    }

    /** An array of floats, each rounded to the nearest bfloat16. */
    public static BFloat16Array fromFloats(float... values) {
        BFloat16Array array = new BFloat16Array(values.length);
        for (int i = 0; i < values.length; i++) {
            array.setFloat(i, values[i]);
        }
        return array;
    }

    /** Sets every element of an array to one bit pattern. */
    public static void initialize(BFloat16Array array, short value) {
        array.init(value);
    }

    /** Writes the raw bits of one element. */
    public void set(int index, short value) {
        bits(index, value);
    }

    /** Reads the raw bits of one element. */
    public short get(int index) {
        return bits(index);
    }

    /** Writes one element, rounded from float. */
    public void setFloat(int index, float value) {
        bits(index, BFloat16.bf16FromFloat(value));
    }

    /** Reads one element, widened to float. */
    public float getFloat(int index) {
        return BFloat16.bf16ToFloat(bits(index));
    }

    @Override
    public void clear() {
        init((short) 0);
    }

    /** Sets every element to one bit pattern. */
    public void init(short value) {
        for (long i = 0; i < getSize(); i++) {
            data.setAtIndex(JAVA_SHORT, i, value);
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
