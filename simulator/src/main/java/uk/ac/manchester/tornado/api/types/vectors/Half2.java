package uk.ac.manchester.tornado.api.types.vectors;

import uk.ac.manchester.tornado.api.types.HalfFloat;

/** Two 16-bit floats, which devices with packed arithmetic compute on together. */
public final class Half2 {

    private HalfFloat x;
    private HalfFloat y;

    /** Zeros. */
    public Half2() {
        this(new HalfFloat(0f), new HalfFloat(0f));
    }

    /** A pair. */
    public Half2(HalfFloat x, HalfFloat y) {
        this.x = x;
        this.y = y;
    }

    /** {@code a + b}. */
    public static Half2 add(Half2 a, Half2 b) {
        return new Half2(HalfFloat.add(a.x, b.x), HalfFloat.add(a.y, b.y));
    }

    /** {@code a + b}. */
    public static Half2 add(Half2 a, HalfFloat b) {
        return new Half2(HalfFloat.add(a.x, b), HalfFloat.add(a.y, b));
    }

    /** {@code c = a + b}. */
    public static void add(Half2 a, Half2 b, Half2 c) {
        c.set(add(a, b));
    }

    /** {@code a - b}. */
    public static Half2 sub(Half2 a, Half2 b) {
        return new Half2(HalfFloat.sub(a.x, b.x), HalfFloat.sub(a.y, b.y));
    }

    /** {@code a - b}. */
    public static Half2 sub(Half2 a, HalfFloat b) {
        return new Half2(HalfFloat.sub(a.x, b), HalfFloat.sub(a.y, b));
    }

    /** {@code c = a - b}. */
    public static void sub(Half2 a, Half2 b, Half2 c) {
        c.set(sub(a, b));
    }

    /** {@code a * b}. */
    public static Half2 mult(Half2 a, Half2 b) {
        return new Half2(HalfFloat.mult(a.x, b.x), HalfFloat.mult(a.y, b.y));
    }

    /** {@code a * b}. */
    public static Half2 mult(Half2 a, HalfFloat b) {
        return new Half2(HalfFloat.mult(a.x, b), HalfFloat.mult(a.y, b));
    }

    /** {@code c = a * b}. */
    public static void mult(Half2 a, Half2 b, Half2 c) {
        c.set(mult(a, b));
    }

    /** {@code a * b + c}, rounded after the product here; a device may round once. */
    public static Half2 fma(Half2 a, Half2 b, Half2 c) {
        return add(mult(a, b), c);
    }

    /** The first element as a float. */
    public static float lowFloat(Half2 a) {
        return a.x.getFloat32();
    }

    /** The second element as a float. */
    public static float highFloat(Half2 a) {
        return a.y.getFloat32();
    }

    /** The nearest 16-bit floats. */
    public static Half2 fromFloats(float x, float y) {
        return new Half2(new HalfFloat(x), new HalfFloat(y));
    }

    /** The first element. */
    public HalfFloat getX() {
        return x;
    }

    /** Writes the first element. */
    public void setX(HalfFloat value) {
        x = value;
    }

    /** The second element. */
    public HalfFloat getY() {
        return y;
    }

    /** Writes the second element. */
    public void setY(HalfFloat value) {
        y = value;
    }

    /** An element, 0 or 1. */
    public HalfFloat get(int index) {
        return switch (index) {
            case 0 -> x;
            case 1 -> y;
            default -> throw new ArrayIndexOutOfBoundsException(index);
        };
    }

    /** Writes an element, 0 or 1. */
    public void set(int index, HalfFloat value) {
        switch (index) {
            case 0 -> x = value;
            case 1 -> y = value;
            default -> throw new ArrayIndexOutOfBoundsException(index);
        }
    }

    /** Writes both. */
    public void set(Half2 value) {
        x = value.x;
        y = value.y;
    }

    /** The elements in a format for two floats. */
    public String toString(String fmt) {
        return String.format(fmt, x.getFloat32(), y.getFloat32());
    }

    @Override
    public String toString() {
        return toString("{%.3f,%.3f}");
    }
}
