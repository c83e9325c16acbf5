package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DenseMask;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.tornado.KernelTraffic.Moved;
import io.github.tornadoattention.kernels.FlashBackwardBias;
import io.github.tornadoattention.simulator.Traffic;
import io.github.tornadoattention.simulator.Traffic.ArrayTraffic;
import io.github.tornadoattention.simulator.Traffic.LaunchTraffic;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The calculated traffic is what kernels do on the simulator, byte for byte. */
class TrafficModelTest {
    static Stream<AttentionSpec> specs() {
        return Stream.of(
                AttentionSpec.builder(1, 1, 1, 1).build(),
                AttentionSpec.builder(2, 3, 64, 16).build(),
                AttentionSpec.builder(1, 2, 65, 20).seqK(127).build(),
                AttentionSpec.builder(1, 2, 130, 7).seqK(49).build(),
                AttentionSpec.builder(1, 1, 100, 64).causal().build(),
                AttentionSpec.builder(1, 1, 97, 12).seqK(33).causal().build(),
                AttentionSpec.builder(1, 1, 33, 12).seqK(97).causal().build(),
                AttentionSpec.builder(1, 2, 70, 8).seqK(90).causal(Causal.TOP_LEFT).build(),
                AttentionSpec.builder(3, 4, 66, 24).kvHeads(2).seqK(100).keyLengths(0, 77, 100).build(),
                AttentionSpec.builder(2, 2, 120, 8).window(17, 5).keyLengths(64, 119).build(),
                AttentionSpec.builder(1, 4, 80, 9).kvHeads(1).seqK(96).window(-1, 3).softcap(5).alibi().build(),
                AttentionSpec.builder(1, 2, 300, 8).window(40, 0).build(),
                masked(AttentionSpec.builder(2, 2, 128, 16), 1, 64, 3),
                masked(AttentionSpec.builder(1, 4, 200, 10).kvHeads(2).seqK(140).keyLengths(130).causal(), 4, 32, 5),
                masked(AttentionSpec.builder(1, 6, 90, 6).kvHeads(2).seqK(210).window(60, 60), 6, 16, 8));
    }

    /** With mask and bias, shared or not. */
    static Stream<AttentionSpec> tables() {
        return Stream.of(
                AttentionSpec.builder(2, 2, 70, 8).seqK(90).maskShape(2, 2, 70, 90).biasShape(2, 2, 70, 90).build(),
                AttentionSpec.builder(2, 4, 40, 12).kvHeads(2).seqK(100).maskShape(1, 4, 1, 100).biasShape(2, 1, 40, 1).causal()
                        .keyLengths(70, 100).build(),
                AttentionSpec.builder(3, 2, 90, 8).biasShape(1, 1, 90, 90).maskShape(3, 1, 1, 1).window(20, 7).softcap(3)
                        .keyLengths(90, 0, 40).build(),
                masked(AttentionSpec.builder(2, 4, 100, 8).seqK(64).maskShape(2, 1, 100, 64).biasShape(1, 4, 1, 64), 4, 32, 2),
                AttentionSpec.builder(1, 1, 1, 1).biasShape(1, 1, 1, 1).build());
    }

    private static AttentionSpec masked(SpecBuilder builder, int heads, int size, long seed) {
        return builder.blockMask(Inputs.mask(builder.build(), size, heads, 0.4, seed)).build();
    }

    /**
     * The arrays of data come first among the arguments of every kernel; arrays of parameters follow, and bias and mask come
     * last.
     */
    static void compare(List<KernelTraffic> model, List<LaunchTraffic> launches) {
        assertThat(launches).extracting(LaunchTraffic::task)
                .containsExactlyElementsOf(model.stream().map(KernelTraffic::task).toList());
        for (int n = 0; n < model.size(); n++) {
            for (int a = 0; a < model.get(n).arrays().size(); a++) {
                Moved moved = model.get(n).arrays().get(a);
                ArrayTraffic actual = of(launches.get(n).arrays(), a, moved.array());
                assertThat(moved.read()).as("%s reads %s", model.get(n).task(), moved.array()).isEqualTo(actual.bytesRead());
                assertThat(moved.written()).as("%s writes %s", model.get(n).task(), moved.array())
                        .isEqualTo(actual.bytesWritten());
                assertThat(moved.readOnce()).as("%s reads %s once", model.get(n).task(), moved.array())
                        .isBetween(0L, moved.read());
                assertThat(moved.writtenOnce()).as("%s writes %s once", model.get(n).task(), moved.array())
                        .isBetween(0L, moved.written());
                assertThat(actual.array().getNumBytesOfSegment())
                        .isGreaterThanOrEqualTo(Math.max(moved.readOnce(), moved.writtenOnce()));
            }
        }
    }

    private static ArrayTraffic of(List<ArrayTraffic> arrays, int n, String name) {
        return switch (name) {
            case "mask" -> arrays.getLast();
            case "bias" -> arrays.get(arrays.size() - 2);
            default -> arrays.get(n);
        };
    }

    static List<LaunchTraffic> run(AttentionSpec spec, Backend backend, Algorithm algorithm) {
        return run(Inputs.random(spec, 1), backend, algorithm);
    }

    private static List<LaunchTraffic> run(Inputs inputs, Backend backend, Algorithm algorithm) {
        try (Traffic traffic = Traffic.record()) {
            inputs.on(backend, algorithm);
            return traffic.launches().stream().filter(launch -> !launch.task().contains("Upload.")).toList();
        }
    }

    static List<KernelTraffic> launches(TrafficModel model) {
        return Stream.concat(model.forward().stream(), model.backward().stream()).toList();
    }

    @ParameterizedTest
    @MethodSource({"specs", "tables"})
    void flash(AttentionSpec spec) {
        for (long seed = 0; seed < 2; seed++) {
            Tiled tiled = Tiled.random(spec, seed);
            compare(launches(TrafficModel.flash(spec, tiled.forward(), tiled.queries(), tiled.keys(),
                    tiled.of(FlashBackwardBias.class))), run(spec, tiled, Algorithm.FLASH));
        }
    }

    @ParameterizedTest
    @MethodSource({"specs", "tables"})
    void flashWithTheHostsTiles(AttentionSpec spec) {
        compare(launches(TrafficModel.of(spec, Algorithm.FLASH)), run(spec, Backend.of("simulator"), Algorithm.FLASH));
    }

    @ParameterizedTest
    @MethodSource("specs")
    void standard(AttentionSpec spec) {
        compare(launches(TrafficModel.of(spec, Algorithm.STANDARD)), run(spec, Backend.of("simulator"), Algorithm.STANDARD));
    }

    /** Pairs that a mask hides have no probability to multiply with, which a calculation cannot know: here it hides none. */
    @ParameterizedTest
    @MethodSource("tables")
    void standardWithTables(AttentionSpec spec) {
        Inputs in = Inputs.random(spec, 1);
        int[] shape = spec.maskShape();
        DenseMask all = null;
        if (shape != null) {
            boolean[] visible = new boolean[shape[0] * shape[1] * shape[2] * shape[3]];
            Arrays.fill(visible, true);
            all = DenseMask.of(visible, shape);
        }
        compare(launches(TrafficModel.of(spec, Algorithm.STANDARD)),
                run(new Inputs(spec, in.inputs().withMask(all), in.dOut()), Backend.of("simulator"), Algorithm.STANDARD));
    }

    /** With a cache that forgets nothing, what is read of a table is what some pair looks at. */
    @Test
    void tablesOnce() {
        AttentionSpec spec = AttentionSpec.builder(2, 3, 64, 8).biasShape(2, 3, 64, 64).maskShape(1, 1, 64, 64).causal().build();
        List<Moved> forward = TrafficModel.ofBlocks(spec, 16, 16).forward().getFirst().arrays();
        long tiles = 4 * 5 / 2;
        assertThat(named(forward, "bias").read()).isEqualTo(2 * 3 * tiles * 16 * 16 * 4);
        assertThat(named(forward, "bias").readOnce()).isEqualTo(named(forward, "bias").read());
        assertThat(named(forward, "mask").read()).isEqualTo(named(forward, "bias").read());
        assertThat(named(forward, "mask").readOnce()).as("words of 32 keys: one for rows up to 32, two for others")
                .isEqualTo((32 + 2 * 32) * 4);
        List<Moved> scores = TrafficModel.of(spec, Algorithm.STANDARD).forward().getFirst().arrays();
        assertThat(named(scores, "bias").readOnce()).isEqualTo(2 * 3 * (64 * 65 / 2) * 4);
        assertThat(named(scores, "mask").readOnce()).isEqualTo((32 + 2 * 32) * 4);
        assertThat(TrafficModel.of(AttentionSpec.builder(2, 3, 64, 8).build(), Algorithm.FLASH).forward().getFirst().arrays())
                .noneMatch(moved -> moved.array().equals("bias") || moved.array().equals("mask"));
    }

    private static Moved named(List<Moved> arrays, String name) {
        return arrays.stream().filter(moved -> moved.array().equals(name)).findFirst().orElseThrow();
    }

    /** The paper's algorithm 0 reads and writes 4 N D + 4 N² elements (and we the N of lse). */
    @Test
    void standardOnceIsAlgorithm0() {
        long n = 128;
        long d = 16;
        TrafficModel model = TrafficModel.of(AttentionSpec.builder(1, 1, 128, 16).build(), Algorithm.STANDARD);
        assertThat(model.bytesOnce("forward")).isEqualTo(4 * (4 * n * d + 4 * n * n + n));
    }

    /**
     * Theorem 2: what flash attention reads falls as its tiles of queries grow; standard attention's matrix does not matter to
     * it.
     */
    @Test
    void largerTilesReadLess() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 1024, 64).build();
        long small = TrafficModel.ofBlocks(spec, 32, 32).forward().getFirst().arrays().get(2).read();
        long large = TrafficModel.ofBlocks(spec, 128, 32).forward().getFirst().arrays().get(2).read();
        assertThat(small).isEqualTo(4 * large).isEqualTo(1024L / 32 * 1024 * 64 * 4);
    }

    /** Proposition 4: with a share s of the blocks, what streams is s times as much. */
    @Test
    void densityScalesWhatStreams() {
        int blocks = 16;
        byte[] set = new byte[blocks * blocks];
        for (int n = 0; n < set.length; n++) {
            set[n] = (byte) ((n / blocks + n % blocks) % 4 == 0 ? 1 : 0);
        }
        AttentionSpec dense = AttentionSpec.builder(1, 1, 1024, 64).build();
        AttentionSpec sparse = AttentionSpec.builder(1, 1, 1024, 64).blockMask(new BlockMask(64, 1, blocks, blocks, set)).build();
        assertThat(TrafficModel.ofBlocks(dense, 64, 64).forward().getFirst().arrays().get(2).read())
                .isEqualTo(4 * TrafficModel.ofBlocks(sparse, 64, 64).forward().getFirst().arrays().get(2).read());
    }

    @Test
    void tilesThatCannotBe() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 64, 8).build();
        assertThatThrownBy(() -> TrafficModel.ofBlocks(spec, 20, 32)).isInstanceOf(UsageException.class)
                .hasMessageContaining("20 x 32");
        assertThatThrownBy(() -> TrafficModel.ofBlocks(spec, 64, 0)).isInstanceOf(UsageException.class)
                .hasMessageContaining("64 x 0");
        AttentionSpec masked = masked(AttentionSpec.builder(1, 1, 64, 8), 1, 16, 1);
        assertThatThrownBy(() -> TrafficModel.ofBlocks(masked, 32, 16)).isInstanceOf(UsageException.class)
                .hasMessageContaining("blocks of 16");
    }
}
