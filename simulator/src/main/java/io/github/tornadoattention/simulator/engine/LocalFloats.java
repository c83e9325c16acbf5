package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * What {@code (FloatArray) (Object) floats} gives in a kernel: an array that fragments can be stored to. The device takes the
 * address of the array for that of a global one, whose header is four floats long, so element 0 is element 4. The array is
 * a local one, or a lane's own: then each lane stores to its own.
 */
final class LocalFloats extends ArrayWatch {

    private static final int HEADER = 4;
    private static final MemorySegment NO_ELEMENTS = Arena.global().allocate(TornadoNativeArray.ARRAY_HEADER, Integer.BYTES);

    private final float[] array;

    private LocalFloats(float[] array) {
        this.array = array;
    }

    static FloatArray view(float[] array) {
        FloatArray view = FloatArray.fromSegmentShallow(NO_ELEMENTS);
        attach(view, new LocalFloats(array));
        return view;
    }

    /** What is behind an array, or null if it is a global array. */
    static LocalFloats behind(FloatArray array) {
        return of(array) instanceof LocalFloats local ? local : null;
    }

    void store(int index, float value, int site) {
        int at = index + HEADER;
        if (index < 0 || at >= array.length) {
            throw new Violation(KernelFault.Kind.OUT_OF_BOUNDS, "write to index " + index + " of a float array with "
                    + array.length + " elements, of which a FloatArray has " + Math.max(array.length - HEADER, 0));
        }
        Hooks.store(array, at, value, site);
    }

    @Override
    public void read(int index) {
        throw refused();
    }

    @Override
    public void write(int index) {
        throw refused();
    }

    private static Violation refused() {
        return new Violation(KernelFault.Kind.WARP_OPERAND,
                "an array that is cast to FloatArray serves mmaStore only, neither get nor set");
    }
}
