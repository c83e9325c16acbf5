package io.github.tornadoattention.simulator.engine;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.DoubleArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;
import uk.ac.manchester.tornado.api.types.vectors.Half2;

/** What memory holds before anybody writes it: NaNs of a rare bit pattern, never the zeros that hide a mistake. */
final class Poison {

    static final int INT = 0x7fc0_dead;
    static final long LONG = 0x7ff8_dead_7fc0_deadL;
    /** A NaN as a 16-bit float and as a bfloat16. */
    static final short SHORT = 0x7fed;
    static final byte BYTE = (byte) 0xad;

    private static final float FLOAT = Float.intBitsToFloat(INT);
    private static final double DOUBLE = Double.longBitsToDouble(LONG);
    private static final HalfFloat HALF = new HalfFloat(SHORT);

    private Poison() {
    }

    /** Fills an array of primitives or of half floats on the Java heap. */
    static void fill(Object array) {
        switch (array) {
            case float[] a -> Arrays.fill(a, FLOAT);
            case int[] a -> Arrays.fill(a, INT);
            case double[] a -> Arrays.fill(a, DOUBLE);
            case long[] a -> Arrays.fill(a, LONG);
            case byte[] a -> Arrays.fill(a, BYTE);
            case short[] a -> Arrays.fill(a, SHORT);
            case HalfFloat[] a -> Arrays.fill(a, HALF);
            case Half2[] a -> Arrays.setAll(a, _ -> new Half2(HALF, HALF));
            default -> throw new IllegalArgumentException("no local memory of type " + array.getClass().getName());
        }
    }

    /** Fills an array outside the heap. */
    static void fill(TornadoNativeArray array) {
        MemorySegment data = array.getSegment();
        long n = array.getSize();
        switch (array) {
            case FloatArray _, IntArray _ -> {
                for (long i = 0; i < n; i++) {
                    data.setAtIndex(JAVA_INT, i, INT);
                }
            }
            case DoubleArray _, LongArray _ -> {
                for (long i = 0; i < n; i++) {
                    data.setAtIndex(JAVA_LONG, i, LONG);
                }
            }
            case HalfFloatArray _, BFloat16Array _ -> {
                for (long i = 0; i < n; i++) {
                    data.setAtIndex(JAVA_SHORT, i, SHORT);
                }
            }
            default -> data.fill(BYTE);
        }
    }

    /** Whether a floating-point element still holds what {@link #fill} put there; other types hold no pattern to tell. */
    static boolean remains(TornadoNativeArray array, int index) {
        MemorySegment data = array.getSegment();
        return switch (array) {
            case FloatArray _ -> isPoison(data.getAtIndex(JAVA_FLOAT, index));
            case DoubleArray _ -> isPoison(data.getAtIndex(JAVA_DOUBLE, index));
            case HalfFloatArray _, BFloat16Array _ -> data.getAtIndex(JAVA_SHORT, index) == SHORT;
            default -> false;
        };
    }

    static boolean isPoison(float value) {
        return Float.floatToRawIntBits(value) == INT;
    }

    static boolean isPoison(double value) {
        return Double.doubleToRawLongBits(value) == LONG;
    }

    static boolean isPoison(HalfFloat value) {
        return value == HALF;
    }
}
