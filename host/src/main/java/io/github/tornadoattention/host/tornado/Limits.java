package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.DeviceMemoryException;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/**
 * What a device allows.
 *
 * @param group work-items of a group
 * @param localBytes local memory of a group
 * @param totalBytes memory for all arrays together
 * @param arrayBytes memory for one array
 */
record Limits(long group, long localBytes, long totalBytes, long arrayBytes) {
    /** Statically declared local memory ends here on CUDA, whatever the device has. */
    private static final long STATIC_LOCAL_BYTES = 48 * 1024;
    /** TornadoVM's own limit, read once when it starts; the launcher sets it to the device's size. */
    private static final String MEMORY_PROPERTY = "tornado.device.memory";

    static Limits of(TornadoDevice device) {
        long[] dimensions = device.getDeviceMaxWorkgroupDimensions();
        long total = device.getMaxGlobalMemory();
        String allowed = System.getProperty(MEMORY_PROPERTY);
        if (allowed != null) {
            total = Math.min(total, bytes(allowed));
        }
        return new Limits(dimensions[0], Math.min(STATIC_LOCAL_BYTES, device.getDeviceLocalMemorySize()), total,
                Math.min(total, device.getMaxAllocMemory()));
    }

    /** A size as TornadoVM writes it: {@code 512MB}, {@code 4GB}, or plain bytes. */
    static long bytes(String size) {
        String digits = size.replaceAll("[^0-9].*", "");
        if (digits.isEmpty()) {
            throw new IllegalArgumentException(MEMORY_PROPERTY + " is '" + size + "', must be like 512MB or 4GB");
        }
        long unit = switch (size.substring(digits.length()).toUpperCase(java.util.Locale.ROOT)) {
            case "", "B" -> 1;
            case "KB" -> 1L << 10;
            case "MB" -> 1L << 20;
            case "GB" -> 1L << 30;
            default -> throw new IllegalArgumentException(MEMORY_PROPERTY + " is '" + size + "', must be like 512MB or 4GB");
        };
        return Long.parseLong(digits) * unit;
    }

    /**
     * Refuses arrays that do not fit.
     *
     * @throws DeviceMemoryException that says how much is needed and how much there is
     */
    void require(String what, long largestBytes, long bytes) {
        if (bytes > totalBytes) {
            throw new DeviceMemoryException("%s needs %s on the device, which allows %s"
                    .formatted(what, mebibytes(bytes), mebibytes(totalBytes)));
        }
        if (largestBytes > arrayBytes) {
            throw new DeviceMemoryException("%s needs an array of %s on the device, which allows %s each"
                    .formatted(what, mebibytes(largestBytes), mebibytes(arrayBytes)));
        }
    }

    private static String mebibytes(long bytes) {
        return "%.1f MiB".formatted(bytes / 1048576.0);
    }
}
