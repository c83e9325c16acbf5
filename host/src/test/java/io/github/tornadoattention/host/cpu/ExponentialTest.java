package io.github.tornadoattention.host.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ExponentialTest {
    private static float exp(float x) {
        float[] values = {0, x, 0};
        Exponential.of(values, new float[3], 1, 2);
        assertThat(values[0] + values[2]).isZero();
        return values[1];
    }

    /** A walk over the range of normal results in steps of 0.0001. */
    @Test
    void errorStaysBelowTwoUnitsInTheLastPlace() {
        double worst = 0;
        float[] x = new float[1024];
        float[] result = new float[1024];
        float[] k = new float[1024];
        for (float start = -86.9f; start < 88.3f; start += 0.1f) {
            for (int n = 0; n < x.length; n++) {
                x[n] = Math.min(88.3f, start + n * 1e-4f);
                result[n] = x[n];
            }
            Exponential.of(result, k, 0, x.length);
            for (int n = 0; n < x.length; n++) {
                double exact = Math.exp(x[n]);
                worst = Math.max(worst, Math.abs(result[n] - exact) / Math.ulp((float) exact));
            }
        }
        assertThat(worst).isLessThan(2);
    }

    @Test
    void endsOfTheRange() {
        assertThat(exp(0f)).isEqualTo(1f);
        assertThat(exp(Exponential.LOWEST)).isZero();
        assertThat(exp(-90f)).isZero();
        assertThat(exp(Exponential.HIGHEST)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(exp(Float.NaN)).isNaN();
    }

    @Test
    void tileExpTakesAnyReferenceAndSpoilsWhatIsNotFinite() {
        TileMath math = new ScalarTileMath(8);
        float[] s = {1, -1e30f, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY, Float.NaN, 3, -Float.MAX_VALUE, 500};
        math.exp(s, 3f, 0, s.length);

        assertThat(s[0]).isEqualTo((float) Math.exp(-2));
        assertThat(s[1]).isZero();
        assertThat(s[2]).isNaN();
        assertThat(s[3]).isNaN();
        assertThat(s[4]).isNaN();
        assertThat(s[5]).isEqualTo(1f);
        assertThat(s[6]).isZero();
        assertThat(s[7]).isEqualTo(Float.POSITIVE_INFINITY);
    }
}
