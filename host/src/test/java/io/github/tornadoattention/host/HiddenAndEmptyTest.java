package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.cpu.CpuBackend;
import io.github.tornadoattention.host.reference.ReferenceBackend;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Queries that see nothing, data that nobody sees, and numbers that are not finite. */
class HiddenAndEmptyTest {
    private static final int BAD = 101;
    private static final List<Float> POISONS = List.of(Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY);

    static Stream<Arguments> ways() {
        return Stream.concat(loops(), Stream.of(
                Arguments.of(Backend.of("simulator"), Algorithm.FLASH),
                Arguments.of(Backend.of("simulator"), Algorithm.STANDARD)));
    }

    static Stream<Arguments> loops() {
        return Stream.of(
                Arguments.of(new ReferenceBackend(), Algorithm.FLASH),
                Arguments.of(new CpuBackend(2), Algorithm.FLASH),
                Arguments.of(new CpuBackend(2), Algorithm.STANDARD));
    }

    @ParameterizedTest
    @MethodSource("ways")
    void queriesBeforeTheFirstKeyAreEmpty(Backend backend, Algorithm algorithm) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 200, 8).seqK(70).causal().build();
        Inputs.Result result = Inputs.random(spec, 1).on(backend, algorithm);

        assertEmptyRows(result, 0, 130, 8);
        assertThat(Arrays.copyOfRange(result.forward().lse().toArray(), 130, 200)).doesNotContain(Float.NEGATIVE_INFINITY);
        assertAllFinite(result);
    }

    @ParameterizedTest
    @MethodSource("ways")
    void anEntryWithoutKeysIsEmpty(Backend backend, Algorithm algorithm) {
        AttentionSpec spec = AttentionSpec.builder(2, 2, 9, 4).seqK(140).keyLengths(0, 140).build();
        Inputs.Result result = Inputs.random(spec, 2).on(backend, algorithm);

        assertEmptyRows(result, 0, 18, 4);
        float[] dk = result.gradients().dk().toArray();
        assertThat(Arrays.copyOf(dk, dk.length / 2)).containsOnly(0f);
        assertThat(Arrays.copyOfRange(dk, dk.length / 2, dk.length)).doesNotContain(0f);
        assertAllFinite(result);
    }

    @ParameterizedTest
    @MethodSource("ways")
    void aMaskRowWithoutBlocksIsEmpty(Backend backend, Algorithm algorithm) {
        BlockMask mask = new BlockMask(16, 1, 3, 2, new byte[] {1, 1, 0, 0, 1, 0});
        AttentionSpec spec = AttentionSpec.builder(1, 1, 40, 4).seqK(30).blockMask(mask).build();

        assertEmptyRows(Inputs.random(spec, 3).on(backend, algorithm), 16, 32, 4);
    }

    private static void assertEmptyRows(Inputs.Result result, int start, int end, int dim) {
        assertThat(Arrays.copyOfRange(result.forward().lse().toArray(), start, end)).containsOnly(Float.NEGATIVE_INFINITY);
        assertThat(Arrays.copyOfRange(result.forward().out().toArray(), start * dim, end * dim)).containsOnly(0f);
        assertThat(Arrays.copyOfRange(result.gradients().dq().toArray(), start * dim, end * dim)).containsOnly(0f);
    }

    private static void assertAllFinite(Inputs.Result result) {
        Gradients g = result.gradients();
        for (Tensor tensor : List.of(result.forward().out(), g.dq(), g.dk(), g.dv())) {
            boolean finite = true;
            for (float value : tensor.toArray()) {
                finite &= Float.isFinite(value);
            }
            assertThat(finite).isTrue();
        }
    }

    /** Nothing planted past a key length or in a key that no set block holds changes a single bit. */
    @ParameterizedTest
    @MethodSource("ways")
    void dataThatNobodySeesIsNotRead(Backend backend, Algorithm algorithm) {
        AttentionSpec lengths = AttentionSpec.builder(2, 2, 50, 12).kvHeads(1).seqK(150).keyLengths(67, 3).causal().build();
        byte[] set = {1, 0, 1, 0, 0, 1, 0, 0, 1};
        AttentionSpec blocks = AttentionSpec.builder(2, 2, 50, 12).kvHeads(1).seqK(150)
                .blockMask(new BlockMask(64, 1, 1, 3, new byte[] {1, 0, 1})).build();
        AttentionSpec fine = AttentionSpec.builder(2, 2, 150, 12).kvHeads(1)
                .blockMask(new BlockMask(64, 1, 3, 3, set)).build();
        for (AttentionSpec spec : List.of(lengths, blocks, fine)) {
            Inputs in = Inputs.random(spec, 4);
            Inputs.Result clean = in.on(backend, algorithm);
            for (float poison : POISONS) {
                Inputs planted = new Inputs(spec, in.q(), plant(spec, in.k(), poison), plant(spec, in.v(), poison), in.dOut());
                assertSame(planted.on(backend, algorithm), clean);
            }
        }
    }

    /** Overwrites every key that no query sees. */
    private static Tensor plant(AttentionSpec spec, Tensor tensor, float poison) {
        float[] values = tensor.toArray();
        int planted = 0;
        for (int b = 0; b < spec.batch(); b++) {
            for (int j = 0; j < spec.seqK(); j++) {
                if (!seen(spec, b, j)) {
                    int at = (b * spec.seqK() + j) * spec.headDim();
                    Arrays.fill(values, at, at + spec.headDim(), poison);
                    planted++;
                }
            }
        }
        assertThat(planted).isPositive();
        return Tensor.of(values, tensor.shape());
    }

    private static boolean seen(AttentionSpec spec, int b, int j) {
        for (int i = 0; i < spec.seqQ(); i++) {
            if (spec.visible(b, 0, i, j) || spec.visible(b, 1, i, j)) {
                return true;
            }
        }
        return false;
    }

    private static void assertSame(Inputs.Result actual, Inputs.Result expected) {
        assertThat(actual.forward().out().toArray()).containsExactly(expected.forward().out().toArray());
        assertThat(actual.forward().lse().toArray()).containsExactly(expected.forward().lse().toArray());
        assertThat(actual.gradients().dq().toArray()).containsExactly(expected.gradients().dq().toArray());
        assertThat(actual.gradients().dk().toArray()).containsExactly(expected.gradients().dk().toArray());
        assertThat(actual.gradients().dv().toArray()).containsExactly(expected.gradients().dv().toArray());
    }

    /** A key that is not finite spoils the queries that see it and no other, in out, lse and dQ. */
    @ParameterizedTest
    @MethodSource("ways")
    void aBadKeySpoilsOnlyTheQueriesThatSeeIt(Backend backend, Algorithm algorithm) {
        Inputs in = Inputs.random(banded(), 5);
        Inputs.Result clean = in.on(backend, algorithm);
        for (float poison : POISONS) {
            float[] k = in.k().toArray();
            k[BAD * 6 + 2] = poison;
            Inputs spoiled = new Inputs(in.spec(), in.q(), Tensor.of(k, 1, 1, 300, 6), in.v(), in.dOut());
            Inputs.Result result = spoiled.on(backend, algorithm);
            for (int i = 0; i < 300; i++) {
                assertThat(Float.isNaN(result.forward().lse().get(0, 0, i)))
                        .as("lse of query %d, %s", i, poison)
                        .isEqualTo(seesBad(i));
                for (int d = 0; d < 6; d++) {
                    assertRow(seesBad(i), result.forward().out().get(0, 0, i, d), clean.forward().out().get(0, 0, i, d));
                    assertRow(seesBad(i), result.gradients().dq().get(0, 0, i, d), clean.gradients().dq().get(0, 0, i, d));
                }
            }
        }
    }

    private static AttentionSpec banded() {
        return AttentionSpec.builder(1, 1, 300, 6).causal(Causal.TOP_LEFT).window(140, -1).build();
    }

    private static boolean seesBad(int query) {
        return query >= BAD && query <= BAD + 140;
    }

    /** Likewise a value, but for lse. The kernels do not promise it: they multiply hidden values of a tile by 0. */
    @ParameterizedTest
    @MethodSource("loops")
    void aBadValueSpoilsOnlyTheQueriesThatSeeIt(Backend backend, Algorithm algorithm) {
        Inputs in = Inputs.random(banded(), 5);
        Inputs.Result clean = in.on(backend, algorithm);
        float[] v = in.v().toArray();
        v[BAD * 6 + 1] = Float.NaN;
        Inputs spoiled = new Inputs(in.spec(), in.q(), in.k(), Tensor.of(v, 1, 1, 300, 6), in.dOut());
        Inputs.Result result = spoiled.on(backend, algorithm);
        assertThat(result.forward().lse().toArray()).containsExactly(clean.forward().lse().toArray());
        for (int i = 0; i < 300; i++) {
            for (int d = 0; d < 6; d++) {
                assertRow(seesBad(i) && d == 1, result.forward().out().get(0, 0, i, d), clean.forward().out().get(0, 0, i, d));
                assertRow(seesBad(i), result.gradients().dq().get(0, 0, i, d), clean.gradients().dq().get(0, 0, i, d));
            }
        }
    }

    private static void assertRow(boolean spoiled, float actual, float clean) {
        if (spoiled) {
            assertThat(actual).isNaN();
        } else {
            assertThat(actual).isEqualTo(clean);
        }
    }

    /** A query that is not finite is no other query's problem, and no problem of keys that it does not see. */
    @ParameterizedTest
    @MethodSource("ways")
    void aBadQuerySpoilsOnlyItselfAndTheKeysItSees(Backend backend, Algorithm algorithm) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 140, 6).seqK(150).causal(Causal.TOP_LEFT).build();
        Inputs in = Inputs.random(spec, 6);
        Inputs.Result clean = in.on(backend, algorithm);
        for (int bad : List.of(70, 139)) {
            for (float poison : POISONS) {
                float[] q = in.q().toArray();
                q[bad * 6] = poison;
                Inputs spoiled = new Inputs(spec, Tensor.of(q, 1, 1, 140, 6), in.k(), in.v(), in.dOut());
                Inputs.Result result = spoiled.on(backend, algorithm);
                assertRows("out", bad, bad, result.forward().out(), clean.forward().out());
                assertRows("dq", bad, bad, result.gradients().dq(), clean.gradients().dq());
                assertRows("dk", 0, bad, result.gradients().dk(), clean.gradients().dk());
                assertRows("dv", 0, bad, result.gradients().dv(), clean.gradients().dv());
            }
        }
    }

    /** Rows {@code first..last} are NaN, the others as they were. */
    private static void assertRows(String name, int first, int last, Tensor actual, Tensor clean) {
        float[] expected = clean.toArray();
        int dim = actual.shape()[3];
        Arrays.fill(expected, first * dim, (last + 1) * dim, Float.NaN);
        assertThat(actual.toArray()).as("%s, bad rows %d to %d", name, first, last).containsExactly(expected);
    }

    /** Scores may be far beyond what exp can take. */
    @ParameterizedTest
    @MethodSource("ways")
    void hugeScoresAreFine(Backend backend, Algorithm algorithm) {
        for (double scale : List.of(1e4, 1e30, -1e4)) {
            AttentionSpec spec = AttentionSpec.builder(1, 2, 130, 8).scale(scale).build();
            assertAllFinite(Inputs.random(spec, 7).on(backend, algorithm));
        }
    }
}
