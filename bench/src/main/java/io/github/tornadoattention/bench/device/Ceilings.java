package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Result;
import org.jspecify.annotations.Nullable;

/**
 * How many multiply-adds a device can do at most, measured; 0 where they were not.
 *
 * @param tflops float32 fused multiply-adds, in TFLOP/s
 * @param tensorTflops products of 16-bit numbers on tensor cores, in TFLOP/s
 */
record Ceilings(double tflops, double tensorTflops) {
    static final Ceilings UNKNOWN = new Ceilings(0, 0);

    /** What limits the multiply-adds that these units execute, in TFLOP/s; 0 if unknown. */
    double of(@Nullable String units) {
        return Result.TENSOR_CORES.equals(units) ? tensorTflops : tflops;
    }
}
