package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.kernels.FlashBackwardBias;
import io.github.tornadoattention.simulator.Simulator;
import io.github.tornadoattention.simulator.Traffic.LaunchTraffic;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The calculated traffic of local memory is what kernels do on the watching simulator, byte for byte. */
class LocalTrafficTest {
    static Stream<AttentionSpec> specs() {
        return Stream.of(
                AttentionSpec.builder(1, 1, 1, 1).build(),
                AttentionSpec.builder(2, 3, 64, 16).build(),
                AttentionSpec.builder(1, 2, 65, 20).seqK(97).causal().build(),
                AttentionSpec.builder(2, 4, 66, 24).kvHeads(2).seqK(70).keyLengths(0, 67).build(),
                AttentionSpec.builder(1, 1, 97, 12).seqK(33).causal().build(),
                AttentionSpec.builder(1, 2, 70, 8).window(17, 5).softcap(5).alibi().build(),
                AttentionSpec.builder(1, 2, 49, 8).dropout(0.3).build(),
                AttentionSpec.builder(1, 1, 40, 64).dropout(0.5).causal().build(),
                AttentionSpec.builder(1, 2, 40, 12).seqK(50).maskShape(1, 1, 40, 50).build(),
                masked(AttentionSpec.builder(1, 4, 128, 10).kvHeads(2).seqK(90).keyLengths(80).build()));
    }

    private static AttentionSpec masked(AttentionSpec spec) {
        return AttentionSpec.builder(1, 4, 128, 10).kvHeads(2).seqK(90).keyLengths(80)
                .blockMask(Inputs.mask(spec, 32, 4, 0.4, 5)).build();
    }

    private static void compare(AttentionSpec spec, Backend backend, TrafficModel model) {
        List<LaunchTraffic> launches;
        try (Simulator.Scope _ = Simulator.watching()) {
            launches = TrafficModelTest.run(spec, backend, Algorithm.FLASH);
        }
        List<KernelTraffic> expected = TrafficModelTest.launches(model);
        assertThat(launches).extracting(LaunchTraffic::task)
                .containsExactlyElementsOf(expected.stream().map(KernelTraffic::task).toList());
        assertThat(launches).extracting(launch -> new KernelTraffic.Local(launch.localBytesRead(), launch.localBytesWritten()))
                .containsExactlyElementsOf(expected.stream().map(KernelTraffic::local).toList());
        assertThat(model.localBytes("both")).hasValue(launches.stream()
                .mapToLong(launch -> launch.localBytesRead() + launch.localBytesWritten()).sum());
    }

    @ParameterizedTest
    @MethodSource("specs")
    void flash(AttentionSpec spec) {
        for (long seed = 0; seed < 2; seed++) {
            Tiled tiled = Tiled.random(spec, seed);
            compare(spec, tiled, TrafficModel.flash(spec, tiled.forward(), tiled.queries(), tiled.keys(),
                    tiled.of(FlashBackwardBias.class)));
        }
    }

    @ParameterizedTest
    @MethodSource("specs")
    void withTheHostsTiles(AttentionSpec spec) {
        compare(spec, Backend.of("simulator"), TrafficModel.of(spec, Algorithm.FLASH));
    }
}
