package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.check.RandomSpecs.Drawn;
import io.github.tornadoattention.simulator.Simulator;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The tensor-core kernels on the simulator. */
class TensorPlanTest {
    private final Backend simulator = Backend.of("simulator");

    private static SpecBuilder base() {
        return AttentionSpec.builder(2, 2, 35, 32).seqK(70).dtype(DType.FP16);
    }

    static Stream<AttentionSpec> specs() {
        AttentionSpec plain = base().build();
        return Stream.of(plain,
                base().dtype(DType.BF16).build(),
                base().kvHeads(1).causal().build(),
                base().causal(Causal.TOP_LEFT).dtype(DType.BF16).build(),
                AttentionSpec.builder(1, 1, 70, 48).seqK(33).causal().dtype(DType.FP16).build(),
                base().window(9, 4).build(),
                base().keyLengths(0, 41).build(),
                base().keyLengths(1, 70).causal().build(),
                base().alibi().softcap(3).build(),
                base().scale(3).build(),
                base().blockMask(Inputs.mask(plain, 64, 1, 0.7, 1)).build(),
                base().blockMask(Inputs.mask(plain, 32, 2, 0.5, 2)).causal().build(),
                base().blockMask(Inputs.mask(plain, 16, 1, 0.5, 3)).dtype(DType.BF16).keyLengths(20, 65).build());
    }

    /** Likewise, for heads whose dK and dV have a kernel of their own, one whose tiles its work-items do not share evenly. */
    static Stream<AttentionSpec> wideSpecs() {
        AttentionSpec plain = wide().build();
        return Stream.of(wide().dtype(DType.BF16).build(),
                wide().kvHeads(1).causal().build(),
                wide().window(9, 4).keyLengths(1, 70).build(),
                wide().alibi().softcap(3).keyLengths(0, 41).build(),
                wide().blockMask(Inputs.mask(plain, 32, 2, 0.5, 2)).causal().build(),
                wide().blockMask(Inputs.mask(plain, 16, 1, 0.5, 3)).dtype(DType.BF16).keyLengths(20, 65).build());
    }

    private static SpecBuilder wide() {
        return AttentionSpec.builder(2, 2, 35, 112).seqK(70).dtype(DType.FP16);
    }

    @ParameterizedTest
    @MethodSource("wideSpecs")
    void everyOptionOfWideHeads(AttentionSpec spec) {
        try (Simulator.Scope _ = Simulator.watching()) {
            assertRight(drawn(spec));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, 17, 32, 33})
    void everySideOfATileOfWideHeads(int length) {
        assertRight(drawn(AttentionSpec.builder(1, 1, length, 112).seqK(40).causal().dtype(DType.FP16).build()));
        assertRight(drawn(AttentionSpec.builder(1, 1, 20, 112).seqK(length).dtype(DType.FP16).build()));
    }

    private static Drawn drawn(AttentionSpec spec) {
        Inputs in = Inputs.random(spec, 7);
        return new Drawn(7, spec, in.inputs(), in.dOut());
    }

    private void assertRight(Drawn drawn) {
        assertThat(TensorPlan.takes(Platform.devices().getFirst(), drawn.spec())).isTrue();
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
        assertRight(drawn(AttentionSpec.builder(1, 1, 65, headDim).seqK(66).dtype(DType.FP16).build()));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129})
    void everySideOfATile(int length) {
        assertRight(drawn(AttentionSpec.builder(1, 1, length, 16).seqK(40).causal().dtype(DType.FP16).build()));
        assertRight(drawn(AttentionSpec.builder(1, 1, 20, 16).seqK(length).dtype(DType.BF16).build()));
    }

    @ParameterizedTest
    @ValueSource(ints = {111, 112, 113, 127, 128, 144})
    void everySideOfTheSecondBlockOfAWarp(int length) {
        assertRight(drawn(AttentionSpec.builder(1, 1, length, 16).seqK(length + 33).window(40, 0).dtype(DType.FP16).build()));
        assertRight(drawn(AttentionSpec.builder(1, 1, length, 64).seqK(50).dtype(DType.BF16).build()));
    }

    @ParameterizedTest
    @EnumSource(names = {"FP16", "BF16"})
    void maximaThatClimbTileAfterTile(DType dtype) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 40, 16).seqK(256).dtype(dtype).scale(1).build();
        Inputs in = Inputs.random(spec, 3);
        float[] k = in.k().to(DType.FP32).toArray();
        for (int n = 0; n < k.length; n++) {
            k[n] = k[n] * (1 + n / 16 / 16); // from tile to tile 32 more
        }
        Tensor keys = Tensor.of(k, 1, 1, 256, 16).to(dtype);
        assertRight(new Drawn(3, spec, AttentionInputs.of(in.q(), keys, in.v()), in.dOut()));
    }

    @Test
    void aScoreThatIsNotFiniteMakesItsRowNaN() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 20, 16).seqK(40).dtype(DType.BF16).build();
        Inputs in = Inputs.random(spec, 3);
        float[] q = in.q().to(DType.FP32).toArray();
        Arrays.fill(q, 3 * 16, 4 * 16, -1e38f);
        float[] k = new float[40 * 16];
        Arrays.fill(k, 1e3f); // row 3 is negative infinity at every key
        try (Attention attention = Attention.on(simulator, spec)) {
            Tensor keys = Tensor.of(k, 1, 1, 40, 16).to(DType.BF16);
            Forward forward = attention.forward(Tensor.of(q, 1, 1, 20, 16).to(DType.BF16), keys, in.v());
            for (int row = 0; row < 20; row++) {
                assertThat(Float.isNaN(forward.out().get(0, 0, row, 5))).as("row %d", row).isEqualTo(row == 3);
                assertThat(Float.isNaN(forward.lse().get(0, 0, row))).as("row %d", row).isEqualTo(row == 3);
            }
        }
    }

    /** Among 40 keys, beyond which the last tile of 32 goes on. */
    @ParameterizedTest
    @CsvSource({"0,-1e38,1e3", "31,-1e38,1e3", "32,-1e38,1e3", "39,-1e3,1e38", "0,-1e3,1e38", "31,-1e20,1e20"})
    void oneScoreThatOverflowsMakesItsRowNaN(int key, float ofQuery, float ofKey) {
        float[] q = new float[64 * 16];
        Arrays.fill(q, 3 * 16, 4 * 16, ofQuery);
        float[] k = new float[40 * 16];
        Arrays.fill(k, key * 16, (key + 1) * 16, ofKey); // row 3 is negative infinity at this key, and 0 at others
        Forward forward = brain(64, q, k);
        for (int row = 0; row < 64; row++) {
            assertThat(Float.isNaN(forward.out().get(0, 0, row, 5))).as("row %d", row).isEqualTo(row == 3);
            assertThat(Float.isNaN(forward.lse().get(0, 0, row))).as("row %d", row).isEqualTo(row == 3);
        }
    }

    @Test
    void scoresThatOverflowInOneHeadOfKeys() {
        AttentionSpec spec = AttentionSpec.builder(2, 4, 64, 16).kvHeads(2).seqK(40).dtype(DType.BF16).build();
        Inputs in = Inputs.random(spec, 3);
        float[] q = new float[2 * 4 * 64 * 16];
        Arrays.fill(q, -1e3f);
        float[] k = in.k().to(DType.FP32).toArray();
        Arrays.fill(k, (40 + 10) * 16, (40 + 11) * 16, 1e38f); // key 10 of the second head of the first entry
        try (Attention attention = Attention.on(simulator, spec)) {
            Tensor queries = Tensor.of(q, 2, 4, 64, 16).to(DType.BF16);
            Tensor lse = attention.forward(queries, Tensor.of(k, 2, 2, 40, 16).to(DType.BF16), in.v()).lse();
            for (int head = 0; head < 8; head++) {
                assertThat(Float.isNaN(lse.get(head / 4, head % 4, 9))).as("head %d", head).isEqualTo(head == 2 || head == 3);
            }
        }
    }

    @Test
    void largeScoresThatAreFiniteStayRight() {
        float[] q = new float[64 * 16];
        Arrays.fill(q, 1e10f);
        float[] k = new float[40 * 16];
        Arrays.fill(k, -1e15f);
        Arrays.fill(k, 7 * 16, 8 * 16, 0f);
        Forward forward = brain(64, q, k);
        for (int row = 0; row < 64; row++) {
            assertThat(forward.lse().get(0, 0, row)).isZero();
            assertThat(forward.out().get(0, 0, row, 5)).isEqualTo(7f);
        }
    }

    /** Attention of 40 keys, each value the number of its key. */
    private Forward brain(int queries, float[] q, float[] k) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, queries, 16).seqK(40).dtype(DType.BF16).build();
        float[] v = new float[40 * 16];
        for (int n = 0; n < v.length; n++) {
            v[n] = n / 16;
        }
        try (Attention attention = Attention.on(simulator, spec)) {
            return attention.forward(Tensor.of(q, 1, 1, queries, 16).to(DType.BF16), Tensor.of(k, 1, 1, 40, 16).to(DType.BF16),
                    Tensor.of(v, 1, 1, 40, 16).to(DType.BF16));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FP16", "BF16"})
    void infiniteInputsMakeRowsNaNAndNeverEmpty(DType dtype) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 20, 16).seqK(40).causal(Causal.TOP_LEFT).dtype(dtype).build();
        Inputs in = Inputs.random(spec, 3);
        float[] q = new float[20 * 16];
        float[] k = new float[40 * 16];
        Arrays.fill(q, -1f);
        Arrays.fill(k, 1f);
        q[3 * 16] = Float.NEGATIVE_INFINITY; // row 3 is negative infinity at every key
        k[10 * 16 + 2] = Float.POSITIVE_INFINITY; // and so is key 10 for every row that sees it
        try (Attention attention = Attention.on(simulator, spec)) {
            Tensor keys = Tensor.of(k, 1, 1, 40, 16).to(dtype);
            Forward forward = attention.forward(Tensor.of(q, 1, 1, 20, 16).to(dtype), keys, in.v());
            for (int row = 0; row < 20; row++) {
                assertThat(Float.isNaN(forward.lse().get(0, 0, row))).as("row %d", row).isEqualTo(row == 3 || row >= 10);
            }
        }
    }

    /** Rows 3 and 19 are of the same lanes: one is not finite, the maximum of the other climbs. */
    @ParameterizedTest
    @EnumSource(names = {"FP16", "BF16"})
    void aRowThatIsNotFiniteLeavesTheOthersOfItsLanesAlone(DType dtype) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 20, 16).seqK(70).scale(1).dtype(dtype).build();
        Inputs in = Inputs.random(spec, 3);
        float[] q = in.q().to(DType.FP32).toArray();
        q[3 * 16] = Float.NaN;
        Arrays.fill(q, 19 * 16, 20 * 16, 1f);
        float[] k = new float[70 * 16];
        for (int i = 0; i < k.length; i++) {
            k[i] = i / 16 / 32 * 8; // row 19 climbs by 128 in each tile
        }
        Tensor keys = Tensor.of(k, 1, 1, 70, 16).to(dtype);
        try (Attention attention = Attention.on(simulator, spec)) {
            Forward forward = attention.forward(Tensor.of(q, 1, 1, 20, 16).to(dtype), keys, in.v());
            for (int row = 0; row < 20; row++) {
                assertThat(Float.isNaN(forward.out().get(0, 0, row, 5))).as("row %d", row).isEqualTo(row == 3);
            }
            assertThat(forward.lse().get(0, 0, 19)).isEqualTo((float) (256 + Math.log(6)));
        }
    }

    @Test
    void whatTheyDoNotTakeGoesElsewhere() {
        Platform.Device device = Platform.devices().getFirst();
        assertThat(TensorPlan.takes(device, AttentionSpec.builder(1, 1, 4, 16).build())).isFalse();
        assertThat(TensorPlan.takes(device, AttentionSpec.builder(1, 1, 4, 24).dtype(DType.FP16).build())).isFalse();
        assertThat(TensorPlan.takes(device, AttentionSpec.builder(1, 1, 4, 144).dtype(DType.FP16).build())).isFalse();
        assertThat(TensorPlan.takes(device, AttentionSpec.builder(1, 1, 4, 16).scale(-1).dtype(DType.FP16).build())).isFalse();
        assertThat(TensorPlan.takes(device, AttentionSpec.builder(1, 1, 4, 16).dropout(0.5).dtype(DType.FP16).build())).isFalse();
    }
}
