package uk.ac.manchester.tornado.api.types.arrays;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.github.tornadoattention.simulator.engine.OutsideArrayException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What all array types share: one segment for header and elements, and a view of the elements alone. */
abstract class SegmentArray extends TornadoNativeArray {

    private static final int ALIGNMENT = 64;

    /** Header and elements. */
    final MemorySegment whole;
    /** The elements; its own bounds are what checks every index, a negative one included. */
    final MemorySegment data;
    final int size;

    SegmentArray(int size, int elementBytes) {
        this(Arena.ofAuto().allocate(bytesFor(size, elementBytes), ALIGNMENT), elementBytes);
    }

    SegmentArray(MemorySegment whole, int elementBytes) {
        this.whole = whole;
        this.data = whole.asSlice(ARRAY_HEADER);
        this.size = elementsOf(data.byteSize(), elementBytes);
        whole.set(JAVA_INT, 0, size);
    }

    SegmentArray(int elementBytes, TornadoNativeArray[] parts) {
        this(totalSize(parts), elementBytes);
        long at = 0;
        for (TornadoNativeArray part : parts) {
            MemorySegment.copy(part.getSegment(), 0, data, at, part.getNumBytesOfSegment());
            at += part.getNumBytesOfSegment();
        }
    }

    static int elementsOf(long bytes, int elementBytes) {
        if (bytes % elementBytes != 0) {
            throw new IllegalArgumentException(bytes + " bytes are no whole number of elements of " + elementBytes + " bytes");
        }
        return Math.toIntExact(bytes / elementBytes);
    }

    final MemorySegment part(int offset, int length) {
        if (offset < 0 || length < 0 || (long) offset + length > size) {
            throw new IllegalArgumentException(
                    "slice of " + length + " elements from " + offset + " on leaves an array of " + size);
        }
        long elementBytes = getElementSize();
        return data.asSlice(offset * elementBytes, length * elementBytes);
    }

    final OutsideArrayException outside(int index, boolean write) {
        return new OutsideArrayException(this, index, write);
    }

    private static long bytesFor(int size, int elementBytes) {
        if (size < 0) {
            throw new IllegalArgumentException("negative array size " + size);
        }
        return ARRAY_HEADER + (long) size * elementBytes;
    }

    private static int totalSize(TornadoNativeArray[] parts) {
        long total = 0;
        for (TornadoNativeArray part : parts) {
            total += part.getSize();
        }
        return Math.toIntExact(total);
    }
}
