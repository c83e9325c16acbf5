package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.SimulatedDevice;
import java.util.IdentityHashMap;
import java.util.concurrent.atomic.AtomicLong;
import uk.ac.manchester.tornado.api.exceptions.TornadoOutOfMemoryException;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** The device memory that one plan holds, counted against the plan's limit and against what all plans together may take. */
final class DeviceMemory {

    private static final AtomicLong ALL_PLANS = new AtomicLong();

    private final IdentityHashMap<DeviceBuffer, Boolean> buffers = new IdentityHashMap<>();
    private long limit = Long.MAX_VALUE;
    private long bytes;

    /** Sets the plan's own limit in bytes. */
    void limit(long newLimit) {
        limit = newLimit;
    }

    long bytes() {
        return bytes;
    }

    DeviceBuffer allocate(TornadoNativeArray host) {
        long wanted = host.getNumBytesOfSegmentWithHeader();
        if (bytes + wanted > limit) {
            throw new TornadoOutOfMemoryException("the plan wants " + wanted + " bytes more than the " + bytes
                    + " that it holds; its limit is " + limit);
        }
        long deviceLimit = SimulatedDevice.INSTANCE.limits().globalBytes();
        long total = ALL_PLANS.addAndGet(wanted);
        if (total > deviceLimit) {
            ALL_PLANS.addAndGet(-wanted);
            throw new TornadoOutOfMemoryException("the plan wants " + wanted + " bytes, but " + (total - wanted)
                    + " of the device's " + deviceLimit + " are in use");
        }
        DeviceBuffer buffer;
        try {
            buffer = new DeviceBuffer(host);
        } catch (OutOfMemoryError e) {
            ALL_PLANS.addAndGet(-wanted);
            throw new TornadoOutOfMemoryException("the host has no " + wanted + " bytes to stand for device memory");
        }
        bytes += wanted;
        buffers.put(buffer, true);
        return buffer;
    }

    void freeAll() {
        buffers.keySet().forEach(DeviceBuffer::free);
        buffers.clear();
        ALL_PLANS.addAndGet(-bytes);
        bytes = 0;
    }
}
