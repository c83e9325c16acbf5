package io.github.tornadoattention.host;

import java.util.Locale;

/**
 * The numbers that tensors hold. Whatever their type, attention is computed in float32: 16-bit inputs are widened, which is
 * exact, and results are rounded once, to the nearest number of the type, ties to even. lse is float32 for every type.
 */
public enum DType {
    /** IEEE 754 binary32. */
    FP32(Float.BYTES),
    /** IEEE 754 binary16: 11 significant bits, largest number 65504. */
    FP16(Short.BYTES),
    /** The upper half of a float32: 8 significant bits, the range of float32. NumPy has no such type. */
    BF16(Short.BYTES);

    /**
     * What is added to a float's bits before its lower half is cut off, if the last bit that stays is 0; ties then go to even.
     */
    private static final int BELOW_HALF = 0x7FFF;

    private static final int QUIET = 0x40;

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    /**
     * The nearest number of this type, ties to even; infinite where the largest one is passed by half a step, NaN if it is NaN.
     */
    public float round(float x) {
        return this == FP32 ? x : widen(narrow(x));
    }

    /**
     * The nearest number of a 16-bit type as its bits.
     *
     * @throws IllegalStateException for {@link #FP32}
     */
    public short narrow(float x) {
        return switch (this) {
            case FP16 -> Float.floatToFloat16(x);
            case BF16 -> narrowToBrain(x);
            case FP32 -> throw new IllegalStateException("fp32 has no 16 bits");
        };
    }

    /**
     * The value of the bits of a 16-bit type, exactly; a NaN keeps its payload.
     *
     * @throws IllegalStateException for {@link #FP32}
     */
    public float widen(short bits) {
        return switch (this) {
            case FP16 -> Float.float16ToFloat(bits);
            case BF16 -> Float.intBitsToFloat(bits << 16);
            case FP32 -> throw new IllegalStateException("fp32 has no 16 bits");
        };
    }

    private static short narrowToBrain(float x) {
        int bits = Float.floatToRawIntBits(x);
        if (Float.isNaN(x)) {
            return (short) (bits >>> 16 | QUIET);
        }
        return (short) (bits + BELOW_HALF + (bits >>> 16 & 1) >>> 16);
    }

    /**
     * The type of this name.
     *
     * @throws IllegalArgumentException if it is none of fp32, fp16, bf16
     */
    public static DType of(String name) {
        for (DType type : values()) {
            if (type.toString().equals(name)) {
                return type;
            }
        }
        throw new IllegalArgumentException("'%s' is none of fp32, fp16, bf16".formatted(name));
    }

    /** {@code fp32}, {@code fp16} or {@code bf16}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
