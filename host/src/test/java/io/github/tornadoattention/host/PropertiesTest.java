package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.tornadoattention.host.cpu.CpuBackend;
import io.github.tornadoattention.host.reference.ReferenceBackend;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What attention does whatever the numbers: laws that hold for every backend and need no expected values. */
class PropertiesTest {
    private static final int KEYS = 150;
    private static final int DIM = 24;

    static Stream<Arguments> ways() {
        return Stream.of(
                Arguments.of(new ReferenceBackend(), Algorithm.FLASH),
                Arguments.of(new CpuBackend(2), Algorithm.FLASH),
                Arguments.of(new CpuBackend(2), Algorithm.STANDARD),
                Arguments.of(Backend.of("simulator"), Algorithm.FLASH),
                Arguments.of(Backend.of("simulator"), Algorithm.STANDARD));
    }

    private static SpecBuilder spec() {
        return AttentionSpec.builder(1, 2, 40, DIM).seqK(KEYS);
    }

    @ParameterizedTest
    @MethodSource("ways")
    void orderOfKeysDoesNotMatter(Backend backend, Algorithm algorithm) {
        Inputs in = Inputs.random(spec().build(), 11);
        int[] order = IntStream.range(0, KEYS).toArray();
        Random random = new Random(12);
        for (int n = KEYS - 1; n > 0; n--) {
            int other = random.nextInt(n + 1);
            int kept = order[n];
            order[n] = order[other];
            order[other] = kept;
        }
        Inputs shuffled = new Inputs(in.spec(), in.q(), keys(in.k(), order), keys(in.v(), order), in.dOut());

        Inputs.Result one = in.on(backend, algorithm);
        Inputs.Result two = shuffled.on(backend, algorithm);

        assertClose(two.forward().out(), one.forward().out(), 2e-6);
        assertClose(two.forward().lse(), one.forward().lse(), 2e-6);
        assertClose(two.gradients().dq(), one.gradients().dq(), 4e-6);
        assertClose(two.gradients().dk(), keys(one.gradients().dk(), order), 4e-6);
    }

    /** Key n of the result is key order[n] of the tensor. */
    private static Tensor keys(Tensor tensor, int[] order) {
        int[] shape = tensor.shape();
        float[] from = tensor.toArray();
        float[] to = new float[from.length];
        for (int h = 0; h < shape[1]; h++) {
            for (int n = 0; n < order.length; n++) {
                System.arraycopy(from, (h * shape[2] + order[n]) * shape[3], to, (h * shape[2] + n) * shape[3], shape[3]);
            }
        }
        return Tensor.of(to, shape);
    }

    /** Adding one vector to all keys adds the same number to all scores of a query. */
    @ParameterizedTest
    @MethodSource("ways")
    void aConstantInTheScoresDoesNotMatter(Backend backend, Algorithm algorithm) {
        Inputs in = Inputs.random(spec().causal().build(), 21);
        Random random = new Random(22);
        float[] shift = new float[DIM];
        for (int d = 0; d < DIM; d++) {
            shift[d] = (float) random.nextGaussian();
        }
        float[] moved = in.k().toArray();
        for (int n = 0; n < moved.length; n++) {
            moved[n] += shift[n % DIM];
        }
        Inputs other = new Inputs(in.spec(), in.q(), Tensor.of(moved, in.k().shape()), in.v(), in.dOut());

        Inputs.Result one = in.on(backend, algorithm);
        Inputs.Result two = other.on(backend, algorithm);

        assertClose(two.forward().out(), one.forward().out(), 4e-6);
        assertClose(two.gradients().dq(), one.gradients().dq(), 8e-6);
        assertClose(two.gradients().dv(), one.gradients().dv(), 8e-6);
    }

    /** Keys in two parts, merged by their lse: out = sum of exp(lse_part - lse) out_part. */
    @ParameterizedTest
    @MethodSource("ways")
    void partsOfTheKeysMergeToTheWhole(Backend backend, Algorithm algorithm) {
        Inputs in = Inputs.random(spec().build(), 31);
        Forward whole = in.on(backend, algorithm).forward();
        for (int cut : List.of(1, 64, 149)) {
            Forward left = part(in, 0, cut).on(backend, algorithm).forward();
            Forward right = part(in, cut, KEYS).on(backend, algorithm).forward();
            for (int row = 0; row < whole.lse().size(); row++) {
                double a = left.lse().get(0, row / 40, row % 40);
                double b = right.lse().get(0, row / 40, row % 40);
                double lse = Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
                assertThat((double) whole.lse().get(0, row / 40, row % 40)).isCloseTo(lse, within(2e-6));
                for (int d = 0; d < DIM; d++) {
                    double merged = Math.exp(a - lse) * left.out().get(0, row / 40, row % 40, d)
                            + Math.exp(b - lse) * right.out().get(0, row / 40, row % 40, d);
                    assertThat((double) whole.out().get(0, row / 40, row % 40, d)).isCloseTo(merged, within(2e-6));
                }
            }
        }
    }

    private static Inputs part(Inputs in, int start, int end) {
        AttentionSpec spec = AttentionSpec.builder(1, 2, 40, DIM).seqK(end - start).build();
        int[] range = IntStream.range(start, end).toArray();
        return new Inputs(spec, in.q(), take(in.k(), range), take(in.v(), range), in.dOut());
    }

    private static Tensor take(Tensor tensor, int[] range) {
        float[] taken = new float[2 * range.length * DIM];
        for (int h = 0; h < 2; h++) {
            tensor.read(((long) h * KEYS + range[0]) * DIM, taken, h * range.length * DIM, range.length * DIM);
        }
        return Tensor.of(taken, 1, 2, range.length, DIM);
    }

    /** Probabilities sum to one, so values that are all the same come out as they are, however large the scores. */
    @ParameterizedTest
    @MethodSource("ways")
    void equalValuesComeOutUnchanged(Backend backend, Algorithm algorithm) {
        Inputs random = Inputs.random(spec().causal(Causal.TOP_LEFT).scale(300).build(), 41);
        float[] ones = new float[random.v().size()];
        Arrays.fill(ones, 1f);
        Inputs in = new Inputs(random.spec(), random.q(), random.k(), Tensor.of(ones, random.v().shape()), random.dOut());

        for (float value : in.on(backend, algorithm).forward().out().toArray()) {
            assertThat(value).isCloseTo(1f, within(2e-6f));
        }
    }

    private static void assertClose(Tensor actual, Tensor expected, double allowed) {
        float[] a = actual.toArray();
        float[] e = expected.toArray();
        assertThat(a).hasSameSizeAs(e);
        double worst = 0;
        for (int n = 0; n < a.length; n++) {
            worst = Math.max(worst, Math.abs((double) a[n] - e[n]));
        }
        assertThat(worst).isLessThan(allowed);
    }
}
