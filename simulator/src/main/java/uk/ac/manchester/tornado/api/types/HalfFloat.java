package uk.ac.manchester.tornado.api.types;

/** A 16-bit float: computed in float, rounded to nearest even. */
public class HalfFloat {

    private final short bits;

    /** The nearest 16-bit float. */
    public HalfFloat(float value) {
        bits = Float.floatToFloat16(value);
    }

    /** From raw bits. */
    public HalfFloat(short bits) {
        this.bits = bits;
    }

    /** {@code a + b}. */
    public static HalfFloat add(HalfFloat a, HalfFloat b) {
        return new HalfFloat(a.getFloat32() + b.getFloat32());
    }

    /** {@code a - b}. */
    public static HalfFloat sub(HalfFloat a, HalfFloat b) {
        return new HalfFloat(a.getFloat32() - b.getFloat32());
    }

    /** {@code a * b}. */
    public static HalfFloat mult(HalfFloat a, HalfFloat b) {
        return new HalfFloat(a.getFloat32() * b.getFloat32());
    }

    /** {@code a / b}. */
    public static HalfFloat div(HalfFloat a, HalfFloat b) {
        return new HalfFloat(a.getFloat32() / b.getFloat32());
    }

    /** The raw bits. */
    public short getHalfFloatValue() {
        return bits;
    }

    /** The value as a float, exactly. */
    public float getFloat32() {
        return Float.float16ToFloat(bits);
    }

    @Override
    public String toString() {
        return String.format("HalfFloat: %.4f", getFloat32());
    }
}
