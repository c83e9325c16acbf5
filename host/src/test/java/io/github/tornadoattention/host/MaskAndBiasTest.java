package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.RandomSpecs.Drawn;
import io.github.tornadoattention.host.check.RandomSpecs.Expected;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The mask and the bias of a call: what they hide, what they add, and the gradient of the bias, on every backend alike. */
class MaskAndBiasTest {
    static Stream<Arguments> ways() {
        return Stream.of("reference", "cpu", "simulator")
                .flatMap(name -> Stream.of(Algorithm.values()).map(algorithm -> Arguments.of(Backend.of(name), algorithm)));
    }

    private static SpecBuilder base(int seqQ) {
        return AttentionSpec.builder(2, 2, seqQ, 12).kvHeads(1).seqK(70);
    }

    private static Inputs.Result run(Inputs in, Backend backend, Algorithm algorithm) {
        return in.on(backend, algorithm);
    }

    private static List<float[]> tensors(Inputs.Result r) {
        return Stream.of(r.forward().out(), r.forward().lse(), r.gradients().dq(), r.gradients().dk(), r.gradients().dv())
                .map(Tensor::toArray).toList();
    }

    /** A mask, a bias of negative infinity in the same places, and a causal band are three ways to say the same. */
    @ParameterizedTest
    @MethodSource("ways")
    void maskAndInfiniteBiasHideAlike(Backend backend, Algorithm algorithm) {
        for (int seqQ : new int[] {66, 5}) {
            byte[] visible = new byte[seqQ * 70];
            float[] bias = new float[seqQ * 70];
            for (int n = 0; n < visible.length; n++) {
                visible[n] = (byte) (n % 70 <= n / 70 + 70 - seqQ ? 1 : 0);
                bias[n] = visible[n] == 1 ? 0 : Float.NEGATIVE_INFINITY;
            }
            Inputs plain = Inputs.random(base(seqQ).causal().build(), 1);
            Inputs masked = new Inputs(base(seqQ).maskShape(1, 1, seqQ, 70).build(),
                    plain.inputs().withMask(DenseMask.of(visible, 1, 1, seqQ, 70)), plain.dOut());
            Inputs biased = new Inputs(base(seqQ).biasShape(1, 1, seqQ, 70).build(),
                    plain.inputs().withBias(Tensor.of(bias, 1, 1, seqQ, 70)), plain.dOut());
            Expected expected = new Drawn(1, plain.spec(), plain.inputs(), plain.dOut()).expected();
            for (Inputs in : List.of(masked, biased)) {
                Inputs.Result r = run(in, backend, algorithm);
                Gradients g = new Gradients(r.gradients().dq(), r.gradients().dk(), r.gradients().dv(), r.gradients().report());
                assertThat(Comparison.of(plain.spec(), expected.exact(), r.forward(), g, expected.tolerance()).firstFailure())
                        .as("%s", in.spec()).isEmpty();
            }
        }
    }

    /** Queries that mask or bias leave without a key give 0 and -infinity, and touch no gradient. */
    @ParameterizedTest
    @MethodSource("ways")
    void rowsWithoutAnyKey(Backend backend, Algorithm algorithm) {
        for (int seqQ : new int[] {40, 3}) {
            AttentionSpec spec = base(seqQ).maskShape(1, 2, seqQ, 1).biasShape(2, 1, seqQ, 70).build();
            byte[] visible = new byte[2 * seqQ];
            Arrays.fill(visible, (byte) 1);
            visible[1] = 0; // head 0, query 1
            Inputs random = Inputs.random(spec, 2);
            float[] bias = Objects.requireNonNull(random.inputs().bias()).toArray();
            Arrays.fill(bias, 2 * 70, 3 * 70, Float.NEGATIVE_INFINITY); // entry 0, query 2
            Inputs in = new Inputs(spec, random.inputs().withMask(DenseMask.of(visible, 1, 2, seqQ, 1))
                    .withBias(Tensor.of(bias, 2, 1, seqQ, 70)),
                    random.dOut());
            Inputs.Result r = run(in, backend, algorithm);
            for (int b = 0; b < 2; b++) {
                for (int h = 0; h < 2; h++) {
                    for (int i = 0; i < 3; i++) {
                        boolean empty = (h == 0 && i == 1) || (b == 0 && i == 2);
                        assertThat(r.forward().lse().get(b, h, i) == Float.NEGATIVE_INFINITY)
                                .as("%d %d %d", b, h, i).isEqualTo(empty);
                        assertThat(r.forward().out().get(b, h, i, 4) == 0f).isEqualTo(empty);
                        assertThat(r.gradients().dq().get(b, h, i, 4) == 0f).isEqualTo(empty);
                    }
                }
            }
            assertThat(tensors(r).stream().skip(2)).allSatisfy(values -> assertFinite(values));
            float[] dBias = Objects.requireNonNull(r.gradients().dBias()).toArray();
            assertFinite(dBias);
            assertThat(Arrays.copyOfRange(dBias, 2 * 70, 3 * 70)).containsOnly(0f);
        }
    }

    private static void assertFinite(float[] values) {
        for (float value : values) {
            assertThat(value).isFinite();
        }
    }

    /** NaN or infinity in the bias makes its own row NaN and no other. */
    @ParameterizedTest
    @MethodSource("ways")
    void aBiasThatIsNoNumberSpoilsItsRow(Backend backend, Algorithm algorithm) {
        for (int seqQ : new int[] {40, 3}) {
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
                AttentionSpec spec = base(seqQ).biasShape(1, 2, seqQ, 70).build();
                Inputs random = Inputs.random(spec, 3);
                float[] bias = Objects.requireNonNull(random.inputs().bias()).toArray();
                bias[(seqQ + 1) * 70 + 5] = bad; // head 1, query 1
                Inputs in = new Inputs(spec, random.inputs().withBias(Tensor.of(bias, 1, 2, seqQ, 70)), random.dOut());
                Forward f = run(in, backend, algorithm).forward();
                List<String> nan = new ArrayList<>();
                for (int row = 0; row < 4 * seqQ; row++) {
                    boolean expected = row / seqQ % 2 == 1 && row % seqQ == 1;
                    if (Float.isNaN(f.lse().toArray()[row]) != expected
                            || Float.isNaN(f.out().toArray()[row * 12 + 3]) != expected) {
                        nan.add("row " + row);
                    }
                }
                assertThat(nan).isEmpty();
            }
        }
    }

    /** Every way of sharing the bias, forward and backward, gradient of the bias included. */
    @ParameterizedTest
    @MethodSource("ways")
    void everyWayOfSharing(Backend backend, Algorithm algorithm) {
        for (int way = 0; way < 8; way++) {
            int[] shape = {way % 2 == 0 ? 1 : 2, way / 2 % 2 == 0 ? 1 : 2, way / 4 == 0 ? 1 : 40, 70};
            AttentionSpec spec = base(40).biasShape(shape).maskShape(shape).softcap(4).causal().keyLengths(70, 33).build();
            Inputs in = Inputs.random(spec, way);
            Expected expected = new Drawn(way, spec, in.inputs(), in.dOut()).expected();
            assertThat(expected.compare(backend, algorithm).firstFailure()).as("%s", spec).isEmpty();
        }
    }

    /** A bias that all keys of a query share moves nothing: its gradient is 0 but for rounding. */
    @ParameterizedTest
    @MethodSource("ways")
    void aBiasOfWholeRowsHasNoGradient(Backend backend, Algorithm algorithm) {
        for (int[] shape : new int[][] {{2, 2, 40, 1}, {1, 1, 1, 1}}) {
            Inputs in = Inputs.random(base(40).biasShape(shape).build(), 6);
            Inputs without = new Inputs(base(40).build(), in.inputs().withBias(null), in.dOut());
            Inputs.Result r = run(in, backend, algorithm);
            Tensor expected = run(without, backend, algorithm).forward().out();
            for (int n = 0; n < expected.size(); n++) {
                assertThat(Math.abs(r.forward().out().toArray()[n] - expected.toArray()[n])).isLessThan(1e-5f);
            }
            for (float value : Objects.requireNonNull(r.gradients().dBias()).toArray()) {
                assertThat(Math.abs(value)).isLessThan(shape[2] == 1 ? 1e-3f : 1e-5f);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"cpu", "simulator"})
    void gradientsAreTheSameEveryTime(String backend) {
        Inputs in = Inputs.random(base(66).biasShape(1, 1, 1, 70).maskShape(2, 1, 66, 70).dropout(0.2).build(), 4);
        for (Algorithm algorithm : Algorithm.values()) {
            float[] one = Objects.requireNonNull(run(in, Backend.of(backend), algorithm).gradients().dBias()).toArray();
            float[] two = Objects.requireNonNull(run(in, Backend.of(backend), algorithm).gradients().dBias()).toArray();
            assertThat(two).containsExactly(one);
        }
    }

    @Test
    void masksHoldWhatTheyWereGiven() {
        Random random = new Random(5);
        boolean[] visible = new boolean[2 * 3 * 65];
        for (int n = 0; n < visible.length; n++) {
            visible[n] = random.nextBoolean();
        }
        DenseMask mask = DenseMask.of(visible, 2, 1, 3, 65);
        for (int n = 0; n < visible.length; n++) {
            assertThat(mask.isVisible(n / 65 / 3, 7, n / 65 % 3, n % 65)).isEqualTo(visible[n]);
        }
        assertThatThrownBy(() -> DenseMask.of(new byte[] {0, 1, 2}, 1, 1, 1, 3))
                .hasMessage("mask: element 2 is 2, only 0 and 1 are allowed");
        assertThatThrownBy(() -> DenseMask.of(new byte[5], 1, 1, 2, 3)).hasMessage("mask: shape [1, 1, 2, 3] for 5 elements");
        assertThatThrownBy(() -> DenseMask.of(new byte[6], 1, 2, 3)).hasMessageContaining("shape [1, 2, 3]");
        assertThatThrownBy(() -> DenseMask.of(new byte[0], 1, 0, 2, 3)).hasMessageContaining("shape [1, 0, 2, 3]");
    }

    @ParameterizedTest
    @CsvSource({"3;1;1;1", "2;4;1;1", "1;1;39;1", "1;1;1;71", "1;1;1", "1;1;1;1;1", "0;1;1;1"})
    void shapesThatDoNotFit(String text) {
        int[] shape = Stream.of(text.split(";")).mapToInt(Integer::parseInt).toArray();
        String message = "has shape %s, must be [2, 2, 40, 70] or 1 in place of any of these".formatted(Arrays.toString(shape));
        assertThatThrownBy(() -> base(40).maskShape(shape).build()).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("mask " + message);
        assertThatThrownBy(() -> base(40).biasShape(shape).build()).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("bias " + message);
    }

    @Test
    void whatACallGivesIsWhatItsSpecSays() {
        AttentionSpec spec = base(3).biasShape(1, 1, 3, 70).build();
        Inputs in = Inputs.random(spec, 1);
        try (Attention attention = Attention.on(Backend.of("cpu"), spec);
                Attention plain = Attention.on(Backend.of("cpu"), base(3).build())) {
            assertThatThrownBy(() -> attention.forward(in.q(), in.k(), in.v()))
                    .hasMessage("there is no bias, the spec needs [1, 1, 3, 70]");
            assertThatThrownBy(() -> attention.forward(in.inputs().withBias(Tensor.zeros(1, 1, 1, 70))))
                    .hasMessage("bias has shape [1, 1, 1, 70], the spec needs [1, 1, 3, 70]");
            assertThatThrownBy(() -> attention.forward(in.inputs().withBias(Tensor.zeros(DType.FP16, 1, 1, 3, 70))))
                    .hasMessageStartingWith("bias is ");
            assertThatThrownBy(() -> plain.forward(in.inputs()))
                    .hasMessage("bias has shape [1, 1, 3, 70], the spec has none; biasShape of its builder sets one");
            assertThatThrownBy(() -> plain.forward(in.inputs().withBias(null).withMask(DenseMask.of(new byte[1], 1, 1, 1, 1))))
                    .hasMessage("mask has shape [1, 1, 1, 1], the spec has none; maskShape of its builder sets one");
        }
    }

    /** Blocks of the mask that a device's tiles do not divide, one by one with their part of bias and mask. */
    @Test
    void blocksThatNoTileDivides() {
        BlockMask odd = Inputs.mask(base(40).build(), 10, 1, 0.7, 1);
        AttentionSpec spec = base(40).biasShape(1, 1, 40, 70).blockMask(odd).build();
        Inputs in = Inputs.random(spec, 1);
        Expected expected = new Drawn(1, spec, in.inputs(), in.dOut()).expected();
        assertThat(expected.compare(Backend.of("cpu"), Algorithm.FLASH).firstFailure()).isEmpty();
        assertThat(expected.compare(Backend.of("simulator"), Algorithm.FLASH).firstFailure()).isEmpty();
        assertThat(expected.compare(Backend.of("simulator"), Algorithm.STANDARD).firstFailure()).isEmpty();
    }

    /** Probabilities of a map are 0 where mask or bias hide, and sum to 1 elsewhere. */
    @Test
    void mapsKnowMaskAndBias() {
        Inputs in = Inputs.random(base(9).maskShape(2, 1, 9, 70).biasShape(1, 2, 1, 70).build(), 7);
        DenseMask mask = Objects.requireNonNull(in.inputs().mask());
        Tensor map = AttentionMaps.of(in.spec(), run(in, Backend.of("cpu"), Algorithm.FLASH).forward(),
                new int[] {1}, new int[] {4});
        for (int b = 0; b < 2; b++) {
            double sum = 0;
            for (int j = 0; j < 70; j++) {
                sum += map.get(b, 0, 0, j);
                assertThat(map.get(b, 0, 0, j) > 0).isEqualTo(mask.isVisible(b, 1, 4, j));
            }
            assertThat(Math.abs(sum - 1)).isLessThan(1e-5);
        }
    }
}
