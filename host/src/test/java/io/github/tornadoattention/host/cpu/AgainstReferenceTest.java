package io.github.tornadoattention.host.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.Tolerance;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Both algorithms of the CPU beside float64, around every edge. */
class AgainstReferenceTest {
    private static void assertRight(AttentionSpec spec, long seed) {
        Inputs in = Inputs.random(spec, seed);
        Exact exact = ReferenceAttention.forwardBackward(spec, in.inputs(), in.dOut());
        Tolerance tolerance = Tolerance.of(spec, in.inputs(), in.dOut(), exact);
        for (Algorithm algorithm : Algorithm.values()) {
            Inputs.Result result = in.on(new CpuBackend(2), algorithm);
            assertThat(Comparison.of(spec, exact, result.forward(), result.gradients(), tolerance).firstFailure())
                    .as("%s, %s, seed %d", spec, algorithm, seed)
                    .isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 15, 16, 17, 63, 64, 65, 127, 128, 129, 239})
    void lengthsAroundTileEdges(int length) {
        for (int other : new int[] {1, 64, 113, 129, 203}) {
            assertRight(AttentionSpec.builder(1, 1, length, 20).seqK(other).build(), length);
            assertRight(AttentionSpec.builder(1, 1, length, 20).seqK(other).causal().build(), length);
            assertRight(AttentionSpec.builder(1, 1, other, 20).seqK(length)
                    .causal(Causal.TOP_LEFT).window(40, -1).build(), length);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 7, 8, 13, 16, 31, 33, 48, 63, 64, 65, 67, 80, 96, 111, 128, 129, 160, 192, 255, 256})
    void headDims(int headDim) {
        assertRight(AttentionSpec.builder(1, 2, 67, headDim).seqK(70).kvHeads(1).causal().build(), headDim);
    }

    static List<AttentionSpec> options() {
        AttentionSpec plain = AttentionSpec.builder(2, 4, 113, 16).seqK(203).build();
        List<AttentionSpec> specs = new ArrayList<>();
        specs.add(plain);
        specs.add(base().kvHeads(2).build());
        specs.add(base().kvHeads(1).causal().build());
        specs.add(base().causal(Causal.TOP_LEFT).build());
        specs.add(base().scale(-0.3).build());
        specs.add(base().scale(0).build());
        specs.add(base().scale(900).build());
        specs.add(base().keyLengths(203, 77).build());
        specs.add(base().keyLengths(0, 1).causal().build());
        specs.add(base().window(30, 9).build());
        specs.add(base().window(0, 0).build());
        specs.add(base().window(5, -1).causal(Causal.TOP_LEFT).build());
        specs.add(base().window(-1, 3).build());
        specs.add(base().alibi().build());
        specs.add(base().alibi().causal(Causal.TOP_LEFT).build());
        specs.add(base().softcap(2.5).build());
        specs.add(base().softcap(20).alibi().kvHeads(2).causal().window(50, -1).keyLengths(203, 90).build());
        for (int size : new int[] {1, 16, 30, 64, 128, 150, 300}) {
            int heads = size % 4 == 0 ? 4 : 1;
            specs.add(base().kvHeads(2).causal().blockMask(Inputs.mask(plain, size, heads, 0.5, size)).build());
        }
        specs.add(base().kvHeads(2).window(90, 40).keyLengths(190, 100).alibi().softcap(9)
                .blockMask(Inputs.mask(plain, 24, 4, 0.6, 9)).build());
        return specs;
    }

    private static SpecBuilder base() {
        return AttentionSpec.builder(2, 4, 113, 16).seqK(203);
    }

    @ParameterizedTest
    @MethodSource("options")
    void options(AttentionSpec spec) {
        assertRight(spec, 17);
    }

    /** Whatever combination comes up: sizes, options and dims drawn at random. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
    void drawn(long seed) {
        for (int n = 0; n < 5; n++) {
            assertRight(draw(new Random(100 * seed + n)), seed);
        }
    }

    private static AttentionSpec draw(Random random) {
        int batch = 1 + random.nextInt(2);
        int kvHeads = 1 + random.nextInt(2);
        int heads = kvHeads * (1 + random.nextInt(3));
        int seqQ = 1 + random.nextInt(random.nextBoolean() ? 20 : 180);
        int seqK = random.nextBoolean() ? seqQ : 1 + random.nextInt(180);
        int headDim = 1 + random.nextInt(random.nextInt(4) == 0 ? 256 : 40);
        AttentionSpec plain = AttentionSpec.builder(batch, heads, seqQ, headDim).seqK(seqK).build();
        SpecBuilder spec = AttentionSpec.builder(batch, heads, seqQ, headDim).kvHeads(kvHeads).seqK(seqK);
        spec.causal(Causal.values()[random.nextInt(3)]);
        if (random.nextInt(3) == 0) {
            spec.window(random.nextInt(seqK + 1) - 1, random.nextInt(seqK + 1) - 1);
        }
        if (random.nextInt(3) == 0) {
            spec.keyLengths(random.ints(batch, 0, seqK + 1).toArray());
        }
        if (random.nextInt(3) == 0) {
            spec.alibi();
        }
        if (random.nextInt(3) == 0) {
            spec.softcap(0.5 + random.nextInt(20));
        }
        if (random.nextInt(3) == 0) {
            int size = 1 + random.nextInt(100);
            spec.blockMask(Inputs.mask(plain, size, random.nextBoolean() ? 1 : heads, random.nextDouble(), random.nextLong()));
        }
        return spec.build();
    }
}
