package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.simulator.DeviceLimits;
import io.github.tornadoattention.simulator.SimulatedDevice;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What does not fit the device is refused when the plan is opened, with both sizes, and what is let through fits. */
class MemoryBudgetTest {
    private static final long FEW_NUMBERS = 2048;

    private final Backend simulator = Backend.of("simulator");
    private final DeviceLimits before = SimulatedDevice.INSTANCE.limits();

    @AfterEach
    void restoreLimits() {
        SimulatedDevice.INSTANCE.limits(before);
    }

    private void globalBytes(long bytes) {
        SimulatedDevice.INSTANCE.limits(before.withGlobalBytes(bytes));
    }

    private static boolean opens(Backend backend, AttentionSpec spec, Algorithm algorithm) {
        try (Attention _ = Attention.on(backend, spec, algorithm)) {
            return true;
        } catch (DeviceException e) {
            return false;
        }
    }

    private boolean opens(AttentionSpec spec, Algorithm algorithm) {
        return opens(simulator, spec, algorithm);
    }

    /** The least memory with which a plan is opened. */
    private long budget(Backend backend, AttentionSpec spec, Algorithm algorithm) {
        long refused = 0;
        long opened = 1L << 30;
        while (opened - refused > 1) {
            long middle = (opened + refused) / 2;
            globalBytes(middle);
            if (opens(backend, spec, algorithm)) {
                opened = middle;
            } else {
                refused = middle;
            }
        }
        return opened;
    }

    /** 8 GiB an array: had anything been allocated for it, this would not end in a moment. */
    @Test
    void aSpecFarTooLargeAllocatesNothingBeforeItRuns() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, (1 << 23) - 1, 256).build();
        assertThatThrownBy(() -> new FlashPlan("simulator", Tiled.SIMULATOR, spec, false))
                .isInstanceOfSatisfying(DeviceException.class, e -> assertThat(e.exitCode()).isEqualTo(4))
                .hasMessageMatching("flash attention of q 1x1x8388607x256 and k 1x1x8388607x256 "
                        + "needs \\d+\\.\\d MiB on the device, which allows 16384\\.0 MiB");
        assertThat(opens(spec, Algorithm.FLASH)).isTrue();
    }

    @Test
    void standardNeedsItsMatrixToo() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 400, 8).build();
        globalBytes(1 << 20);

        assertThat(opens(spec, Algorithm.FLASH)).isTrue();
        assertThatThrownBy(() -> Attention.on(simulator, spec, Algorithm.STANDARD))
                .isInstanceOf(DeviceException.class)
                .hasMessageStartingWith("standard attention of q 1x1x400x8 and k 1x1x400x8 needs ")
                .hasMessageEndingWith(" MiB on the device, which allows 1.0 MiB");
    }

    @Test
    void aMatrixOf2To31ElementsIsRefused() {
        AttentionSpec spec = AttentionSpec.builder(1, 8, 1 << 14, 1).build();
        assertThatThrownBy(() -> Attention.on(simulator, spec, Algorithm.STANDARD))
                .isInstanceOf(UsageException.class)
                .hasMessage("standard attention needs a matrix of 2147483648 elements, 2^31 or more; use flash");
        assertThat(opens(spec, Algorithm.FLASH)).isTrue();
    }

    /** With just the memory that the budget asks for, and room for the few numbers that say what to do, both passes run. */
    @ParameterizedTest
    @EnumSource
    void whatIsLetThroughFits(Algorithm algorithm) {
        AttentionSpec spec = AttentionSpec.builder(1, 2, 150, 7).seqK(100).causal().build();
        long opened = budget(simulator, spec, algorithm);
        globalBytes(opened + FEW_NUMBERS);
        Inputs.random(spec, 1).on(simulator, algorithm);
        globalBytes(opened - opened / 10);
        assertThatThrownBy(() -> Inputs.random(spec, 1).on(simulator, algorithm))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining(" needs ");
    }

    /** Tensor-core kernels on the simulator and no others, not even block by block. */
    private record Packing() implements Backend {
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
            Platform.Device device = Platform.devices().getFirst();
            return spec.dtype() == DType.FP32 ? new SplitPlan(name(), device, spec, false)
                    : new TensorPlan(name(), device, spec, false);
        }
    }

    /** More rows of keys than of queries and the other way round; heads that share keys. */
    static Stream<AttentionSpec> packing() {
        return Stream.of(DType.FP32, DType.FP16, DType.BF16).flatMap(dtype -> Stream.of(
                        AttentionSpec.builder(1, 2, 70, 16).seqK(140), AttentionSpec.builder(1, 2, 140, 16).seqK(70),
                        AttentionSpec.builder(2, 2, 70, 16).seqK(140).kvHeads(1))
                .map(builder -> builder.dtype(dtype).build()));
    }

    /** Plans that pack on the device take what the budget says, and not half a packed matrix less. */
    @ParameterizedTest
    @MethodSource
    void packing(AttentionSpec spec) {
        Backend backend = new Packing();
        long budget = budget(backend, spec, Algorithm.FLASH);
        globalBytes(budget + FEW_NUMBERS);
        Inputs.random(spec, 1).on(backend, Algorithm.FLASH);

        globalBytes(1L << 30);
        try (Attention attention = Attention.on(backend, spec, Algorithm.FLASH)) {
            long smallest = (long) spec.batch() * 2 * 128 * spec.headDim() * spec.dtype().bytes(); // of 70 rows and two heads
            globalBytes(budget - smallest / 2);
            Inputs in = Inputs.random(spec, 1);
            Forward forward = attention.forward(in.q(), in.k(), in.v());
            assertThatThrownBy(() -> attention.backward(in.dOut(), forward)).isInstanceOf(DeviceException.class);
        }
    }

    /** At b1 h16 n4096 d64, where the documentation has the numbers; nothing is allocated. Scales are what 32 lacks. */
    @Test
    void standardNeedsAlmost32TimesAsMuch() {
        AttentionSpec spec = AttentionSpec.builder(1, 16, 4096, 64).build();
        Platform.Device device = Platform.devices().getFirst();
        try (SplitPlan flash = new SplitPlan("simulator", device, spec, false);
                StandardPlan standard = new StandardPlan("simulator", device, spec, false)) {
            assertThat(standard.backwardExtraBytes() / flash.backwardExtraBytes()).isEqualTo(31);
            assertThat(standard.forwardExtraBytes() / flash.forwardExtraBytes()).isEqualTo(31);
        }
    }
}
