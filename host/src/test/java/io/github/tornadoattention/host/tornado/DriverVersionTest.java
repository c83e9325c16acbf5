package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import uk.ac.manchester.tornado.api.TornadoTargetDevice;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/** What a device tells of its driver: OpenCL's and CUDA's in their description, PTX's nowhere. */
class DriverVersionTest {
    /** An object that answers some calls, by the method's name. */
    private static <T> T answering(Class<T> type, Map<String, Object> answers) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type},
                (proxy, method, arguments) -> answers.get(method.getName())));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "null", value = {
        "Device version   : OpenCL 3.0 PoCL/Driver version   : 3.1+debian/OpenCL C version : OpenCL C 1.2 | OpenCL C 1.2 | "
                + "3.1+debian",
        "Device vendor    : AMD/Driver version   : 3602.0 (HSA1.1,LC) /Endianness       : little | OpenCL C 2.0 | 3602.0 "
                + "(HSA1.1,LC)",
        "Driver version   : /Endianness       : little | OpenCL C 2.0 | OpenCL C 2.0",
        "Driver version   : unknown/Endianness       : little | OpenCL C 2.0 | null",
        "Some GPU | OpenCL C 3.0 | OpenCL C 3.0",
        "Some GPU | null | null",
        "Some GPU | unknown | null",
    })
    void whatTheDeviceTells(String info, String openClC, String version) {
        var physical = answering(TornadoTargetDevice.class,
                Map.of("getDeviceInfo", info.replace('/', '\n'), "getDeviceName", "Some GPU"));
        var device = answering(TornadoDevice.class, openClC == null ? Map.of("getPhysicalDevice", physical)
                : Map.of("getPhysicalDevice", physical, "getDeviceOpenCLCVersion", openClC));
        assertThat(new Platform.Device(0, 0, "opencl", device, 0, Tunings.USUAL).driverVersion()).isEqualTo(version);
    }

    @Test
    void theSimulatorHasNone() {
        assertThat(Platform.devices().getFirst().driverVersion()).isNull();
    }
}
