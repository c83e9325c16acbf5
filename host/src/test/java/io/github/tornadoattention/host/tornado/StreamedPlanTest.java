package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.DeviceMemoryException;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.RandomSpecs;
import io.github.tornadoattention.host.check.Tolerance;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import io.github.tornadoattention.simulator.DeviceLimits;
import io.github.tornadoattention.simulator.SimulatedDevice;
import java.util.Objects;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Attention that does not fit the device, streamed in blocks: the same results, within the memory that is allowed. */
class StreamedPlanTest {
    static Stream<AttentionSpec> specs() {
        AttentionSpec shape = AttentionSpec.builder(1, 2, 100, 32).seqK(130).build();
        return Stream.of(
                AttentionSpec.builder(1, 1, 97, 64).seqK(150).build(),
                AttentionSpec.builder(2, 4, 75, 40).kvHeads(2).seqK(140).causal().keyLengths(140, 60).build(),
                AttentionSpec.builder(2, 2, 140, 32).seqK(75).causal().build(),
                AttentionSpec.builder(2, 2, 90, 16).causal(Causal.TOP_LEFT).window(20, -1).keyLengths(0, 90).build(),
                AttentionSpec.builder(1, 6, 70, 24).kvHeads(3).seqK(120).window(40, 9).alibi().softcap(7).build(),
                AttentionSpec.builder(1, 4, 80, 32).kvHeads(2).causal().dropout(0.3).build(),
                AttentionSpec.builder(1, 2, 66, 32).dtype(DType.BF16).build(),
                AttentionSpec.builder(1, 2, 100, 32).seqK(130).blockMask(Inputs.mask(shape, 32, 1, 0.6, 1)).causal().build(),
                AttentionSpec.builder(1, 2, 100, 32).seqK(130).blockMask(Inputs.mask(shape, 16, 2, 0.5, 2)).build());
    }

    private static String failure(Backend backend, AttentionSpec spec) {
        Inputs in = Inputs.random(spec, spec.headDim());
        Inputs.Result result = in.on(backend, Algorithm.FLASH);
        Exact exact = ReferenceAttention.forwardBackward(spec, in.inputs(), in.dOut());
        assertThat(result.forward().report().remarks()).anyMatch(remark -> remark.startsWith("streamed in blocks of "));
        assertThat(result.gradients().report().remarks()).anyMatch(remark -> remark.startsWith("streamed in blocks of "));
        return Comparison.of(spec, exact, result.forward(), result.gradients(), Tolerance.of(spec, in.inputs(), in.dOut(), exact))
                .firstFailure();
    }

    @ParameterizedTest
    @MethodSource("specs")
    void streamedResultsAreRight(AttentionSpec spec) {
        assertThat(failure(few(spec), spec)).isEmpty();
    }

    /** The simulator with memory for blocks of some 48 queries and 32 keys. */
    private static Backend few(AttentionSpec spec) {
        int group = spec.heads() / spec.kvHeads();
        return Backend.of("simulator").withDeviceMemory(new BlockSize(1, group, 48, 32, spec.headDim()).bytes(spec));
    }

    static Stream<AttentionSpec> tables() {
        return Stream.of(
                AttentionSpec.builder(2, 4, 75, 40).kvHeads(2).seqK(140).maskShape(2, 4, 75, 140)
                .biasShape(2, 4, 75, 140).causal()
                        .build(),
                AttentionSpec.builder(2, 4, 75, 32).kvHeads(2).seqK(70).maskShape(1, 4, 1, 70).biasShape(2, 1, 75, 70)
                        .keyLengths(70, 33).build(),
                AttentionSpec.builder(2, 2, 90, 16).maskShape(2, 1, 90, 1).biasShape(1, 2, 1, 90).softcap(9).dropout(0.2).build(),
                AttentionSpec.builder(2, 6, 70, 24).kvHeads(3).seqK(99).biasShape(1, 1, 70, 99).window(40, 9).alibi().build(),
                AttentionSpec.builder(2, 2, 70, 24).seqK(99).biasShape(1, 1, 1, 99).build(),
                AttentionSpec.builder(1, 2, 100, 32).dtype(DType.FP16).maskShape(1, 2, 100, 100).build(),
                AttentionSpec.builder(1, 2, 64, 32).biasShape(1, 2, 64, 64).build());
    }

    /** Bias and mask are cut into blocks, also where entries, heads, queries or keys share them; so is the bias's gradient. */
    @ParameterizedTest
    @MethodSource("tables")
    void masksAndBiasesAreCut(AttentionSpec spec) {
        assertThat(failure(few(spec), spec)).isEmpty();
    }

    /** Random attentions in memory for a block at a time, as far as they need more. */
    @Test
    void randomSpecsInBlocks() {
        for (long seed = 1; seed <= 16; seed++) {
            RandomSpecs.Drawn drawn = RandomSpecs.draw(seed, 90);
            AttentionSpec spec = drawn.spec();
            BlockMask mask = spec.blockMask();
            int heads = mask != null && mask.heads() > 1 ? 1 : spec.heads() / spec.kvHeads();
            int edge = mask == null ? 32 : mask.size();
            long bytes = new BlockSize(1, heads, Math.min(edge, 16 * Math.ceilDiv(spec.seqQ(), 16)),
                    Math.min(edge, 16 * Math.ceilDiv(spec.seqK(), 16)), spec.headDim()).bytes(spec);
            assertThat(drawn.expected().compare(Backend.of("simulator").withDeviceMemory(bytes), Algorithm.FLASH).firstFailure())
                    .as("seed %d: %s", seed, spec).isEmpty();
        }
    }

    /** In blocks or in one go: the same within what float32 allows, the bias's gradient included. */
    @Test
    void inBlocksAsInOneGo() {
        AttentionSpec spec = AttentionSpec.builder(2, 2, 80, 32).seqK(90).maskShape(2, 1, 80, 90).biasShape(1, 2, 80, 90).causal()
                .build();
        Inputs in = Inputs.random(spec, 5);
        Inputs.Result blocks = in.on(few(spec), Algorithm.FLASH);
        Inputs.Result once = in.on(Backend.of("simulator"), Algorithm.FLASH);
        assertThat(once.forward().report().remarks()).isEmpty();
        assertThat(once.forward().report().kernels()).isEqualTo(blocks.forward().report().kernels());
        assertThat(once.gradients().report().kernels()).isEqualTo(blocks.gradients().report().kernels());
        assertClose(blocks.forward().out(), once.forward().out());
        assertClose(blocks.forward().lse(), once.forward().lse());
        assertClose(blocks.gradients().dq(), once.gradients().dq());
        assertClose(blocks.gradients().dk(), once.gradients().dk());
        assertClose(blocks.gradients().dv(), once.gradients().dv());
        assertClose(Objects.requireNonNull(blocks.gradients().dBias()), Objects.requireNonNull(once.gradients().dBias()));
    }

    /** Two blocks are under way at a time; results are the same bit for bit, and a failure leaves nothing behind. */
    @Test
    void lanesAreInOrderAndOutliveFailures() {
        AttentionSpec spec = AttentionSpec.builder(1, 4, 100, 16).seqK(200).biasShape(1, 4, 1, 200).build();
        Inputs in = Inputs.random(spec, 6);
        Backend twoHeads = Backend.of("simulator").withDeviceMemory(new BlockSize(2, 1, 112, 208, 16).bytes(spec));
        DeviceLimits before = SimulatedDevice.INSTANCE.limits();
        try (Attention attention = Attention.on(twoHeads, spec)) {
            Forward f = attention.forward(in.inputs());
            Gradients g = attention.backward(in.dOut(), f);
            assertThat(f.report().remarks().getFirst())
                    .startsWith("streamed in blocks of 112 queries and 208 keys, two at a time: ");
            for (int turn = 0; turn < 3; turn++) {
                Inputs other = Inputs.random(spec, turn);
                try {
                    SimulatedDevice.INSTANCE.limits(before.withLocalBytes(64));
                    assertThatThrownBy(() -> attention.forward(other.inputs())).isInstanceOf(DeviceException.class);
                    assertThatThrownBy(() -> attention.backward(in.dOut(), f)).isInstanceOf(DeviceException.class);
                } finally {
                    SimulatedDevice.INSTANCE.limits(before);
                }
                Forward again = attention.forward(in.inputs());
                assertThat(again.out().toArray()).containsExactly(f.out().toArray());
                assertThat(again.lse().toArray()).containsExactly(f.lse().toArray());
                Gradients gAgain = attention.backward(in.dOut(), again);
                assertThat(gAgain.dq().toArray()).containsExactly(g.dq().toArray());
                assertThat(gAgain.dk().toArray()).containsExactly(g.dk().toArray());
                assertThat(Objects.requireNonNull(gAgain.dBias()).toArray())
                        .containsExactly(Objects.requireNonNull(g.dBias()).toArray());
            }
        }
    }

    private static void assertClose(Tensor actual, Tensor expected) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertThat(actual.toArray()).containsExactly(expected.toArray(), Offset.offset(1e-5f));
    }

    /** Blocks of a mask that no tile divides are computed one by one. */
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 24, 50, 100, 200})
    void masksOfAnySize(int size) {
        AttentionSpec shape = AttentionSpec.builder(1, 2, Math.clamp(size * 5L, 5, 110), 16).seqK(Math.clamp(size * 6L, 6, 140))
                .build();
        SpecBuilder builder = AttentionSpec.builder(1, 2, shape.seqQ(), 16).seqK(shape.seqK()).kvHeads(1).causal()
                .blockMask(Inputs.mask(shape, size, 2, 0.6, size));
        assertThat(failure(Backend.of("simulator"), builder.build())).isEmpty();
        AttentionSpec tables = builder.maskShape(1, 2, shape.seqQ(), shape.seqK()).biasShape(1, 1, shape.seqQ(), shape.seqK())
                .build();
        assertThat(failure(Backend.of("simulator"), tables)).isEmpty();
        AttentionSpec dropout = builder.dropout(0.4).build();
        if (size % 4 == 0) {
            assertThat(failure(Backend.of("simulator"), dropout)).isEmpty();
        } else {
            assertThatThrownBy(() -> Attention.on(Backend.of("simulator"), dropout)).isInstanceOf(UsageException.class)
                    .hasMessageContaining("blocks of %d begin between them", size);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 32, 48, 64, 128})
    void masksThatTilesDivideAreNotStreamed(int size) {
        AttentionSpec shape = AttentionSpec.builder(1, 1, 150, 16).build();
        AttentionSpec spec = AttentionSpec.builder(1, 1, 150, 16).blockMask(Inputs.mask(shape, size, 1, 0.5, 1)).build();
        assertThat(Inputs.random(spec, 1).on(Backend.of("simulator"), Algorithm.FLASH).forward().report().remarks()).isEmpty();
    }

    @Test
    void blocksAreTheLargestThatFit() {
        AttentionSpec spec = AttentionSpec.builder(1, 2, 4000, 64).kvHeads(1).build();
        Limits limits = Tiled.SIMULATOR.limits();
        for (long bytes : new long[] {1 << 18, 1 << 20, 1 << 22, 1 << 25}) {
            BlockSize size = BlockSize.choose(spec, withMemory(limits, bytes));
            assertThat(size.bytes(spec)).isBetween(bytes / 4, bytes);
            assertThat(size.queries() % 16).isZero();
            assertThat(size.keys() % 16).isZero();
        }
        assertThat(BlockSize.choose(spec, limits)).isEqualTo(new BlockSize(2, 2, 4000, 4000, 64));
    }

    /** Two blocks at a time where that costs no size, or blocks are large all the same. */
    @Test
    void lanesFollowFromSizes() {
        Limits limits = Tiled.SIMULATOR.limits();
        AttentionSpec heads = AttentionSpec.builder(1, 8, 1024, 64).build();
        BlockSize two = new BlockSize(2, 1, 1024, 1024, 64);
        for (long bytes : new long[] {two.bytes(heads), two.bytes(heads) + 1}) {
            assertThat(BlockSize.choose(heads, withMemory(limits, bytes))).isEqualTo(two);
        }
        assertThat(BlockSize.choose(heads, withMemory(limits, two.bytes(heads) - 1)))
                .isEqualTo(new BlockSize(1, 1, 1024, 1024, 64));
        AttentionSpec large = AttentionSpec.builder(1, 1, 1 << 16, 64).build();
        for (int edge = 1 << 9; edge <= 1 << 15; edge *= 2) {
            BlockSize half = new BlockSize(2, 1, edge, edge, 64);
            BlockSize chosen = BlockSize.choose(large, withMemory(limits, half.bytes(large)));
            assertThat(chosen.bytes(large)).isLessThanOrEqualTo(half.bytes(large));
            assertThat(chosen.lanes()).as("%d", edge).isEqualTo(edge == 1 << 15 ? 2 : 1);
        }
    }

    private static Limits withMemory(Limits limits, long bytes) {
        return new Limits(limits.group(), limits.localBytes(), bytes, bytes);
    }

    @Test
    void whatFitsIsNotStreamedAndWhatNeverFitsIsRefused() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 64, 64).build();
        Backend simulator = Backend.of("simulator");
        assertThat(Inputs.random(spec, 1).on(simulator.withDeviceMemory(1 << 20), Algorithm.FLASH).forward().report().remarks())
                .isEmpty();
        assertThatThrownBy(() -> Inputs.random(spec, 1).on(simulator.withDeviceMemory(20_000), Algorithm.FLASH))
                .isInstanceOf(DeviceMemoryException.class)
                .hasMessageContaining("a block of 16 queries of 1 heads and 16 keys "
                        + "needs 0.1 MiB on the device, which allows 0.0 MiB");
        assertThatThrownBy(() -> Inputs.random(spec, 1).on(simulator.withDeviceMemory(100_000), Algorithm.STANDARD))
                .isInstanceOf(DeviceMemoryException.class);
        assertThatThrownBy(() -> Backend.of("cpu").withDeviceMemory(1 << 20)).isInstanceOf(UsageException.class)
                .hasMessageContaining("backend cpu has no device memory");
    }
}
