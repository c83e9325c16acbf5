package io.github.tornadoattention.host.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * exp of a vector of floats up to 88.
 *
 * <p>{@code x = n · ln 2 + r} with {@code |r| <= ln(2) / 2}; exp(r) is a minimax polynomial and {@code 2^n} is put
 * together from bits. The error stays below 2 units in the last place. Below {@link #LOWEST} the result is exactly 0, for
 * -infinity too; of 0 it is exactly 1; NaN stays NaN.
 */
final class VectorExponential {
    /** From here on down, results are 0: the largest of them would be no normal float. */
    static final float LOWEST = -87.68312f;

    /** Results from here on up are wrong. */
    static final float HIGHEST = 88f;

    private static final float LOG2_E = 1.44269504f;
    /** ln 2 in two parts, since {@code n · ln 2} has more bits than a float. */
    private static final float LN2_HIGH = 0.693147182464599609375f;
    private static final float LN2_LOW = -1.904654299957768e-9f;
    /** Adding this rounds to an integer and leaves {@code n + 127}, the exponent bits of {@code 2^n}, at the end of the word. */
    private static final float ROUNDER = 12582912f + 127f;
    private static final int EXPONENT_AT = 23;

    private static final float C1 = 0.9999997019767761f;
    private static final float C2 = 0.4999914765357971f;
    private static final float C3 = 0.1666763871908188f;
    private static final float C4 = 0.04189816117286682f;
    private static final float C5 = 0.008290272206068039f;

    private VectorExponential() {}

    static FloatVector exp(FloatVector argument) {
        FloatVector x = argument.blend(-88f, argument.compare(VectorOperators.LT, -88f));
        FloatVector shifted = x.fma(Lanes.all(LOG2_E), Lanes.all(ROUNDER));
        FloatVector n = shifted.sub(ROUNDER);
        FloatVector r = n.fma(Lanes.all(-LN2_LOW), n.fma(Lanes.all(-LN2_HIGH), x));
        FloatVector p = r.fma(Lanes.all(C5), Lanes.all(C4));
        p = p.fma(r, Lanes.all(C3));
        p = p.fma(r, Lanes.all(C2));
        p = p.fma(r, Lanes.all(C1));
        p = p.fma(r, Lanes.all(1f));
        return p.mul(shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, EXPONENT_AT).reinterpretAsFloats());
    }
}
