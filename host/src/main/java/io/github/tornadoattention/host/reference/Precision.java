package io.github.tornadoattention.host.reference;

/** To which numbers every single result of the reference passes is rounded. */
enum Precision {
    /** Plain double arithmetic. */
    FLOAT64,
    /**
     * Every sum, product, quotient, exp, ... rounded to float. For sums, products and quotients these are the very
     * numbers that float arithmetic gives: a double has more than twice the bits of a float, so that rounding twice
     * cannot differ from rounding once.
     */
    FLOAT32;

    double round(double x) {
        return this == FLOAT32 ? (float) x : x;
    }
}
