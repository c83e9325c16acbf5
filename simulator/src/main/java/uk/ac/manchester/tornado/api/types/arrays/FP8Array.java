package uk.ac.manchester.tornado.api.types.arrays;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/** An array of raw 8-bit floats outside the Java heap: a {@link #ARRAY_HEADER} with the length in front, then the elements. */
public final class FP8Array extends SegmentArray {

    private static final int BYTES = 1;

    /** An array of {@code numberOfElements} zeros. */
    public FP8Array(int numberOfElements) {
        super(numberOfElements, BYTES);
    }

    private FP8Array(MemorySegment withHeader) {
        super(withHeader, BYTES);
    }

    /** Wraps a segment that starts with an {@link #ARRAY_HEADER}: no copy, only the length is written to the header. */
    public static FP8Array fromSegmentShallow(MemorySegment segment) {
        return new FP8Array(segment);
    }

    /** Writes the bits of one element. */
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

    /** Reads the bits of one element. */
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
        data.fill((byte) 0);
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
}
