package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.check.RandomSpecs.Drawn;
import io.github.tornadoattention.simulator.Simulator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The watching simulator finds nothing: no race on local memory, no read of memory that nobody wrote, no two groups at one
 * element. {@link BarriersTest} shows that it would.
 */
class WatchedTest {
    private static Simulator.Scope watching;

    @BeforeAll
    static void watch() {
        assertThat(Simulator.blindSpots()).isEmpty();
        watching = Simulator.watching();
    }

    @AfterAll
    static void stop() {
        watching.close();
    }

    private static SpecBuilder base() {
        return AttentionSpec.builder(2, 2, 35, 12).seqK(70);
    }

    static Stream<AttentionSpec> specs() {
        AttentionSpec plain = base().build();
        BlockMask someEmpty = new BlockMask(16, 1, 3, 5, new byte[] {1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0});
        return Stream.of(
                plain,
                base().kvHeads(1).build(),
                base().causal().build(),
                base().causal(Causal.TOP_LEFT).build(),
                AttentionSpec.builder(1, 1, 70, 12).seqK(33).causal().build(),
                base().window(9, 4).build(),
                base().window(0, 0).causal(Causal.TOP_LEFT).build(),
                base().keyLengths(0, 41).build(),
                base().keyLengths(1, 70).causal().build(),
                base().alibi().build(),
                base().softcap(3).build(),
                base().dropout(0.3).build(),
                base().maskShape(2, 1, 35, 70).biasShape(1, 2, 1, 70).build(),
                base().causal().biasShape(1, 1, 1, 70).build(),
                base().scale(40).build(),
                base().blockMask(Inputs.mask(plain, 64, 1, 0.7, 1)).build(),
                base().blockMask(Inputs.mask(plain, 32, 2, 0.5, 2)).kvHeads(1).build(),
                base().blockMask(someEmpty).build(),
                base().blockMask(new BlockMask(128, 1, 1, 1, new byte[1])).build(),
                base().kvHeads(1).causal().window(50, -1).keyLengths(70, 39).alibi().softcap(5).dropout(0.1)
                        .blockMask(Inputs.mask(plain, 16, 2, 0.6, 3)).build(),
                AttentionSpec.builder(1, 2, 1, 12).seqK(70).build(),
                AttentionSpec.builder(1, 2, 70, 12).seqK(1).build(),
                AttentionSpec.builder(1, 1, 1, 1).build(),
                AttentionSpec.builder(1, 1, 5, 12).keyLengths(0).build());
    }

    private static void assertClean(AttentionSpec spec, Backend backend, Algorithm algorithm) {
        Inputs in = Inputs.random(spec, 1);
        Drawn drawn = new Drawn(1, spec, in.inputs(), in.dOut());
        assertThat(drawn.expected().compare(backend, algorithm).firstFailure()).as("%s, %s", spec, backend.device()).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("specs")
    void everyOptionIsClean(AttentionSpec spec) {
        assertClean(spec, Backend.of("simulator"), Algorithm.FLASH);
        assertClean(spec, new Tiled(Tiled.SMALLEST, Tiled.SMALLEST, Tiled.SMALLEST), Algorithm.FLASH);
        assertClean(spec, Backend.of("simulator"), Algorithm.STANDARD);
    }

    @Test
    void everyTilingIsClean() {
        for (int headDim : List.of(1, 40, 96)) {
            AttentionSpec plain = AttentionSpec.builder(1, 1, 66, headDim).build();
            AttentionSpec spec = AttentionSpec.builder(1, 1, 66, headDim).causal().softcap(4).dropout(0.2).biasShape(1, 1, 66, 66)
                    .blockMask(Inputs.mask(plain, 64, 1, 1, 1)).build();
            for (Tiled tiled : Tiled.all(spec)) {
                assertClean(spec, tiled, Algorithm.FLASH);
            }
        }
    }
}
