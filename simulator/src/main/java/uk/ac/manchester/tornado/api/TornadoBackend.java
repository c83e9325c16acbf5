package uk.ac.manchester.tornado.api;

import java.util.List;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/** A driver and its devices. */
public interface TornadoBackend {

    /** The device that plans run on unless they name another. */
    TornadoDevice getDefaultDevice();

    /** Chooses the default device. */
    void setDefaultDevice(int index);

    /** How many devices there are. */
    int getNumDevices();

    /** A device by index. */
    TornadoDevice getDevice(int index);

    /** All devices. */
    List<TornadoDevice> getAllDevices();

    /** The kind of the default device. */
    TornadoDeviceType getTypeDefaultDevice();

    /** The driver's name. */
    String getName();

    /** How many platforms the driver sees. */
    int getNumPlatforms();

    /** The code generator. */
    TornadoVMBackendType getBackendType();
}
