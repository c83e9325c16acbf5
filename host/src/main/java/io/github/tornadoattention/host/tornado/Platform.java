package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.DType;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/**
 * What stands behind the TornadoVM API in this JVM: TornadoVM with its drivers, or the simulator. The one class that knows;
 * everything else is the same for both.
 */
public final class Platform {
    private static final String SIMULATOR = "Simulator";
    private static final Pattern JAR = Pattern.compile("tornado-api-(.+)\\.jar");
    private static final Pattern DRIVER_VERSION = Pattern.compile("(?m)^Driver version *: *(\\S.*)$");
    private static final String VERSION = version();

    /**
     * TornadoVM's default for OpenCL adds fast-relaxed-math, under which NaN * 0 is 0 and infinities vanish; a masked or
     * overflown score needs both as IEEE has them. Fusing multiply and add is all that is left of it.
     */
    private static final String OPENCL_FLAGS = "-cl-mad-enable -w";

    /**
     * Puts local arrays on multiples of 16 bytes. TornadoVM declares them as arrays of floats, which may lie at any fourth byte,
     * and NVIDIA's driver assembles a kernel before it places them: without this it reads floats one by one that lie side by
     * side, with it four at a time.
     */
    private static final String ALIGNED_LOCAL = " -D__local=__attribute__((aligned(16)))__local";

    /**
     * One device.
     *
     * @param driver its driver's index, the first half of its address
     * @param index its own, the second half
     * @param driverName its driver's name in lower case
     * @param device itself
     * @param allowedBytes memory that may be used, 0 = all it has
     * @param tunings where tilings come from that its kernels get
     */
    public record Device(int driver, int index, String driverName, TornadoDevice device, long allowedBytes, Tunings tunings) {
        /** The same device, of which only so much memory may be used. */
        public Device withMemory(long bytes) {
            return new Device(driver, index, driverName, device, bytes, tunings);
        }

        /** The same device, whose kernels get other tilings. */
        Device withTunings(Tunings others) {
            return new Device(driver, index, driverName, device, allowedBytes, others);
        }

        /** TornadoVM's version, {@code simulator} if it is not there. */
        String tornadoVm() {
            return simulated() ? "simulator" : VERSION;
        }

        /** Whether the simulator plays this device. */
        public boolean simulated() {
            return SIMULATOR.equalsIgnoreCase(driverName);
        }

        /** Whether this is a GPU. */
        public boolean gpu() {
            return device.getDeviceType() == TornadoDeviceType.GPU && !simulated();
        }

        /** Whether NVIDIA made this device. */
        public boolean nvidia() {
            return description().toUpperCase(Locale.ROOT).contains("NVIDIA");
        }

        /** Sets how a plan's kernels are compiled for this device, before anything of it is. */
        public void setCompilerFlags(TornadoExecutionPlan plan) {
            if (device.getTornadoVMBackend() == TornadoVMBackendType.OPENCL) {
                plan.withCompilerFlags(TornadoVMBackendType.OPENCL, nvidia() ? OPENCL_FLAGS + ALIGNED_LOCAL : OPENCL_FLAGS);
            }
        }

        /** The device in words. */
        public String description() {
            return device.getPhysicalDevice() == null ? device.getDeviceName() : device.getPhysicalDevice().getDeviceName();
        }

        /**
         * The version of the driver behind the device as the device tells it, its OpenCL C's if that is all, null if it tells
         * nothing. TornadoVM's API has no call of its own for it, but the device's description of itself has a line.
         */
        public @Nullable String driverVersion() {
            if (simulated()) {
                return null;
            }
            String told = device.getPhysicalDevice() == null ? null : device.getPhysicalDevice().getDeviceInfo();
            Matcher line = DRIVER_VERSION.matcher(told == null ? "" : told);
            String version = line.find() ? line.group(1) : device.getDeviceOpenCLCVersion();
            return version == null || version.isBlank() || version.strip().equals("unknown") ? null : version.strip();
        }

        /**
         * Whether kernels can read and write arrays of this type. bfloat16 exists in TornadoVM's CUDA driver alone, float16 in
         * OpenCL where the device has it.
         */
        boolean has(DType dtype) {
            return simulated() || switch (dtype) {
                case FP32 -> true;
                case FP16 -> !driverName.equals("opencl") || device.getPhysicalDevice().getDeviceInfo().contains("cl_khr_fp16");
                case BF16 -> driverName.equals("cuda");
            };
        }

        /** Whether TornadoVM reaches tensor cores: its CUDA driver alone does. */
        public boolean hasTensorCores() {
            return simulated() || driverName.equals("cuda");
        }

        Limits limits() {
            Limits limits = Limits.of(device);
            return allowedBytes == 0 ? limits : new Limits(limits.group(), limits.localBytes(),
                    Math.min(limits.totalBytes(), allowedBytes),
                    Math.min(limits.arrayBytes(), allowedBytes));
        }
    }

    private Platform() {}

    /** From the name of the API's jar. */
    private static String version() {
        CodeSource source = TornadoDevice.class.getProtectionDomain().getCodeSource();
        Matcher jar = JAR.matcher(source == null || source.getLocation() == null ? "" : source.getLocation().toString());
        return jar.find() ? jar.group(1) : "unknown";
    }

    /** {@code opencl}, {@code cuda}, {@code ptx} and so on. */
    private static String driverName(TornadoBackend backend) {
        String name = backend.getName().equals(SIMULATOR) ? SIMULATOR : backend.getBackendType().name();
        return name.toLowerCase(Locale.ROOT);
    }

    /** All devices of all drivers, in TornadoVM's order. */
    public static List<Device> devices() {
        TornadoRuntime runtime = TornadoRuntimeProvider.getTornadoRuntime();
        List<Device> devices = new ArrayList<>();
        for (int driver = 0; driver < runtime.getNumBackends(); driver++) {
            TornadoBackend backend = runtime.getBackend(driver);
            for (int index = 0; index < backend.getNumDevices(); index++) {
                devices.add(new Device(driver, index, driverName(backend), backend.getDevice(index), 0, Tunings.USUAL));
            }
        }
        return devices;
    }
}
