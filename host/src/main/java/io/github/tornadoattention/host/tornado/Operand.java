package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Tensor;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * A tensor of a plan on its way to or from the device: the array that crosses over, whose type is the tensor's, or float32 where
 * the host converts; and the floats that float32 kernels read or write, which are the same array if that is float32, and
 * otherwise stay on the device, where {@link Tasks} converts.
 */
final class Operand {
    private final int[] shape;
    private final DType outside;
    private final Tensor crossing;
    private @Nullable FloatArray floats;
    private @Nullable LongArray longs;
    private @Nullable IntArray ints;

    /**
     * An operand with new arrays.
     *
     * @param outside type of the tensors that are copied in and out
     * @param crossing type of the array that crosses over
     */
    Operand(DType outside, DType crossing, int[] shape) {
        this.shape = shape.clone();
        this.outside = outside;
        this.crossing = Tensor.zeros(crossing, shape);
    }

    /** The array that crosses over: a FloatArray, HalfFloatArray or BFloat16Array. */
    TornadoNativeArray array() {
        return crossing.array();
    }

    /** The type of {@link #array}. */
    DType dtype() {
        return crossing.dtype();
    }

    /** The floats for float32 kernels. */
    FloatArray floats() {
        if (floats == null) {
            floats = dtype() == DType.FP32 ? crossing.data() : new FloatArray(crossing.size());
        }
        return floats;
    }

    /**
     * The bits of the array that crosses over, four 16-bit numbers to a long: what tensor-core kernels read, in place of
     * {@link #array}.
     */
    LongArray longs() {
        if (longs == null) {
            longs = LongArray.fromSegmentShallow(array().getSegmentWithHeader());
        }
        return longs;
    }

    /** The same memory, two to an int: what tensor-core kernels write. */
    IntArray ints() {
        if (ints == null) {
            ints = IntArray.fromSegmentShallow(array().getSegmentWithHeader());
        }
        return ints;
    }

    /** The lengths (a copy). */
    int[] shape() {
        return shape.clone();
    }

    /** The number of elements. */
    int size() {
        return crossing.size();
    }

    /** Takes a tensor over, converted if need be. */
    void copyIn(Tensor from) {
        crossing.fill(from);
    }

    /** A new tensor of the type outside. */
    Tensor copyOut() {
        Tensor copy = Tensor.zeros(outside, shape);
        copy.fill(crossing);
        return copy;
    }
}
