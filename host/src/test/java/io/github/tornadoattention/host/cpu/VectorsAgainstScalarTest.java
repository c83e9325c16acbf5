package io.github.tornadoattention.host.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.Tolerance;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The vector code beside the plain code and float64, where panels, packed tiles and stretches of keys begin and end. */
class VectorsAgainstScalarTest {
    @Test
    void vectorsRunHereAndScalarCodeOnRequest() {
        assertThat(Vectors.usable()).isTrue();
        assertThat(new CpuBackend(1).device()).contains("-bit vectors");
        assertThat(new CpuBackend(1, false).device()).contains("scalar");
    }

    private static void assertRight(AttentionSpec spec, long seed) {
        Inputs in = Inputs.random(spec, seed);
        Exact exact = ReferenceAttention.forwardBackward(spec, in.inputs(), in.dOut());
        Tolerance tolerance = Tolerance.of(spec, in.inputs(), in.dOut(), exact);
        for (boolean vectors : new boolean[] {true, false}) {
            Inputs.Result result = in.on(new CpuBackend(2, vectors), Algorithm.FLASH);
            assertThat(Comparison.of(spec, exact, result.forward(), result.gradients(), tolerance).firstFailure())
                    .as("%s, vectors %s", spec, vectors).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 9, 31, 63, 64, 65, 127, 129, 191, 255, 257, 300})
    void lengthsAroundPanels(int length) {
        for (int other : new int[] {1, 61, 64, 67, 193}) {
            assertRight(AttentionSpec.builder(1, 2, length, 24).seqK(other).causal().build(), length);
            assertRight(AttentionSpec.builder(1, 2, other, 24).seqK(length)
                    .causal(Causal.TOP_LEFT).window(70, -1).build(), length);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 17, 24, 32, 64, 80, 96, 100, 128, 130, 255, 256})
    void headDims(int headDim) {
        assertRight(AttentionSpec.builder(1, 2, 70, headDim).seqK(90).kvHeads(1).causal().build(), headDim);
        assertRight(AttentionSpec.builder(1, 2, 2, headDim).seqK(90).kvHeads(1).build(), headDim);
    }

    /** Blocks of 5 leave panels whose first key is no multiple of four. */
    @ParameterizedTest
    @ValueSource(ints = {5, 32, 200})
    void dropout(int block) {
        AttentionSpec plain = AttentionSpec.builder(2, 2, 130, 24).seqK(203).build();
        assertRight(AttentionSpec.builder(2, 2, 130, 24).seqK(203).causal().dropout(0.3)
                .blockMask(Inputs.mask(plain, block, 1, 0.8, 2)).build(), block);
        assertRight(AttentionSpec.builder(2, 2, 5, 24).seqK(203).window(100, 70).dropout(0.3).build(), block);
    }

    static List<AttentionSpec> decoding() {
        AttentionSpec plain = AttentionSpec.builder(2, 4, 5, 32).seqK(1500).build();
        return List.of(
                decode(1).build(),
                decode(3).causal().build(),
                decode(8).causal().window(700, -1).keyLengths(1500, 900).build(),
                decode(5).softcap(3).alibi().build(),
                decode(5).keyLengths(0, 513).build(),
                decode(2).causal(Causal.TOP_LEFT).build(),
                decode(5).causal().blockMask(Inputs.mask(plain, 40, 4, 0.4, 3)).build());
    }

    private static SpecBuilder decode(int queries) {
        return AttentionSpec.builder(2, 4, queries, 32).seqK(1500).kvHeads(2);
    }

    @ParameterizedTest
    @MethodSource("decoding")
    void fewQueries(AttentionSpec spec) {
        assertRight(spec, 3);
    }

    @ParameterizedTest
    @MethodSource("decoding")
    void fewQueriesAreTheSameForEveryNumberOfThreads(AttentionSpec spec) {
        Inputs in = Inputs.random(spec, 4);
        Inputs.Result one = in.on(new CpuBackend(1), Algorithm.FLASH);
        for (int threads : new int[] {2, 5}) {
            Inputs.Result many = in.on(new CpuBackend(threads), Algorithm.FLASH);
            assertThat(many.forward().out().toArray()).containsExactly(one.forward().out().toArray());
            assertThat(many.forward().lse().toArray()).containsExactly(one.forward().lse().toArray());
            assertThat(many.gradients().dq().toArray()).containsExactly(one.gradients().dq().toArray());
        }
    }

    /** One head on many threads: tiles of keys wait for each other to add to dQ in order. */
    @Test
    void oneHeadIsTheSameForEveryNumberOfThreads() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 900, 16).causal().window(400, -1).build();
        Inputs in = Inputs.random(spec, 6);
        float[] one = in.on(new CpuBackend(1), Algorithm.FLASH).gradients().dq().toArray();
        for (int threads : new int[] {2, 4, 7}) {
            assertThat(in.on(new CpuBackend(threads), Algorithm.FLASH).gradients().dq().toArray()).containsExactly(one);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {64, 128, 256})
    void aWorkerNeedsAtMostOneMegabyteHoweverLongTheSequence(int headDim) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 16384, headDim).window(10, 10).build();
        Inputs in = Inputs.random(spec, 7);
        try (Attention attention = Attention.on(new CpuBackend(1), spec)) {
            assertThat(attention.forward(in.inputs()).report().extraBytes()).isBetween(1L, 1L << 20);
        }
    }
}
