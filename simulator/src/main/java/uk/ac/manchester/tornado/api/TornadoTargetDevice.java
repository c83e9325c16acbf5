package uk.ac.manchester.tornado.api;

/** A device as its driver sees it. */
public interface TornadoTargetDevice {

    /** The driver's name for it. */
    String getDeviceName();

    /** Bytes of device memory. */
    long getDeviceGlobalMemorySize();

    /** Bytes of local memory of a work-group. */
    long getDeviceLocalMemorySize();

    /** Compute units, or streaming multiprocessors. */
    int getDeviceMaxComputeUnits();

    /** The largest extents of a work-group. */
    long[] getDeviceMaxWorkItemSizes();

    /** The largest number of work-items of a group, as the first element. */
    long[] getDeviceMaxWorkGroupSize();

    /** The largest number of work-items of a group. */
    int getMaxThreadsPerBlock();

    /** Megahertz. */
    int getDeviceMaxClockFrequency();

    /** Bytes of constant memory. */
    long getDeviceMaxConstantBufferSize();

    /** Bytes of the largest single allocation. */
    long getDeviceMaxAllocationSize();

    /** A line for people. */
    String getDeviceInfo();
}
