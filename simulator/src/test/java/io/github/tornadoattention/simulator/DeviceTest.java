package io.github.tornadoattention.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoBackendNotFound;
import uk.ac.manchester.tornado.api.exceptions.TornadoDeviceNotFound;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

class DeviceTest {

    private final TornadoRuntime runtime = TornadoRuntimeProvider.getTornadoRuntime();

    @Test
    void theDriverSaysThatItIsSimulated() {
        TornadoBackend backend = runtime.getBackend(0);
        assertThat(runtime.getNumBackends()).isEqualTo(1);
        assertThat(backend.getName()).isEqualTo("Simulator");
        assertThat(backend.getBackendType()).isEqualTo(TornadoVMBackendType.JAVA);
        assertThat(backend.getAllDevices()).containsExactly(backend.getDefaultDevice());
    }

    @Test
    void theDeviceTellsItsLimits() {
        TornadoDevice device = TornadoExecutionPlan.getDevice(0, 0);
        assertThat(device.getDeviceName()).isEqualTo("Java simulator");
        assertThat(device.getDeviceLocalMemorySize()).isEqualTo(49_152);
        assertThat(device.getDeviceMaxWorkgroupDimensions()).containsExactly(1024, 1024, 1024);
        assertThat(device.getMaxAllocMemory()).isEqualTo(device.getMaxGlobalMemory()).isEqualTo(16L << 30);
        assertThat(device.getPhysicalDevice().getDeviceName()).isEqualTo("Java simulator");
    }

    @Test
    void thereIsOneBackendWithOneDevice() {
        assertThatThrownBy(() -> runtime.getBackend(1)).isInstanceOf(TornadoBackendNotFound.class)
                .hasMessageContaining("no backend 1");
        assertThatThrownBy(() -> TornadoExecutionPlan.getDevice(0, 3)).isInstanceOf(TornadoDeviceNotFound.class);
        assertThatThrownBy(() -> new TornadoExecutionPlan().withDevice(null)).hasMessageContaining("not a device");
    }

    @Test
    void withAgentAndExportNothingIsHidden() {
        assertThat(Simulator.blindSpots()).isEmpty();
    }
}
