package io.github.tornadoattention.simulator;

import uk.ac.manchester.tornado.api.TornadoTargetDevice;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/** The device that kernels run on: this JVM, with limits that can be set to those of the device one has in mind. */
public final class SimulatedDevice implements TornadoDevice, TornadoTargetDevice {

    /** The name of backend and platform. */
    public static final String PLATFORM = "Simulator";

    /** The only device. */
    public static final SimulatedDevice INSTANCE = new SimulatedDevice();

    private volatile DeviceLimits limits = DeviceLimits.fromProperties();

    private SimulatedDevice() {
    }

    /** The limits that hold now. */
    public DeviceLimits limits() {
        return limits;
    }

    /** Sets the limits for launches and allocations that follow, and returns those that held before. */
    public DeviceLimits limits(DeviceLimits newLimits) {
        DeviceLimits before = limits;
        limits = newLimits;
        return before;
    }

    @Override
    public String getDeviceName() {
        return "Java simulator";
    }

    @Override
    public String getDescription() {
        return "Java simulator on " + getAvailableProcessors() + " processors, Java " + Runtime.version().feature();
    }

    @Override
    public String getPlatformName() {
        return PLATFORM;
    }

    @Override
    public TornadoTargetDevice getPhysicalDevice() {
        return this;
    }

    @Override
    public TornadoDeviceType getDeviceType() {
        return TornadoDeviceType.CPU;
    }

    @Override
    public long getMaxAllocMemory() {
        return limits.globalBytes();
    }

    @Override
    public long getMaxGlobalMemory() {
        return limits.globalBytes();
    }

    @Override
    public long getDeviceLocalMemorySize() {
        return limits.localBytes();
    }

    @Override
    public long[] getDeviceMaxWorkgroupDimensions() {
        int n = limits.maxGroupSize();
        return new long[] {n, n, n};
    }

    @Override
    public String getDeviceOpenCLCVersion() {
        return "none";
    }

    @Override
    public String getDeviceInfo() {
        return getDescription();
    }

    @Override
    public int getBackendIndex() {
        return 0;
    }

    @Override
    public TornadoVMBackendType getTornadoVMBackend() {
        return TornadoVMBackendType.JAVA;
    }

    @Override
    public boolean isSPIRVSupported() {
        return false;
    }

    @Override
    public long getDeviceGlobalMemorySize() {
        return limits.globalBytes();
    }

    @Override
    public int getDeviceMaxComputeUnits() {
        return getAvailableProcessors();
    }

    @Override
    public long[] getDeviceMaxWorkItemSizes() {
        return getDeviceMaxWorkgroupDimensions();
    }

    @Override
    public long[] getDeviceMaxWorkGroupSize() {
        return new long[] {limits.maxGroupSize()};
    }

    @Override
    public int getMaxThreadsPerBlock() {
        return limits.maxGroupSize();
    }

    @Override
    public int getDeviceMaxClockFrequency() {
        return 0;
    }

    @Override
    public long getDeviceMaxConstantBufferSize() {
        return limits.globalBytes();
    }

    @Override
    public long getDeviceMaxAllocationSize() {
        return limits.globalBytes();
    }

    @Override
    public String toString() {
        return getDescription();
    }
}
