package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Numbers of a cache that holds 16 bits each, two to an int, the first one in the lower half: {@link Options#CACHE_HALF} says
 * float16, {@link Options#CACHE_BRAIN} bfloat16. They become floats by arithmetic that every device has, so that such a cache
 * needs no 16-bit type of the device's: significand times a power of two from a table, which is exact.
 */
public final class CachedNumber {
    /** The options that say that a cache has 16 bits a number. */
    static final int ANY = Options.CACHE_HALF + Options.CACHE_BRAIN;

    private static final int HALF_BITS = 10;
    private static final int BRAIN_BITS = 7;

    private CachedNumber() {
    }

    /** The table for {@link #number}: for each exponent the value of the significand's last bit; the last one is infinite. */
    public static FloatArray powers(int options) {
        int bits = (options & Options.CACHE_HALF) != 0 ? HALF_BITS : BRAIN_BITS;
        FloatArray powers = new FloatArray(1 << (15 - bits));
        for (int exponent = 0; exponent < powers.getSize(); exponent++) {
            // the exponent 0 stands for the same power as 1, with no leading bit
            int power = Math.max(exponent, 1) - (powers.getSize() / 2 - 1) - bits;
            powers.set(exponent, exponent == powers.getSize() - 1 ? Float.POSITIVE_INFINITY : (float) Math.scalb(1.0, power));
        }
        return powers;
    }

    /** Number {@code element} of those two to an int, which stands in {@code word}. */
    public static float number(int options, int word, int element, FloatArray powers) {
        int fractionBits = (options & Options.CACHE_HALF) != 0 ? HALF_BITS : BRAIN_BITS;
        int bits = (word >> (element % 2 * 16)) & 0xFFFF;
        int exponent = (bits & 0x7FFF) >> fractionBits;
        int fraction = bits & ((1 << fractionBits) - 1);
        int significand = exponent == 0 ? fraction : fraction + (1 << fractionBits);
        float x = significand * powers.get(exponent);
        if (exponent == (1 << (15 - fractionBits)) - 1 && fraction != 0) {
            x = x - x; // infinity less itself: NaN
        }
        return bits > 0x7FFF ? -x : x;
    }
}
