package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.Tensor;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Values of very different size, where bfloat16 becomes scaled float16 on its way to the tensor cores. */
class BrainRangeTest {
    private static final int D = 16;
    private static final int N = 35;
    private static final AttentionSpec SPEC =
            AttentionSpec.builder(2, 4, 20, D).kvHeads(2).seqK(N).dtype(DType.BF16).build();

    private static Forward forward(AttentionSpec spec, AttentionInputs in, float[] v) {
        assertThat(TensorPlan.takes(Platform.devices().getFirst(), spec)).isTrue();
        Tensor values = Tensor.of(v, in.v().shape()).to(DType.BF16);
        try (Attention attention = Attention.on(Backend.of("simulator"), spec)) {
            return attention.forward(AttentionInputs.of(in.q(), in.k(), values));
        }
    }

    private static float[] floats(Tensor tensor) {
        return tensor.to(DType.FP32).toArray();
    }

    /** A factor for each element, by batch entry times head, and row. */
    private interface Factor {
        float of(int batchHead, int row);
    }

    private static float[] scaled(Tensor tensor, Factor factor) {
        float[] x = floats(tensor);
        int rows = tensor.shape()[2];
        for (int n = 0; n < x.length; n++) {
            x[n] = x[n] * factor.of(n / D / rows, n / D % rows) + 0f; // no -0
        }
        return x;
    }

    /** A head comes out the same to the last bit whatever its magnitude, beside another of whatever magnitude. */
    @ParameterizedTest
    @ValueSource(ints = {-100, -20, 20, 120})
    void headsDoNotKnowOfEachOther(int exponent) {
        AttentionInputs in = Inputs.random(SPEC, 3).inputs();
        Forward plain = forward(SPEC, in, floats(in.v()));
        Forward other = forward(SPEC, in, scaled(in.v(), (head, row) -> head == 2 ? Math.scalb(1f, exponent) : 1f));
        float[] expected = scaled(plain.out(), (head, row) -> head / 2 == 2 ? Math.scalb(1f, exponent) : 1f);
        assertThat(floats(other.out())).isEqualTo(expected);
        assertThat(other.lse().toArray()).isEqualTo(plain.lse().toArray());
    }

    /** Next to a large number the others are off by 2<sup>-38</sup> of it at most, and by the rounding of what comes out. */
    @ParameterizedTest
    @ValueSource(ints = {10, 24, 34})
    void besideAnOutlier(int exponent) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 20, D).seqK(N).dtype(DType.BF16).build();
        AttentionInputs in = Inputs.random(spec, 5).inputs();
        float[] v = floats(in.v());
        float[] plain = floats(forward(spec, in, v).out());
        v[3] = Math.scalb(1f, exponent);
        float[] out = floats(forward(spec, in, v).out());
        for (int n = 0; n < out.length; n++) {
            if (n % D != 3) {
                float allowed = Math.scalb(1f, exponent - 38) + Math.abs(plain[n]) * 0x1p-7f;
                assertThat(out[n]).as("element %d", n).isCloseTo(plain[n], within(allowed));
            }
        }
    }

    /** All 8 bits of numbers down to 2<sup>-30</sup> of the largest one, which is almost the next power of two here. */
    @ParameterizedTest
    @ValueSource(ints = {0, 20, 30})
    void theBitsOfSmallNumbers(int exponent) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 20, D).seqK(N).dtype(DType.BF16).build();
        AttentionInputs in = Inputs.random(spec, 11).inputs();
        float[] v = new float[N * D];
        Arrays.fill(v, 0x1.02p0f);
        v[3] = Math.scalb(0x1.fep0f, exponent);
        float[] out = floats(forward(spec, in, v).out());
        for (int n = 0; n < out.length; n++) {
            if (n % D != 3) {
                assertThat(out[n]).as("element %d", n).isEqualTo(0x1.02p0f);
            }
        }
    }

    @Test
    void headsOfZeros() {
        AttentionInputs in = Inputs.random(SPEC, 6).inputs();
        Forward plain = forward(SPEC, in, floats(in.v()));
        Forward other = forward(SPEC, in, scaled(in.v(), (head, row) -> head == 1 ? 0f : 1f));
        assertThat(floats(other.out())).isEqualTo(scaled(plain.out(), (head, row) -> head / 2 == 1 ? 0f : 1f));
    }

    /** Their largest number is where it would count for the head's scale. */
    @ParameterizedTest
    @ValueSource(floats = {1e30f, Float.POSITIVE_INFINITY, Float.NaN})
    void keysPastTheLengthDoNotCount(float beyond) {
        AttentionSpec spec = AttentionSpec.builder(2, 1, 20, D).seqK(N).keyLengths(21, 0).dtype(DType.BF16).build();
        AttentionInputs in = Inputs.random(spec, 8).inputs();
        Forward plain = forward(spec, in, floats(in.v()));
        Forward other = forward(spec, in, scaled(in.v(), (head, row) -> head == 0 && row < 21 ? 1f : beyond));
        assertThat(floats(other.out())).isEqualTo(floats(plain.out()));
        assertThat(other.lse().toArray()).isEqualTo(plain.lse().toArray());
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY, Float.NaN})
    void aValueThatIsNotFiniteStaysInItsColumn(float value) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 20, D).seqK(N).dtype(DType.BF16).build();
        AttentionInputs in = Inputs.random(spec, 9).inputs();
        float[] v = floats(in.v());
        float[] plain = floats(forward(spec, in, v).out());
        v[5 * D + 3] = value;
        float[] out = floats(forward(spec, in, v).out());
        for (int n = 0; n < out.length; n++) {
            if (n % D == 3) {
                assertThat(Float.isFinite(out[n])).as("element %d", n).isFalse();
            } else {
                assertThat(out[n]).as("element %d", n).isEqualTo(plain[n]);
            }
        }
    }

    /** The largest and the smallest bfloat16: their scales are the smallest and the largest. */
    @ParameterizedTest
    @ValueSource(floats = {3.3895314e38f, 0x1p-126f, 0x1p-132f})
    void equalValuesComeOutAsTheyAre(float value) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 20, D).seqK(N).dtype(DType.BF16).build();
        AttentionInputs in = Inputs.random(spec, 10).inputs();
        float[] same = new float[N * D];
        Arrays.fill(same, value);
        assertThat(floats(forward(spec, in, same).out())).containsOnly(value);
    }
}
