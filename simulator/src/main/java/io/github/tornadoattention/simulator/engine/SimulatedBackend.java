package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.SimulatedDevice;
import java.util.List;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoDeviceNotFound;

/** The backend: its name is how a host learns that nothing here is a device. */
final class SimulatedBackend implements TornadoBackend {

    @Override
    public TornadoDevice getDefaultDevice() {
        return SimulatedDevice.INSTANCE;
    }

    @Override
    public void setDefaultDevice(int index) {
        getDevice(index);
    }

    @Override
    public int getNumDevices() {
        return 1;
    }

    @Override
    public TornadoDevice getDevice(int index) {
        if (index != 0) {
            throw new TornadoDeviceNotFound("no device " + index + ": the simulator has one, with index 0");
        }
        return SimulatedDevice.INSTANCE;
    }

    @Override
    public List<TornadoDevice> getAllDevices() {
        return List.of(SimulatedDevice.INSTANCE);
    }

    @Override
    public TornadoDeviceType getTypeDefaultDevice() {
        return SimulatedDevice.INSTANCE.getDeviceType();
    }

    @Override
    public String getName() {
        return SimulatedDevice.PLATFORM;
    }

    @Override
    public int getNumPlatforms() {
        return 1;
    }

    @Override
    public TornadoVMBackendType getBackendType() {
        return TornadoVMBackendType.JAVA;
    }
}
