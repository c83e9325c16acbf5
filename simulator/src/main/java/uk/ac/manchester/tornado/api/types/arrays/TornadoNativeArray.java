package uk.ac.manchester.tornado.api.types.arrays;

import io.github.tornadoattention.simulator.engine.ArrayWatch;
import java.lang.foreign.MemorySegment;

/**
 * An array outside the Java heap, as kernels take them. In front of its elements lies a header of {@link #ARRAY_HEADER} bytes
 * whose first four bytes hold the number of elements.
 */
public abstract class TornadoNativeArray {

    /** Bytes in front of the first element: 16 unless the property {@code tornado.panama.objectHeader} says otherwise. */
    public static final long ARRAY_HEADER = Long.getLong("tornado.panama.objectHeader", 16L);

    static {
        ArrayWatch.connect((array, watch) -> array.watch = watch, array -> array.watch);
    }

    /** Told of every access by {@code get} and {@code set} while it is set. */
    ArrayWatch watch;

    /** For the array types of this package. */
    public TornadoNativeArray() {
    }

    /** The number of elements. */
    public abstract int getSize();

    /** The elements, without the header. */
    public abstract MemorySegment getSegment();

    /** Header and elements. */
    public abstract MemorySegment getSegmentWithHeader();

    /** Bytes of header and elements. */
    public abstract long getNumBytesOfSegmentWithHeader();

    /** Bytes of the elements. */
    public abstract long getNumBytesOfSegment();

    /** Sets every element to zero. */
    protected void clear() {
    }

    /** Bytes of one element. */
    public abstract int getElementSize();
}
