package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.simulator.DeviceLimits;
import io.github.tornadoattention.simulator.SimulatedDevice;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LimitsTest {
    private final DeviceLimits before = SimulatedDevice.INSTANCE.limits();

    @AfterEach
    void restore() {
        SimulatedDevice.INSTANCE.limits(before);
        System.clearProperty("tornado.device.memory");
    }

    @Test
    void limitsAreTheDevices() {
        SimulatedDevice.INSTANCE.limits(new DeviceLimits(256, 1000, 5000));

        assertThat(Limits.of(SimulatedDevice.INSTANCE)).isEqualTo(new Limits(256, 1000, 5000, 5000));
    }

    /** What CUDA lets a kernel declare. */
    @Test
    void localMemoryEndsAt48KiB() {
        SimulatedDevice.INSTANCE.limits(before.withLocalBytes(200 << 10));

        assertThat(Limits.of(SimulatedDevice.INSTANCE).localBytes()).isEqualTo(48 << 10);
    }

    @Test
    void tornadoVmsOwnLimitCountsWhereItIsSmaller() {
        SimulatedDevice.INSTANCE.limits(before.withGlobalBytes(1 << 20));
        System.setProperty("tornado.device.memory", "3KB");
        assertThat(Limits.of(SimulatedDevice.INSTANCE).totalBytes()).isEqualTo(3072);
        assertThat(Limits.of(SimulatedDevice.INSTANCE).arrayBytes()).isEqualTo(3072);
        System.setProperty("tornado.device.memory", "2GB");
        assertThat(Limits.of(SimulatedDevice.INSTANCE).totalBytes()).isEqualTo(1 << 20);
    }

    @ParameterizedTest
    @CsvSource({"7, 7", "7B, 7", "3KB, 3072", "512MB, 536870912", "512mb, 536870912", "80GB, 85899345920"})
    void sizesAreReadAsTornadoVmWritesThem(String size, long bytes) {
        assertThat(Limits.bytes(size)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "GB", "4TB", "4 GB", "-4GB", "1.5GB"})
    void otherSizesAreRefused(String size) {
        assertThatThrownBy(() -> Limits.bytes(size))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("tornado.device.memory is '%s', must be like 512MB or 4GB", size);
    }

    @Test
    void whatDoesNotFitIsRefusedWithWhatItNeedsAndWhatThereIs() {
        Limits limits = new Limits(1024, 48 << 10, 3 << 20, 1 << 20);

        assertThatCode(() -> limits.require("this", 1 << 20, 3 << 20)).doesNotThrowAnyException();
        assertThatThrownBy(() -> limits.require("this", 1, (3 << 20) + (1 << 19)))
                .isInstanceOf(DeviceException.class)
                .hasMessage("this needs 3.5 MiB on the device, which allows 3.0 MiB");
        assertThatThrownBy(() -> limits.require("this", 3 << 19, 2 << 20))
                .isInstanceOf(DeviceException.class)
                .hasMessage("this needs an array of 1.5 MiB on the device, which allows 1.0 MiB each");
    }
}
