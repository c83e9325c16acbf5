package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.RandomSpecs.Drawn;
import io.github.tornadoattention.host.check.RandomSpecs.Expected;
import io.github.tornadoattention.simulator.Simulator;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The kernels that split float32 for tensor cores, on the simulator; they are held to what float32 is held to. */
class SplitPlanTest {
    private static final Platform.Device DEVICE = Platform.devices().getFirst();
    private final Backend simulator = new Splitting();

    private static SpecBuilder base() {
        return AttentionSpec.builder(2, 2, 35, 32).seqK(70);
    }

    static Stream<AttentionSpec> specs() {
        AttentionSpec plain = base().build();
        return Stream.of(plain,
                base().kvHeads(1).causal().build(),
                base().causal(Causal.TOP_LEFT).build(),
                AttentionSpec.builder(1, 1, 70, 48).seqK(33).causal().build(),
                base().window(9, 4).build(),
                base().keyLengths(0, 41).build(),
                base().keyLengths(1, 70).causal().build(),
                base().alibi().softcap(3).build(),
                base().scale(3).build(),
                base().blockMask(Inputs.mask(plain, 64, 1, 0.7, 1)).build(),
                base().blockMask(Inputs.mask(plain, 32, 2, 0.5, 2)).causal().build(),
                base().blockMask(Inputs.mask(plain, 16, 1, 0.5, 3)).keyLengths(20, 65).build());
    }

    private static Drawn drawn(AttentionSpec spec) {
        Inputs in = Inputs.random(spec, 7);
        return new Drawn(7, spec, in.inputs(), in.dOut());
    }

    private void assertRight(Drawn drawn) {
        assertThat(drawn.expected().compare(simulator, Algorithm.FLASH).firstFailure()).as("%s", drawn.spec()).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("specs")
    void everyOption(AttentionSpec spec) {
        assertRight(drawn(spec));
    }

    @ParameterizedTest
    @MethodSource("specs")
    void nothingToWatch(AttentionSpec spec) {
        try (Simulator.Scope _ = Simulator.watching()) {
            assertRight(drawn(spec));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 32, 48, 64, 80, 96, 112, 128})
    void everyHeadDim(int headDim) {
        assertRight(drawn(AttentionSpec.builder(1, 1, 33, headDim).seqK(66).build()));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129})
    void everySideOfATile(int length) {
        assertRight(drawn(AttentionSpec.builder(1, 1, length, 16).seqK(40).causal().build()));
        assertRight(drawn(AttentionSpec.builder(1, 1, 20, 16).seqK(length).build()));
    }

    @Test
    void maximaThatClimbTileAfterTile() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 40, 16).seqK(256).scale(1).build();
        Inputs in = Inputs.random(spec, 3);
        float[] k = in.k().toArray();
        for (int n = 0; n < k.length; n++) {
            k[n] = k[n] * (1 + n / 16 / 16); // from tile to tile 32 more
        }
        assertRight(new Drawn(3, spec, AttentionInputs.of(in.q(), Tensor.of(k, 1, 1, 256, 16), in.v()), in.dOut()));
    }

    /**
     * Factors by which q, k and v are multiplied: large scores; what the small parts of tiny numbers are, and the large parts of
     * huge ones.
     */
    @ParameterizedTest
    @CsvSource({"8, 4, 1", "1e-30, 1e30, 1", "1e30, 1e-30, 1e-30", "1, 1, 1e30", "1, 1, 1e-30", "1e-20, 1e-20, 1"})
    void everyMagnitude(float ofQ, float ofK, float ofV) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 20, 32).seqK(70).build();
        Inputs in = Inputs.random(spec, 5);
        assertRight(new Drawn(5, spec, AttentionInputs.of(times(in.q(), ofQ), times(in.k(), ofK), times(in.v(), ofV)),
                times(in.dOut(), 1 / ofV)));
    }

    /**
     * Scores of thousands, of which each row's largest takes all. Gradients are what is left of differences there, which the
     * float32 that the tolerance comes from gets right to the last bit, since it sums both sides in the same order.
     */
    @Test
    void scoresOfThousands() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 20, 32).seqK(70).build();
        Inputs in = Inputs.random(spec, 5);
        Drawn drawn = new Drawn(5, spec, AttentionInputs.of(times(in.q(), 60), times(in.k(), 20), in.v()), in.dOut());
        Expected expected = drawn.expected();
        try (Attention attention = Attention.on(simulator, spec)) {
            Forward forward = attention.forward(drawn.inputs());
            assertThat(Comparison.of(spec, expected.exact(), forward, null, expected.tolerance()).firstFailure()).isEmpty();
        }
    }

    /** Heads that share keys, each with its own scales; few queries with a gradient; numbers far larger than their neighbors. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void numbersOfManyMagnitudes(int which) {
        AttentionSpec spec = AttentionSpec.builder(1, 2, 37, 32).kvHeads(1).seqK(70).causal().build();
        Inputs in = Inputs.random(spec, 11);
        float[] q = in.q().toArray();
        float[] k = in.k().toArray();
        float[] v = in.v().toArray();
        float[] dOut = in.dOut().toArray();
        int head = 37 * 32;
        for (int n = 0; n < q.length; n++) {
            switch (which) {
                case 0 -> {
                    q[n] *= n / head % 2 == 0 ? 0x1p-20f : 1;
                    dOut[n] *= n / head % 2 == 0 ? 0x1p20f : 1;
                }
                case 1 -> dOut[n] = n / 32 % 9 == 4 ? dOut[n] : 0;
                case 2 -> dOut[n] *= n % 1001 == 5 ? 0x1p18f : 1;
                default -> q[n] *= n % 1001 == 5 ? 0x1p6f : 1;
            }
        }
        for (int n = 5; which > 1 && n < k.length; n += 1003) {
            k[n] *= 0x1p4f;
            v[n] *= 0x1p14f;
        }
        assertRight(new Drawn(11, spec, AttentionInputs.of(Tensor.of(q, in.q().shape()), Tensor.of(k, in.k().shape()),
                Tensor.of(v, in.v().shape())), Tensor.of(dOut, in.dOut().shape())));
    }

    private static Tensor times(Tensor tensor, float factor) {
        float[] floats = tensor.toArray();
        for (int n = 0; n < floats.length; n++) {
            floats[n] *= factor;
        }
        return Tensor.of(floats, tensor.shape());
    }

    @Test
    void theLargestNumberSurvives() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 1, 16).build();
        float[] v = new float[16];
        Arrays.fill(v, Float.MAX_VALUE);
        v[1] = -Float.MAX_VALUE;
        v[2] = Float.MAX_VALUE * 0x1p-13f;
        try (Attention attention = Attention.on(simulator, spec)) {
            Tensor one = Tensor.of(new float[16], 1, 1, 1, 16);
            assertThat(attention.forward(one, one, Tensor.of(v, 1, 1, 1, 16)).out().toArray()).isEqualTo(v);
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {-1e38f, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY, Float.NaN})
    void aScoreThatIsNotFiniteMakesItsRowNaN(float query) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 20, 16).seqK(40).build();
        Inputs in = Inputs.random(spec, 3);
        float[] q = in.q().toArray();
        Arrays.fill(q, 3 * 16, 4 * 16, query);
        float[] k = new float[40 * 16];
        Arrays.fill(k, 1e3f); // row 3 is negative infinity at every key
        try (Attention attention = Attention.on(simulator, spec)) {
            Forward forward = attention.forward(Tensor.of(q, 1, 1, 20, 16), Tensor.of(k, 1, 1, 40, 16), in.v());
            assertThat(forward.report().kernels()).containsExactly("SplitScales", "SplitPack", "SplitForward");
            Gradients gradients = attention.backward(in.dOut(), forward);
            assertThat(gradients.report().kernels()).containsExactly("RowDots", "SplitScales", "SplitPack", "SplitBackwardKeys",
                    "SplitBackwardQueries");
            for (int row = 0; row < 20; row++) {
                assertThat(Float.isNaN(forward.out().get(0, 0, row, 5))).as("row %d", row).isEqualTo(row == 3);
                assertThat(Float.isNaN(forward.lse().get(0, 0, row))).as("row %d", row).isEqualTo(row == 3);
                assertThat(Float.isNaN(gradients.dq().get(0, 0, row, 5))).as("row %d", row).isEqualTo(row == 3);
            }
            assertThat(gradients.dk().get(0, 0, 7, 5)).isNaN();
            assertThat(gradients.dv().get(0, 0, 7, 5)).isNaN();
        }
    }

    @Test
    void whatTheyDoNotTakeGoesElsewhere() {
        assertThat(SplitPlan.takes(DEVICE, AttentionSpec.builder(1, 1, 4, 16).dtype(DType.FP16).build())).isFalse();
        assertThat(SplitPlan.takes(DEVICE, AttentionSpec.builder(1, 1, 4, 24).build())).isFalse();
        assertThat(SplitPlan.takes(DEVICE, AttentionSpec.builder(1, 1, 4, 144).build())).isFalse();
        assertThat(SplitPlan.takes(DEVICE, AttentionSpec.builder(1, 1, 4, 16).scale(-1).build())).isFalse();
        assertThat(SplitPlan.takes(DEVICE, AttentionSpec.builder(1, 1, 4, 16).dropout(0.5).build())).isFalse();
    }

    @Test
    void theyAreChosenOnDevicesUnlessTold() {
        AttentionSpec few = AttentionSpec.builder(2, 4, 395, 64).kvHeads(4).build();
        AttentionSpec many = AttentionSpec.builder(2, 4, 396, 64).kvHeads(4).build();
        AttentionSpec grouped = AttentionSpec.builder(2, 4, 256, 64).kvHeads(2).build();
        AttentionSpec causal = AttentionSpec.builder(2, 4, 512, 64).causal().build();
        AttentionSpec longer = AttentionSpec.builder(2, 4, 1024, 64).causal().build();
        Platform.Device gpu = new Platform.Device(0, 0, "cuda", DEVICE.device(), DEVICE.allowedBytes(), DEVICE.tunings());
        assertThat(KernelChoice.splits(null, gpu, few)).isFalse();
        assertThat(KernelChoice.splits(null, gpu, many)).isTrue();
        assertThat(KernelChoice.splits(null, gpu, grouped)).isTrue();
        assertThat(KernelChoice.splits(null, gpu, causal)).isFalse();
        assertThat(KernelChoice.splits(null, gpu, longer)).isTrue();
        assertThat(KernelChoice.splits(null, DEVICE, many)).isFalse();
        assertThat(KernelChoice.splits("fma", gpu, many)).isFalse();
        assertThat(KernelChoice.splits("tensor", gpu, few)).isTrue();
        assertThat(KernelChoice.splits("tensor", DEVICE, few)).isTrue();
        assertThatThrownBy(() -> KernelChoice.splits("fp64", gpu, few)).isInstanceOf(UsageException.class)
                .hasMessage("system property attention.fp32 is 'fp64', must be fma or tensor");
    }
}
