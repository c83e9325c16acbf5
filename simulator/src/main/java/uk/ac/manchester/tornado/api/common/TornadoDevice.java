package uk.ac.manchester.tornado.api.common;

import uk.ac.manchester.tornado.api.TornadoTargetDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/** A device that plans run on. */
public interface TornadoDevice {

    /** A short name, made of backend and index on real platforms. */
    String getDeviceName();

    /** A line for people. */
    String getDescription();

    /** The name of the platform that the device belongs to. */
    String getPlatformName();

    /** The device as its driver sees it. */
    TornadoTargetDevice getPhysicalDevice();

    /** The kind of device. */
    TornadoDeviceType getDeviceType();

    /** Bytes of the largest single allocation. */
    long getMaxAllocMemory();

    /** Bytes of device memory. */
    long getMaxGlobalMemory();

    /** Bytes of local memory of a work-group. */
    long getDeviceLocalMemorySize();

    /** The largest extents of a work-group. */
    long[] getDeviceMaxWorkgroupDimensions();

    /** The version of the device's OpenCL C, or a word that says that it has none. */
    String getDeviceOpenCLCVersion();

    /** Whatever else the device says of itself. */
    Object getDeviceInfo();

    /** The index of the backend that the device belongs to. */
    int getBackendIndex();

    /** Processors of the host. */
    default int getAvailableProcessors() {
        return Runtime.getRuntime().availableProcessors();
    }

    /** The code generator. */
    TornadoVMBackendType getTornadoVMBackend();

    /** Whether the device takes SPIR-V. */
    boolean isSPIRVSupported();
}
