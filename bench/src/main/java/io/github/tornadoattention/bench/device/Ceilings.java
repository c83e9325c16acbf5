package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.DType;
import org.jspecify.annotations.Nullable;

/**
 * What a device can do at most, measured; 0 where it was not.
 *
 * @param tflops float32 fused multiply-adds, in TFLOP/s
 * @param tensorTflops products of 16-bit numbers on tensor cores, in TFLOP/s
 * @param copyGbs copying from and to device memory, bytes read and written together, in GB/s
 * @param localGbs reading local memory, in GB/s
 */
record Ceilings(double tflops, double tensorTflops, double copyGbs, double localGbs) {
    static final Ceilings UNKNOWN = new Ceilings(0, 0, 0, 0);

    /** What limits products of this type that these units do, in TFLOP/s; 0 if unknown. */
    double of(DType dtype, @Nullable String units) {
        if (!Result.TENSOR_CORES.equals(units)) {
            return tflops;
        }
        // float32 takes several products of 16-bit parts for each of its own
        return dtype == DType.FP32 ? 0 : tensorTflops;
    }
}
