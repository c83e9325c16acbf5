package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.SimulatedDevice;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoBackendNotFound;

/** The runtime: one backend with one device. */
public final class SimulatedRuntime implements TornadoRuntime {

    /** The one runtime of this JVM. */
    public static final SimulatedRuntime INSTANCE = new SimulatedRuntime();

    private final SimulatedBackend backend = new SimulatedBackend();

    private SimulatedRuntime() {
    }

    @Override
    public TornadoBackend getBackend(int index) {
        if (index != 0) {
            throw new TornadoBackendNotFound("no backend " + index + ": the simulator is the only one, with index 0");
        }
        return backend;
    }

    @Override
    public <D extends TornadoBackend> D getBackend(Class<D> type) {
        if (!type.isInstance(backend)) {
            throw new TornadoBackendNotFound("no backend " + type.getName() + ": the simulator is the only one");
        }
        return type.cast(backend);
    }

    @Override
    public void setDefaultBackend(int index) {
        getBackend(index);
    }

    @Override
    public TornadoVMBackendType getBackendType(int index) {
        return getBackend(index).getBackendType();
    }

    @Override
    public int getNumBackends() {
        return 1;
    }

    @Override
    public TornadoDevice getDefaultDevice() {
        return SimulatedDevice.INSTANCE;
    }

    @Override
    public boolean isProfilerEnabled() {
        return false;
    }
}
