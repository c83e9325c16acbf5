package uk.ac.manchester.tornado.api;

import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/** The drivers that are there. */
public interface TornadoRuntime {

    /** A backend by index. */
    TornadoBackend getBackend(int index);

    /** A backend by class. */
    <D extends TornadoBackend> D getBackend(Class<D> type);

    /** Makes a backend the first. */
    void setDefaultBackend(int index);

    /** The code generator of a backend. */
    TornadoVMBackendType getBackendType(int index);

    /** How many backends there are. */
    int getNumBackends();

    /** The first backend's default device. */
    TornadoDevice getDefaultDevice();

    /** Whether every plan is profiled. */
    boolean isProfilerEnabled();
}
