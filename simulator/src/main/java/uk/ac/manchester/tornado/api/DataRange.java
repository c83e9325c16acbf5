package uk.ac.manchester.tornado.api;

import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** A part of an array to copy to the host: offset and size in elements, until {@link #materialize()} turns them into bytes. */
public class DataRange {

    private final TornadoNativeArray array;
    private long offset;
    private long size;
    private long offsetBytes = -1;
    private long sizeBytes = -1;

    /** The whole of an array. */
    public DataRange(TornadoNativeArray array) {
        this.array = array;
    }

    /** Starts at an element. */
    public DataRange withOffset(long offset) {
        this.offset = offset;
        return this;
    }

    /** Takes so many elements; 0 means the whole array. */
    public DataRange withSize(long size) {
        this.size = size;
        return this;
    }

    /** First byte, counted from the header's start. */
    public long getOffset() {
        return materialized(offsetBytes);
    }

    /** Bytes to copy. */
    public long getPartialSize() {
        return materialized(sizeBytes);
    }

    /** Fixes the range in bytes; it must lie within the array. */
    public void materialize() {
        long elementBytes = array.getElementSize();
        long bytes = size == 0 ? array.getNumBytesOfSegment() : size * elementBytes;
        if (offset < 0 || bytes < 0 || offset * elementBytes + bytes > array.getNumBytesOfSegment()) {
            throw new TornadoRuntimeException("a range of " + bytes + " bytes from element " + offset + " on leaves an array of "
                    + array.getSize() + " elements");
        }
        offsetBytes = TornadoNativeArray.ARRAY_HEADER + offset * elementBytes;
        sizeBytes = bytes;
    }

    /** The array. */
    public TornadoNativeArray getArray() {
        return array;
    }

    private static long materialized(long bytes) {
        if (bytes < 0) {
            throw new TornadoRuntimeException("call materialize() before asking a range for its bytes");
        }
        return bytes;
    }
}
