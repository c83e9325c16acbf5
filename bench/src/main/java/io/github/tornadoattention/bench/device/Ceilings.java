package io.github.tornadoattention.bench.device;

/**
 * What a device can do at most, measured; 0 where it was not.
 *
 * @param tflops float32 fused multiply-adds, in TFLOP/s
 * @param copyGbs copying from and to device memory, bytes read and written together, in GB/s
 * @param localGbs reading local memory, in GB/s
 */
record Ceilings(double tflops, double copyGbs, double localGbs) {
    static final Ceilings UNKNOWN = new Ceilings(0, 0, 0);
}
