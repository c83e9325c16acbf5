package uk.ac.manchester.tornado.api.types;

/** Conversions between float and bfloat16, the upper half of a float's bits. */
public final class BFloat16 {

    /** The largest finite bfloat16. */
    public static final float BF16_MAX = 3.3895314e38f;

    private BFloat16() {
    }

    /** The value of a bfloat16 bit pattern; every NaN becomes the canonical one. */
    public static float bf16ToFloat(short bits) {
        float value = Float.intBitsToFloat(bits << 16);
        return Float.isNaN(value) ? Float.NaN : value;
    }

    /** The nearest bfloat16; ties go away from zero, both zeros become +0 and every NaN becomes 0x7fc0. */
    public static short bf16FromFloat(float value) {
        if (Float.isNaN(value)) {
            return 0x7fc0;
        }
        if (value == 0f) {
            return 0;
        }
        int bits = Float.floatToRawIntBits(value);
        int magnitude = Math.min((bits & 0x7fff_ffff) + 0x8000, 0x7f80_0000) >>> 16;
        return (short) (magnitude | ((bits >>> 16) & 0x8000));
    }
}
