package io.github.tornadoattention.simulator;

/**
 * What the simulated device allows.
 *
 * @param maxGroupSize work-items of a group, in all dimensions together
 * @param localBytes bytes of local memory of a group
 * @param globalBytes bytes of device memory
 */
public record DeviceLimits(int maxGroupSize, long localBytes, long globalBytes) {

    /** Refuses limits that no kernel could run under. */
    public DeviceLimits {
        if (maxGroupSize < 1 || localBytes < 0 || globalBytes < 0) {
            throw new IllegalArgumentException("device limits must be positive: group " + maxGroupSize + ", local bytes "
                    + localBytes + ", global bytes " + globalBytes);
        }
    }

    /**
     * The limits of system properties: {@code simulator.group.max} (1024), {@code simulator.local.bytes} (49152, the least that
     * today's GPUs give) and {@code simulator.global.bytes} (16 GiB).
     */
    public static DeviceLimits fromProperties() {
        return new DeviceLimits(Integer.getInteger("simulator.group.max", 1024), Long.getLong("simulator.local.bytes", 48L << 10),
                Long.getLong("simulator.global.bytes", 16L << 30));
    }

    /** These limits with another group size. */
    public DeviceLimits withMaxGroupSize(int workItems) {
        return new DeviceLimits(workItems, localBytes, globalBytes);
    }

    /** These limits with another amount of local memory. */
    public DeviceLimits withLocalBytes(long bytes) {
        return new DeviceLimits(maxGroupSize, bytes, globalBytes);
    }

    /** These limits with another amount of device memory. */
    public DeviceLimits withGlobalBytes(long bytes) {
        return new DeviceLimits(maxGroupSize, localBytes, bytes);
    }
}
