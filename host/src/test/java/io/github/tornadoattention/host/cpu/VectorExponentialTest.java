package io.github.tornadoattention.host.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class VectorExponentialTest {
    private static float[] exp(float... values) {
        float[] padded = Arrays.copyOf(values, Math.ceilDiv(values.length, Lanes.COUNT) * Lanes.COUNT);
        for (int n = 0; n < padded.length; n += Lanes.COUNT) {
            VectorExponential.exp(FloatVector.fromArray(Lanes.FLOATS, padded, n)).intoArray(padded, n);
        }
        return Arrays.copyOf(padded, values.length);
    }

    /** Every 97th float from the lowest with a result up to 88. */
    @Test
    void errorStaysBelowTwoUnitsInTheLastPlace() {
        double worst = 0;
        float[] x = new float[1 << 14];
        for (int sign = 0; sign < 2; sign++) {
            float end = sign == 0 ? VectorExponential.HIGHEST : -VectorExponential.LOWEST - 0.4f;
            int bits = Float.floatToIntBits(1e-9f);
            while (bits < Float.floatToIntBits(end)) {
                for (int n = 0; n < x.length; n++, bits += 97) {
                    float magnitude = Math.min(end, Float.intBitsToFloat(bits));
                    x[n] = sign == 0 ? magnitude : -magnitude;
                }
                float[] result = exp(x);
                for (int n = 0; n < x.length; n++) {
                    double exact = Math.exp(x[n]);
                    worst = Math.max(worst, Math.abs(result[n] - exact) / Math.ulp((float) exact));
                }
            }
        }
        assertThat(worst).isLessThan(2);
    }

    @Test
    void endsOfTheRange() {
        float payload = Float.intBitsToFloat(0x7fc00001);
        float[] result = exp(0f, -0f, Float.NEGATIVE_INFINITY, -1e30f, -Float.MAX_VALUE, -88f, Float.NaN, payload, -payload);

        assertThat(result[0]).isEqualTo(1f);
        assertThat(result[1]).isEqualTo(1f);
        assertThat(Arrays.copyOfRange(result, 2, 6)).containsOnly(0f);
        assertThat(Arrays.copyOfRange(result, 6, 9)).containsOnly(Float.NaN);
    }

    @Test
    void tanhIsNearTheExactOne() {
        for (float x : new float[] {0, 1e-6f, 0.1f, 0.6249f, 0.6251f, 1, 3, 9.5f, 30, 1e30f, Float.POSITIVE_INFINITY}) {
            for (float signed : new float[] {x, -x}) {
                float result = VectorModifier.tanh(Lanes.all(signed)).lane(0);
                assertThat((double) result).isCloseTo(Math.tanh(signed), offset(2e-7 * Math.min(1, x)));
            }
        }
        assertThat(VectorModifier.tanh(Lanes.all(Float.NaN)).lane(0)).isNaN();
    }
}
