package io.github.tornadoattention.host.reference;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.Tensor;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The reference's gradients are the slopes of its forward pass, for each option. */
class FiniteDifferencesTest {
    /** Inputs are multiples of this and steps are too, so that inputs stay exact in float32 when they are moved. */
    private static final double GRID = 1.0 / 256;

    private static SpecBuilder small() {
        return AttentionSpec.builder(2, 2, 4, 3).seqK(6);
    }

    static List<AttentionSpec> specs() {
        AttentionSpec plain = small().build();
        return List.of(
                plain,
                small().causal().build(),
                small().causal(Causal.TOP_LEFT).build(),
                AttentionSpec.builder(1, 2, 6, 3).seqK(4).causal().build(),
                small().window(1, 2).build(),
                small().keyLengths(0, 5).build(),
                small().kvHeads(1).scale(-0.7).build(),
                small().alibi().build(),
                small().softcap(0.9).build(),
                small().dropout(0.4).build(),
                small().maskShape(2, 1, 4, 6).biasShape(1, 2, 4, 6).build(),
                small().biasShape(1, 1, 1, 6).causal().softcap(0.9).build(),
                small().blockMask(Inputs.mask(plain, 2, 2, 0.6, 5)).build(),
                small().kvHeads(1).causal().window(3, -1).keyLengths(6, 4).alibiSlopes(0.3f, 0.8f).softcap(1.5).dropout(0.2)
                .biasShape(2, 1, 4, 6).maskShape(1, 2, 1, 6)
                        .blockMask(Inputs.mask(plain, 2, 1, 0.7, 6)).build());
    }

    @ParameterizedTest
    @MethodSource("specs")
    void gradientsAreSlopes(AttentionSpec spec) {
        Inputs in = onGrid(Inputs.random(spec, 7));
        Exact exact = ReferenceAttention.forwardBackward(spec, in.inputs(), in.dOut());

        assertSlopes("dq", exact.dq(), in, in.q());
        assertSlopes("dk", exact.dk(), in, in.k());
        assertSlopes("dv", exact.dv(), in, in.v());
        if (in.inputs().bias() != null) {
            assertSlopes("dbias", exact.dBias(), in, in.inputs().bias());
        }
    }

    private static Inputs onGrid(Inputs in) {
        Inputs with = in.with(onGrid(in.q()), onGrid(in.k()), onGrid(in.v()));
        Tensor bias = in.inputs().bias();
        return bias == null ? with : new Inputs(in.spec(), with.inputs().withBias(onGrid(bias)), in.dOut());
    }

    private static Tensor onGrid(Tensor tensor) {
        float[] values = tensor.toArray();
        for (int n = 0; n < values.length; n++) {
            values[n] = (float) (Math.rint(values[n] / GRID) * GRID);
        }
        return Tensor.of(values, tensor.shape());
    }

    private static void assertSlopes(String name, double[] gradient, Inputs in, Tensor moved) {
        for (int n = 0; n < moved.size(); n++) {
            // Richardson: central differences at h and h / 2 cancel each other's h^2 error.
            double coarse = centralDifference(in, moved, n, GRID);
            double fine = centralDifference(in, moved, n, GRID / 2);
            double slope = (4 * fine - coarse) / 3;
            assertThat(Math.abs(gradient[n] - slope)).as("%s[%d] = %s, slope %s", name, n, gradient[n], slope).isLessThan(1e-8);
        }
    }

    private static double centralDifference(Inputs in, Tensor moved, int n, double h) {
        return (loss(in, moved, n, h) - loss(in, moved, n, -h)) / (2 * h);
    }

    /** sum of dOut ∘ out, with element n of one input moved by h. */
    private static double loss(Inputs in, Tensor moved, int n, double h) {
        float[] values = moved.toArray();
        values[n] += (float) h;
        Tensor there = Tensor.of(values, moved.shape());
        Inputs with = in.with(moved == in.q() ? there : in.q(), moved == in.k() ? there : in.k(),
                moved == in.v() ? there : in.v());
        Tensor bias = in.inputs().bias();
        Exact exact = ReferenceAttention.forwardBackward(in.spec(), with.inputs().withBias(moved == bias ? there : bias), null);
        float[] dOut = in.dOut().toArray();
        double loss = 0;
        for (int m = 0; m < dOut.length; m++) {
            loss += dOut[m] * exact.out()[m];
        }
        return loss;
    }
}
