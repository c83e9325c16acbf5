package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.kernels.Options;

/** How kernels make floats of a cache's 16-bit numbers; results are the same. */
enum CacheReading {
    /** By integer arithmetic, which every device has. */
    ARITHMETIC(0),
    /** By the device's own conversion. */
    NATIVE(Options.CACHE_NATIVE);

    private final int option;

    CacheReading(int option) {
        this.option = option;
    }

    /** The fastest that a device has. */
    static CacheReading of(Platform.Device device, DType dtype) {
        return device.has(dtype) ? NATIVE : ARITHMETIC;
    }

    /** The kernels' option bits for a cache of this type. */
    int options(DType dtype) {
        return switch (dtype) {
            case FP32 -> 0;
            case FP16 -> Options.CACHE_HALF | option;
            case BF16 -> Options.CACHE_BRAIN | option;
        };
    }

    /** Whether kernels take a cache of this type as an array of float16. */
    boolean halves(DType dtype) {
        return dtype == DType.FP16 && this != ARITHMETIC;
    }
}
