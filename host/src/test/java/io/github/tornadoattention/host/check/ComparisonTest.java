package io.github.tornadoattention.host.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import io.github.tornadoattention.host.reference.ReferenceBackend;
import org.junit.jupiter.api.Test;

class ComparisonTest {
    private final AttentionSpec spec = AttentionSpec.builder(1, 2, 6, 4).seqK(5).causal().build();
    private final Inputs in = Inputs.random(spec, 1);
    private final Exact exact = ReferenceAttention.forwardBackward(spec, in.inputs(), in.dOut());
    private final Tolerance tolerance = Tolerance.of(spec, in.inputs(), in.dOut());
    private final Inputs.Result right = in.on(new ReferenceBackend(), Algorithm.FLASH);

    private Comparison withOut(Tensor out) {
        Forward f = right.forward();
        Forward other = new Forward(in.q(), in.k(), in.v(), out, f.lse(), f.report());
        return Comparison.of(spec, exact, other, right.gradients(), tolerance);
    }

    private Comparison withLse(Tensor lse) {
        Forward f = right.forward();
        return Comparison.of(spec, exact, new Forward(in.q(), in.k(), in.v(), f.out(), lse, f.report()), null, tolerance);
    }

    private static Tensor changed(Tensor tensor, int at, float value) {
        float[] values = tensor.toArray();
        values[at] = value;
        return Tensor.of(values, tensor.shape());
    }

    @Test
    void whatIsRightPasses() {
        Comparison comparison = Comparison.of(spec, exact, right.forward(), right.gradients(), tolerance);

        assertThat(comparison.passed()).isTrue();
        assertThat(comparison.firstFailure()).isEmpty();
        assertThat(comparison.outError()).isLessThan(1e-6);
        assertThat(comparison.dvError()).isLessThan(1e-6);
    }

    @Test
    void aFailureNamesThePlaceAndTheNumbers() {
        Comparison comparison = withOut(changed(right.forward().out(), 4 * 6 + 2 * 4 + 3, 9f));

        assertThat(comparison.passed()).isFalse();
        assertThat(comparison.firstFailure()).startsWith("out[0, 1, 2, 3]: expected ").contains("got 9.0").contains("is allowed");
        assertThat(comparison.outError()).isGreaterThan(1);
    }

    @Test
    void aDifferenceJustBeyondTheToleranceFails() {
        float value = right.forward().out().get(0, 0, 3, 1);
        Tensor within = changed(right.forward().out(), 3 * 4 + 1, (float) (value + 0.5 * tolerance.out()));
        Tensor beyond = changed(right.forward().out(), 3 * 4 + 1, (float) (value + 1.5 * tolerance.out()));

        assertThat(withOut(within).passed()).isTrue();
        assertThat(withOut(beyond).passed()).isFalse();
    }

    @Test
    void nanFailsWhereverItIs() {
        Tensor out = changed(right.forward().out(), 7, Float.NaN);
        assertThat(withOut(out).firstFailure()).startsWith("out[0, 0, 1, 3]").contains("NaN");
        Gradients g = right.gradients();
        Gradients bad = new Gradients(g.dq(), changed(g.dk(), 0, Float.NaN), g.dv(), g.report());
        assertThat(Comparison.of(spec, exact, right.forward(), bad, tolerance).firstFailure()).startsWith("dk[0, 0, 0, 0]");
    }

    @Test
    void minusInfinityOfLseMustBeExactlyWhereItIsExpected() {
        assertThat(exact.lse()[0]).isEqualTo(Double.NEGATIVE_INFINITY);
        assertThat(withLse(right.forward().lse()).passed()).isTrue();
        assertThat(withLse(changed(right.forward().lse(), 0, -1e30f)).firstFailure()).startsWith("lse[0, 0, 0]");
        assertThat(withLse(changed(right.forward().lse(), 3, Float.NEGATIVE_INFINITY)).firstFailure()).startsWith("lse[0, 0, 3]");
        assertThat(withLse(changed(right.forward().lse(), 0, Float.POSITIVE_INFINITY)).passed()).isFalse();
    }

    @Test
    void withoutGradientsThereAreNoErrorsOfThem() {
        assertThat(withLse(right.forward().lse()).dqError()).isNaN();
        assertThat(Tolerance.of(spec, in.inputs(), null).gradient()).isNaN();
    }

    @Test
    void wrongShapesAreRefused() {
        assertThatThrownBy(() -> withOut(Tensor.zeros(1, 2, 4, 6)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("out has shape [1, 2, 4, 6], the spec needs [1, 2, 6, 4]");
    }

    /** Twice the plain float32 error and a floor, as the design says: neither zero nor generous. */
    @Test
    void tolerancesHaveTheSizeOfFloat32Errors() {
        AttentionSpec larger = AttentionSpec.builder(1, 2, 100, 64).build();
        Inputs more = Inputs.random(larger, 2);
        Tolerance t = Tolerance.of(larger, more.q(), more.k(), more.v(), more.dOut());

        assertThat(t.out()).isBetween(1e-6, 2e-5);
        assertThat(t.lse()).isBetween(1e-6, 2e-5);
        assertThat(t.gradient()).isBetween(1e-6, 5e-5).isEqualTo(Math.max(t.dq(), Math.max(t.dk(), t.dv())));
    }

    /** Values past a key length do not make the tolerance larger. */
    @Test
    void hiddenValuesDoNotCount() {
        AttentionSpec hidden = AttentionSpec.builder(1, 1, 3, 2).seqK(4).keyLengths(2).build();
        Inputs some = Inputs.random(hidden, 3);
        Tensor huge = changed(some.v(), 7, 1e9f);

        assertThat(Tolerance.of(hidden, some.q(), some.k(), huge, null).out())
                .isEqualTo(Tolerance.of(hidden, some.q(), some.k(), some.v(), null).out());
    }
}
