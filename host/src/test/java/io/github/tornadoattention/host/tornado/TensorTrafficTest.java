package io.github.tornadoattention.host.tornado;

import static io.github.tornadoattention.host.tornado.TrafficModelTest.launches;
import static io.github.tornadoattention.host.tornado.TrafficModelTest.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.kernels.SplitBackwardKeys;
import io.github.tornadoattention.kernels.SplitBackwardQueries;
import io.github.tornadoattention.kernels.SplitForward;
import io.github.tornadoattention.kernels.TensorBackwardKeys;
import io.github.tornadoattention.kernels.TensorBackwardQueries;
import io.github.tornadoattention.kernels.TensorForward;
import io.github.tornadoattention.simulator.Traffic.LaunchTraffic;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What the kernels on tensor cores are calculated to move is what they do move on the simulator, byte for byte. */
class TensorTrafficTest {
    private static final Platform.Device DEVICE = Platform.devices().getFirst();

    /** The simulator with the kernels on tensor cores in all types, and tilings of the test's choice. */
    private record OnTensorCores(Tunings tunings) implements Backend {
        @Override
        public String name() {
            return "simulator";
        }

        @Override
        public String device() {
            return "simulator";
        }

        @Override
        public Plan open(AttentionSpec spec, Algorithm algorithm) {
            Plan plan = KernelChoice.flash(name(), DEVICE.withTunings(tunings), spec, true, false);
            assertThat(plan).isInstanceOfAny(SplitPlan.class, TensorPlan.class);
            return plan;
        }
    }

    static Stream<SpecBuilder> specs() {
        return Stream.of(
                AttentionSpec.builder(1, 1, 1, 16),
                AttentionSpec.builder(1, 3, 64, 16),
                AttentionSpec.builder(1, 2, 65, 32).seqK(127),
                AttentionSpec.builder(1, 1, 130, 80).seqK(49),
                AttentionSpec.builder(1, 1, 100, 64).causal(),
                AttentionSpec.builder(1, 1, 97, 112).seqK(33).causal(),
                AttentionSpec.builder(1, 1, 33, 48).seqK(97).causal(),
                AttentionSpec.builder(1, 2, 70, 16).seqK(90).causal(Causal.TOP_LEFT),
                AttentionSpec.builder(3, 4, 36, 16).kvHeads(2).seqK(80).keyLengths(0, 57, 80),
                AttentionSpec.builder(2, 1, 120, 16).window(17, 5).keyLengths(64, 119),
                AttentionSpec.builder(1, 4, 60, 16).kvHeads(1).seqK(76).window(-1, 3).softcap(5).alibi(),
                masked(AttentionSpec.builder(2, 2, 128, 16), 1, 64, 3),
                masked(AttentionSpec.builder(1, 4, 100, 16).kvHeads(2).seqK(140).keyLengths(130).causal(), 4, 32, 5),
                masked(AttentionSpec.builder(1, 6, 70, 16).kvHeads(2).seqK(130).window(60, 60), 6, 16, 8));
    }

    private static void compare(TrafficModel model, List<LaunchTraffic> launches) {
        TrafficModelTest.compare(launches(model), launches);
    }

    private static SpecBuilder masked(SpecBuilder builder, int heads, int size, long seed) {
        return builder.blockMask(Inputs.mask(builder.build(), size, heads, 0.4, seed));
    }

    @ParameterizedTest
    @MethodSource("specs")
    void float32(SpecBuilder builder) {
        AttentionSpec spec = builder.build();
        compare(TrafficModel.onTensorCores(spec), run(spec, new OnTensorCores(Tunings.NONE), Algorithm.FLASH));
    }

    @ParameterizedTest
    @MethodSource("specs")
    void float16(SpecBuilder builder) {
        AttentionSpec spec = builder.dtype(DType.FP16).build();
        compare(TrafficModel.onTensorCores(spec), run(spec, new OnTensorCores(Tunings.NONE), Algorithm.FLASH));
    }

    @ParameterizedTest
    @MethodSource("specs")
    void bfloat16(SpecBuilder builder) {
        AttentionSpec spec = builder.dtype(DType.BF16).build();
        compare(TrafficModel.onTensorCores(spec), run(spec, new OnTensorCores(Tunings.NONE), Algorithm.FLASH));
    }

    /** Each tiling of the table that a kernel can have, at the edges of its tiles. */
    @ParameterizedTest
    @EnumSource(DType.class)
    void everyTiling(DType dtype) {
        AttentionSpec spec = AttentionSpec.builder(1, 2, 75, 16).kvHeads(1).seqK(50).causal().dtype(dtype).build();
        boolean split = dtype == DType.FP32;
        Class<?> forward = split ? SplitForward.class : TensorForward.class;
        Class<?> queries = split ? SplitBackwardQueries.class : TensorBackwardQueries.class;
        Class<?> keys = split ? SplitBackwardKeys.class : TensorBackwardKeys.class;
        int most = Stream.of(forward, queries, keys).mapToInt(kernel -> fitting(kernel).size()).max().orElseThrow();
        for (int n = 0; n < most; n++) {
            Tiling f = fitting(forward).get(n % fitting(forward).size());
            Tiling q = fitting(queries).get(n % fitting(queries).size());
            Tiling k = fitting(keys).get(n % fitting(keys).size());
            Tunings tunings = Tunings.NONE.with(forward, f).with(queries, q).with(keys, k);
            compare(split ? TrafficModel.split(spec, f, q, k) : TrafficModel.tensor(spec, f, q, k),
                    run(spec, new OnTensorCores(tunings), Algorithm.FLASH));
        }
    }

    private static List<Tiling> fitting(Class<?> kernel) {
        return TileTable.fitting(kernel, 16, 0, DEVICE.limits());
    }

    /** Heads so long that the groups which look for their largest number go round more than once, the last time in part. */
    @ParameterizedTest
    @CsvSource({"FP32,1200", "BF16,2200"})
    void longHeads(DType dtype, int keys) {
        AttentionSpec spec = AttentionSpec.builder(2, 1, 1, 128).seqK(keys).keyLengths(keys - 100, 1024)
                .window(1, 1).dtype(dtype).build();
        compare(TrafficModel.onTensorCores(spec), run(spec, new OnTensorCores(Tunings.NONE), Algorithm.FLASH));
    }

    /** Standard attention computes 16-bit tensors in float32 and rounds its results. */
    @ParameterizedTest
    @EnumSource(value = DType.class, names = {"FP16", "BF16"})
    void standardRounds(DType dtype) {
        AttentionSpec spec = AttentionSpec.builder(1, 2, 20, 24).kvHeads(1).seqK(33).causal().dtype(dtype).build();
        compare(TrafficModel.of(spec, Algorithm.STANDARD), run(spec, Backend.of("simulator"), Algorithm.STANDARD));
    }

    /** K and V once for each tile of queries, as two float16 where they were one float: the same bytes. */
    @Test
    void whatStreamsByHand() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 1024, 64).build();
        assertThat(TrafficModel.onTensorCores(spec).forward().getLast().arrays().get(2).read())
                .isEqualTo(1024L / 64 * 1024 * 64 * 4);
    }

    @Test
    void whatTheyDoNotTake() {
        List<Supplier<SpecBuilder>> others = List.of(
                () -> AttentionSpec.builder(1, 1, 64, 24),
                () -> AttentionSpec.builder(1, 1, 64, 144),
                () -> AttentionSpec.builder(1, 1, 64, 16).dropout(0.5),
                () -> AttentionSpec.builder(1, 1, 64, 16).scale(-1),
                () -> masked(AttentionSpec.builder(1, 1, 64, 16), 1, 8, 1));
        for (Supplier<SpecBuilder> other : others) {
            for (DType dtype : DType.values()) {
                AttentionSpec spec = other.get().dtype(dtype).build();
                assertThat(TrafficModel.takenByTensorCores(spec)).isFalse();
                assertThatThrownBy(() -> TrafficModel.onTensorCores(spec)).isInstanceOf(UsageException.class)
                        .hasMessageContaining("not for the kernels on tensor cores");
            }
        }
    }
}
