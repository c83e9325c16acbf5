package io.github.tornadoattention.host.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.Tensor;
import org.junit.jupiter.api.Test;

class ReferenceAttentionTest {
    /** Two keys, worked out on paper: scores 0 and ln 3, probabilities 1/4 and 3/4. */
    @Test
    void aCaseByHand() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 1, 1).seqK(2).scale(1).build();
        Tensor q = Tensor.of(new float[] {1}, 1, 1, 1, 1);
        Tensor k = Tensor.of(new float[] {0, (float) Math.log(3)}, 1, 1, 2, 1);
        Tensor v = Tensor.of(new float[] {4, 8}, 1, 1, 2, 1);
        Tensor dOut = Tensor.of(new float[] {1}, 1, 1, 1, 1);

        Exact exact = ReferenceAttention.forwardBackward(spec, q, k, v, dOut);

        assertThat(exact.out()[0]).isCloseTo(7, within(1e-6));
        assertThat(exact.lse()[0]).isCloseTo(Math.log(4), within(1e-6));
        assertThat(exact.dv()).containsExactly(new double[] {0.25, 0.75}, within(1e-6));
        assertThat(exact.dk()).containsExactly(new double[] {-0.75, 0.75}, within(1e-6));
        assertThat(exact.dq()[0]).isCloseTo(0.75 * Math.log(3), within(1e-6));
    }

    /** Softcap and bias in the order that the design gives: cap first, bias after it. */
    @Test
    void softcapComesBeforeTheBias() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 1, 1).seqK(3).scale(1).softcap(2).alibiSlopes(0.5f).build();
        Tensor q = Tensor.of(new float[] {1}, 1, 1, 1, 1);
        Tensor k = Tensor.of(new float[] {3, 1, 0}, 1, 1, 3, 1);
        Tensor v = Tensor.of(new float[] {1, 0, 0}, 1, 1, 3, 1);

        Exact exact = ReferenceAttention.forwardBackward(spec, q, k, v, null);

        double a = Math.exp(2 * Math.tanh(1.5) - 1.0);
        double b = Math.exp(2 * Math.tanh(0.5) - 0.5);
        assertThat(exact.out()[0]).isCloseTo(a / (a + b + 1), within(1e-12));
        assertThat(exact.lse()[0]).isCloseTo(Math.log(a + b + 1), within(1e-12));
        assertThat(exact.dq()).isNull();
    }

    @Test
    void roundingToFloat32IsFloatArithmetic() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 1, 100).seqK(1).scale(1).build();
        Inputs in = Inputs.random(spec, 3);
        float[] q = in.q().toArray();
        float[] k = in.k().toArray();
        float dot = 0;
        for (int d = 0; d < 100; d++) {
            dot += q[d] * k[d];
        }

        assertThat(ReferenceAttention.plain(spec, in.inputs(), null).lse()[0]).isEqualTo(dot);
        assertThat(ReferenceAttention.forwardBackward(spec, in.inputs(), null).lse()[0]).isNotEqualTo(dot);
    }
}
