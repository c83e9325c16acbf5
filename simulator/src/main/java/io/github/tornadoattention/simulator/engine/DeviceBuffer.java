package io.github.tornadoattention.simulator.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.DoubleArray;
import uk.ac.manchester.tornado.api.types.arrays.FP8Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** A host array and its copy in device memory. Until something is copied in or computed, the copy holds {@link Poison}. */
final class DeviceBuffer {

    private static final int ALIGNMENT = 64;

    private final TornadoNativeArray host;
    private final TornadoNativeArray device;
    private final Arena arena = Arena.ofShared();
    private boolean copiedIn;

    DeviceBuffer(TornadoNativeArray host) {
        this.host = host;
        this.device = wrap(host, arena.allocate(host.getNumBytesOfSegmentWithHeader(), ALIGNMENT));
        Poison.fill(device);
    }

    TornadoNativeArray host() {
        return host;
    }

    TornadoNativeArray device() {
        return device;
    }

    long bytes() {
        return device.getNumBytesOfSegmentWithHeader();
    }

    /** Whether {@link #copyIn()} has run at least once. */
    boolean copiedIn() {
        return copiedIn;
    }

    void copyIn() {
        device.getSegment().copyFrom(host.getSegment());
        copiedIn = true;
    }

    /** Copies elements back; {@code offset} and {@code bytes} do not count the header. */
    void copyOut(long offset, long bytes) {
        MemorySegment.copy(device.getSegment(), offset, host.getSegment(), offset, bytes);
    }

    void free() {
        arena.close();
    }

    private static TornadoNativeArray wrap(TornadoNativeArray like, MemorySegment memory) {
        return switch (like) {
            case FloatArray _ -> FloatArray.fromSegmentShallow(memory);
            case IntArray _ -> IntArray.fromSegmentShallow(memory);
            case LongArray _ -> LongArray.fromSegmentShallow(memory);
            case DoubleArray _ -> DoubleArray.fromSegmentShallow(memory);
            case ByteArray _ -> ByteArray.fromSegmentShallow(memory);
            case FP8Array _ -> FP8Array.fromSegmentShallow(memory);
            case HalfFloatArray _ -> HalfFloatArray.fromSegmentShallow(memory);
            case BFloat16Array _ -> BFloat16Array.fromSegmentShallow(memory);
            default -> throw new IllegalArgumentException("no device memory for " + like.getClass().getName());
        };
    }
}
