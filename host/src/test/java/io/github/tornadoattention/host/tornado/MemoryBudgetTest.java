package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.simulator.DeviceLimits;
import io.github.tornadoattention.simulator.SimulatedDevice;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

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

    private boolean opens(AttentionSpec spec, Algorithm algorithm) {
        try (Attention _ = Attention.on(simulator, spec, algorithm)) {
            return true;
        } catch (DeviceException e) {
            return false;
        }
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
        long refused = 0;
        long opened = 1L << 30;
        while (opened - refused > 1) {
            long middle = (opened + refused) / 2;
            globalBytes(middle);
            if (opens(spec, algorithm)) {
                opened = middle;
            } else {
                refused = middle;
            }
        }
        globalBytes(opened + FEW_NUMBERS);
        Inputs.random(spec, 1).on(simulator, algorithm);
        globalBytes(opened - opened / 10);
        assertThatThrownBy(() -> Inputs.random(spec, 1).on(simulator, algorithm))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining(" needs ");
    }
}
