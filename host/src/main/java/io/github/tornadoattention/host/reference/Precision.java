package io.github.tornadoattention.host.reference;

import io.github.tornadoattention.host.DType;

/** To which numbers the results of the reference passes are rounded: each single one, and those that a tensor holds. */
enum Precision {
    /** Plain double arithmetic. */
    FLOAT64,
    /**
     * Every sum, product, quotient, exp, ... rounded to float. For sums, products and quotients these are the very
     * numbers that float arithmetic gives: a double has more than twice the bits of a float, so that rounding twice
     * cannot differ from rounding once.
     */
    FLOAT32,
    /** Float arithmetic between tensors of float16. */
    FLOAT16,
    /** Float arithmetic between tensors of bfloat16. */
    BFLOAT16;

    /** The arithmetic of plain standard attention whose tensors have this type. */
    static Precision of(DType dtype) {
        return switch (dtype) {
            case FP32 -> FLOAT32;
            case FP16 -> FLOAT16;
            case BF16 -> BFLOAT16;
        };
    }

    /** The result of one operation. */
    double round(double x) {
        return this == FLOAT64 ? x : (float) x;
    }

    /** An element of a tensor that is written to memory. */
    double stored(double x) {
        return switch (this) {
            case FLOAT64 -> x;
            case FLOAT32 -> (float) x;
            case FLOAT16 -> DType.FP16.round((float) x);
            case BFLOAT16 -> DType.BF16.round((float) x);
        };
    }
}
