package uk.ac.manchester.tornado.api;

import io.github.tornadoattention.simulator.engine.ExecutionProfile;

/** What one execution took. Times are 0 unless the plan's profiler is on. */
public class TornadoProfilerResult {

    private final ExecutionProfile profile;

    TornadoProfilerResult(ExecutionProfile profile) {
        this.profile = profile;
    }

    /** Nanoseconds of the whole execution. */
    public long getTotalTime() {
        return profile.totalNanos();
    }

    /** Nanoseconds spent compiling; 0, since nothing is compiled or queued here. */
    public long getCompileTime() {
        return 0;
    }

    /** Nanoseconds of the graph compiler; 0, since nothing is compiled or queued here. */
    public long getTornadoCompilerTime() {
        return 0;
    }

    /** Nanoseconds of the driver's compiler; 0, since nothing is compiled or queued here. */
    public long getDriverInstallTime() {
        return 0;
    }

    /** Nanoseconds of all copies. */
    public long getDataTransfersTime() {
        return profile.copyNanos();
    }

    /** Nanoseconds of copies to the device. */
    public long getDeviceWriteTime() {
        return profile.copyInNanos();
    }

    /** Nanoseconds of copies to the host. */
    public long getDeviceReadTime() {
        return profile.copyOutNanos();
    }

    /** Nanoseconds between asking for a copy and its start; 0, since nothing is compiled or queued here. */
    public long getDataTransferDispatchTime() {
        return 0;
    }

    /** Nanoseconds between asking for a kernel and its start; 0, since nothing is compiled or queued here. */
    public long getKernelDispatchTime() {
        return 0;
    }

    /** Nanoseconds of the kernels. */
    public long getDeviceKernelTime() {
        return profile.kernelNanos();
    }

    /** Bytes copied to the device. */
    public long getTotalBytesCopyIn() {
        return profile.copyInBytes();
    }

    /** Bytes copied to the host. */
    public long getTotalBytesCopyOut() {
        return profile.copyOutBytes();
    }

    /** Bytes copied in all. */
    public long getTotalBytesTransferred() {
        return profile.copyBytes();
    }

    /** Bytes of device memory in use. */
    public long getTotalDeviceMemoryUsage() {
        return profile.deviceBytes();
    }

    /** All numbers as a JSON object. */
    public String getProfileLog() {
        return profile.toJson();
    }

    /** Prints {@link #getProfileLog()}. */
    public void dumpProfiles() {
        System.out.println(getProfileLog());
    }
}
