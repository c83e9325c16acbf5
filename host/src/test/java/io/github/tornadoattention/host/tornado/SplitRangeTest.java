package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.RandomSpecs.Drawn;
import io.github.tornadoattention.host.check.RandomSpecs.Expected;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Numbers of very different size in one head, and heads of very different size, where float32 is split into scaled float16. */
class SplitRangeTest {
    private static final int D = 16;
    private static final int N = 35;
    private static final AttentionSpec SPEC = AttentionSpec.builder(1, 2, N, D).build();

    private static Forward forward(AttentionSpec spec, AttentionInputs in) {
        try (Attention attention = Attention.on(new Splitting(), spec, Algorithm.FLASH)) {
            return attention.forward(in);
        }
    }

    private static void assertRight(AttentionSpec spec, AttentionInputs in) {
        Expected expected = new Drawn(1, spec, in, Inputs.random(spec, 1).dOut()).expected();
        assertThat(Comparison.of(spec, expected.exact(), forward(spec, in), null, expected.tolerance()).firstFailure())
                .as("%s", spec).isEmpty();
    }

    /** A factor for each element, by head and row. */
    private interface Factor {
        float of(int head, int row);
    }

    private static Tensor scaled(Tensor tensor, Factor factor) {
        float[] x = tensor.toArray();
        int rows = tensor.shape()[2];
        for (int n = 0; n < x.length; n++) {
            x[n] *= factor.of(n / D / rows, n / D % rows);
        }
        return Tensor.of(x, tensor.shape());
    }

    private static float power(int exponent) {
        return Math.scalb(1f, exponent);
    }

    /** A head comes out the same to the last bit whatever its magnitude, beside another of whatever magnitude. */
    @ParameterizedTest
    @ValueSource(ints = {-100, -20, 20, 100})
    void headsDoNotKnowOfEachOther(int exponent) {
        AttentionInputs in = Inputs.random(SPEC, 3).inputs();
        Factor second = (head, row) -> head == 1 ? power(exponent) : 1f;
        Factor inverse = (head, row) -> head == 1 ? power(-exponent) : 1f;
        Forward plain = forward(SPEC, in);
        Forward other = forward(SPEC,
                AttentionInputs.of(scaled(in.q(), second), scaled(in.k(), inverse), scaled(in.v(), second)));
        assertThat(other.out().toArray()).isEqualTo(scaled(plain.out(), second).toArray());
        assertThat(other.lse().toArray()).isEqualTo(plain.lse().toArray());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 6, 12})
    void rowsOfDifferentMagnitude(int most) {
        AttentionInputs in = Inputs.random(SPEC, 4).inputs();
        Factor mixed = (head, row) -> power(row % 3 * most / 2 - most);
        assertRight(SPEC, AttentionInputs.of(scaled(in.q(), mixed), scaled(in.k(), mixed), scaled(in.v(), mixed)));
        Factor steep = (head, row) -> row == 9 ? power(most) : 1f;
        assertRight(SPEC, AttentionInputs.of(scaled(in.q(), steep), in.k(), scaled(in.v(), steep)));
        assertRight(SPEC, AttentionInputs.of(in.q(), scaled(in.k(), steep), in.v()));
    }

    /** Next to one large number the others keep what float32 would after a sum with it, and 2<sup>24</sup> times finer. */
    @ParameterizedTest
    @CsvSource({"20, 1e-6", "28, 1e-6", "40, 1e-3"})
    void besideAnOutlier(int exponent, float allowed) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 20, D).build();
        AttentionInputs in = Inputs.random(spec, 5).inputs();
        float[] v = in.v().toArray();
        v[3] = power(exponent);
        float[] out = forward(spec, AttentionInputs.of(in.q(), in.k(), Tensor.of(v, in.v().shape()))).out().toArray();
        float[] plain = forward(spec, in).out().toArray();
        for (int n = 0; n < out.length; n++) {
            if (n % D != 3) {
                assertThat(out[n]).as("element %d", n).isCloseTo(plain[n], within(allowed));
            }
        }
    }

    @Test
    void headsOfZeros() {
        AttentionInputs in = Inputs.random(SPEC, 6).inputs();
        Factor first = (head, row) -> head == 0 ? 0f : 1f;
        assertRight(SPEC, AttentionInputs.of(scaled(in.q(), first), in.k(), in.v()));
        assertRight(SPEC, AttentionInputs.of(in.q(), scaled(in.k(), first), in.v()));
        assertRight(SPEC, AttentionInputs.of(in.q(), in.k(), scaled(in.v(), first)));
        AttentionInputs zeros = AttentionInputs.of(scaled(in.q(), (head, row) -> 0f), scaled(in.k(), (head, row) -> 0f),
                scaled(in.v(), (head, row) -> 0f));
        assertThat(forward(SPEC, zeros).out().toArray()).containsOnly(0f);
    }

    /** Their largest number is where it would count for the head's scale. */
    @ParameterizedTest
    @ValueSource(floats = {1e30f, Float.POSITIVE_INFINITY, Float.NaN})
    void keysPastTheLengthDoNotCount(float beyond) {
        AttentionSpec spec = AttentionSpec.builder(1, 2, N, D).keyLengths(21).build();
        AttentionInputs in = Inputs.random(spec, 8).inputs();
        Factor past = (head, row) -> row < 21 ? 1f : beyond;
        Forward plain = forward(spec, in);
        Forward other = forward(spec, AttentionInputs.of(in.q(), scaled(in.k(), past), scaled(in.v(), past)));
        assertThat(other.out().toArray()).isEqualTo(plain.out().toArray());
        assertThat(other.lse().toArray()).isEqualTo(plain.lse().toArray());
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY, Float.NaN})
    void aValueThatIsNotFiniteStaysInItsColumn(float value) {
        AttentionInputs in = Inputs.random(SPEC, 9).inputs();
        float[] v = in.v().toArray();
        v[5 * D + 3] = value;
        float[] plain = forward(SPEC, in).out().toArray();
        float[] out = forward(SPEC, AttentionInputs.of(in.q(), in.k(), Tensor.of(v, in.v().shape()))).out().toArray();
        for (int n = 0; n < out.length; n++) {
            if (n < N * D && n % D == 3) {
                assertThat(Float.isFinite(out[n])).as("element %d", n).isFalse();
            } else {
                assertThat(out[n]).as("element %d", n).isCloseTo(plain[n], within(1e-6f));
            }
        }
    }

    /** Subnormal numbers have fewer bits in float32, too. */
    @Test
    void subnormalNumbers() {
        AttentionInputs in = Inputs.random(SPEC, 10).inputs();
        Tensor v = scaled(in.v(), (head, row) -> 1e-40f);
        float[] out = forward(SPEC, AttentionInputs.of(in.q(), in.k(), v)).out().toArray();
        float[] plain = forward(SPEC, in).out().toArray();
        for (int n = 0; n < out.length; n++) {
            assertThat(out[n]).isCloseTo(plain[n] * 1e-40f, within(4 * Float.MIN_VALUE));
        }
    }

    /** Products of such queries and keys overflow; those of the others do not. */
    @Test
    void hugeRows() {
        AttentionInputs in = Inputs.random(SPEC, 11).inputs();
        float[] q = in.q().toArray();
        Arrays.fill(q, 0, D, 1e30f);
        float[] k = in.k().toArray();
        Arrays.fill(k, 1e9f);
        Forward forward = forward(SPEC, AttentionInputs.of(Tensor.of(q, in.q().shape()), Tensor.of(k, in.k().shape()), in.v()));
        assertThat(forward.out().get(0, 0, 0, 0)).isNaN();
        assertThat(forward.out().get(0, 1, 0, 0)).isFinite();
    }
}
