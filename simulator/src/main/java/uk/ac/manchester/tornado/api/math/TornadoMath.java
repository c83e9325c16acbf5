package uk.ac.manchester.tornado.api.math;

import uk.ac.manchester.tornado.api.types.HalfFloat;

/** The mathematical functions that kernels may call. Float versions compute in double and round once, unlike a device's. */
public class TornadoMath {

    /** Holds functions only. */
    public TornadoMath() {
    }

    /** The smaller of two; NaN if either is. */
    public static float min(float a, float b) {
        return Math.min(a, b);
    }

    /** The smaller of two; NaN if either is. */
    public static double min(double a, double b) {
        return Math.min(a, b);
    }

    /** The smaller of two. */
    public static long min(long a, long b) {
        return Math.min(a, b);
    }

    /** The smaller of two. */
    public static int min(int a, int b) {
        return Math.min(a, b);
    }

    /** The smaller of two. */
    public static short min(short a, short b) {
        return (short) Math.min(a, b);
    }

    /** The smaller of two. */
    public static byte min(byte a, byte b) {
        return (byte) Math.min(a, b);
    }

    /** The smaller of two. */
    public static HalfFloat min(HalfFloat a, HalfFloat b) {
        return Math.min(a.getFloat32(), b.getFloat32()) == a.getFloat32() ? a : b;
    }

    /** The larger of two; NaN if either is. */
    public static float max(float a, float b) {
        return Math.max(a, b);
    }

    /** The larger of two; NaN if either is. */
    public static double max(double a, double b) {
        return Math.max(a, b);
    }

    /** The larger of two. */
    public static long max(long a, long b) {
        return Math.max(a, b);
    }

    /** The larger of two. */
    public static int max(int a, int b) {
        return Math.max(a, b);
    }

    /** The larger of two. */
    public static short max(short a, short b) {
        return (short) Math.max(a, b);
    }

    /** The larger of two. */
    public static byte max(byte a, byte b) {
        return (byte) Math.max(a, b);
    }

    /** The larger of two. */
    public static HalfFloat max(HalfFloat a, HalfFloat b) {
        return Math.max(a.getFloat32(), b.getFloat32()) == a.getFloat32() ? a : b;
    }

    /** Magnitude. */
    public static float abs(float a) {
        return Math.abs(a);
    }

    /** Magnitude. */
    public static double abs(double a) {
        return Math.abs(a);
    }

    /** Magnitude. */
    public static long abs(long a) {
        return Math.abs(a);
    }

    /** Magnitude. */
    public static int abs(int a) {
        return Math.abs(a);
    }

    /** Magnitude. */
    public static short abs(short a) {
        return (short) Math.abs(a);
    }

    /** Magnitude. */
    public static byte abs(byte a) {
        return (byte) Math.abs(a);
    }

    /** The value, held between two bounds. */
    public static long clamp(long value, long min, long max) {
        return max(min, min(max, value));
    }

    /** The value, held between two bounds. */
    public static int clamp(int value, int min, int max) {
        return max(min, min(max, value));
    }

    /** The value, held between two bounds. */
    public static short clamp(short value, short min, short max) {
        return max(min, min(max, value));
    }

    /** The value, held between two bounds. */
    public static byte clamp(byte value, byte min, byte max) {
        return max(min, min(max, value));
    }

    /** The value, held between two bounds. */
    public static float clamp(float value, float min, float max) {
        return max(min, min(max, value));
    }

    /** The value, held between two bounds. */
    public static double clamp(double value, double min, double max) {
        return max(min, min(max, value));
    }

    /** e to the power of a value. */
    public static float exp(float value) {
        return (float) Math.exp(value);
    }

    /** e to the power of a value. */
    public static double exp(double value) {
        return Math.exp(value);
    }

    /** Square root. */
    public static float sqrt(float value) {
        return (float) Math.sqrt(value);
    }

    /** Square root. */
    public static double sqrt(double value) {
        return Math.sqrt(value);
    }

    /** The largest whole number not above a value. */
    public static float floor(float value) {
        return (float) Math.floor(value);
    }

    /** The largest whole number not above a value. */
    public static double floor(double value) {
        return Math.floor(value);
    }

    /** The smallest whole number not below a value. */
    public static float ceil(float value) {
        return (float) Math.ceil(value);
    }

    /** The smallest whole number not below a value. */
    public static double ceil(double value) {
        return Math.ceil(value);
    }

    /** Natural logarithm. */
    public static float log(float value) {
        return (float) Math.log(value);
    }

    /** Natural logarithm. */
    public static double log(double value) {
        return Math.log(value);
    }

    /** Tangent. */
    public static float tan(float value) {
        return (float) Math.tan(value);
    }

    /** Tangent. */
    public static double tan(double value) {
        return Math.tan(value);
    }

    /** Hyperbolic tangent. */
    public static float tanh(float value) {
        return (float) Math.tanh(value);
    }

    /** Hyperbolic tangent. */
    public static double tanh(double value) {
        return Math.tanh(value);
    }

    /** Arc tangent. */
    public static float atan(float value) {
        return (float) Math.atan(value);
    }

    /** Arc tangent. */
    public static double atan(double value) {
        return Math.atan(value);
    }

    /** Arc cosine. */
    public static float acos(float value) {
        return (float) Math.acos(value);
    }

    /** Arc cosine. */
    public static double acos(double value) {
        return Math.acos(value);
    }

    /** Arc sine. */
    public static float asin(float value) {
        return (float) Math.asin(value);
    }

    /** Arc sine. */
    public static double asin(double value) {
        return Math.asin(value);
    }

    /** Degrees to radians. */
    public static float toRadians(float value) {
        return (float) Math.toRadians(value);
    }

    /** Degrees to radians. */
    public static double toRadians(double value) {
        return Math.toRadians(value);
    }

    /** What is left above the floor. */
    public static float fract(float value) {
        return value - floor(value);
    }

    /** Sign: -1, 0 or 1. */
    public static float signum(float value) {
        return Math.signum(value);
    }

    /** What is left above the floor. */
    public static double fract(double value) {
        return value - floor(value);
    }

    /** Sign: -1, 0 or 1. */
    public static double signum(double value) {
        return Math.signum(value);
    }

    /** Logarithm to base 2, as a quotient of natural logarithms. */
    public static float log2(float value) {
        return log(value) / log(2f);
    }

    /** Logarithm to base 2, as a quotient of natural logarithms. */
    public static double log2(double value) {
        return Math.log(value) / Math.log(2);
    }

    /** One value to the power of another. */
    public static float pow(float a, float b) {
        return (float) Math.pow(a, b);
    }

    /** One value to the power of another. */
    public static double pow(double a, double b) {
        return Math.pow(a, b);
    }

    /** The angle of the point (b, a). */
    public static float atan2(float a, float b) {
        return (float) Math.atan2(a, b);
    }

    /** The angle of the point (b, a). */
    public static double atan2(double a, double b) {
        return Math.atan2(a, b);
    }

    /** Pi. */
    public static float floatPI() {
        return (float) Math.PI;
    }

    /** Pi. */
    public static double PI() {
        return Math.PI;
    }
}
