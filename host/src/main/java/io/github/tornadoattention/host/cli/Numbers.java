package io.github.tornadoattention.host.cli;

/** Numbers as people read them. */
final class Numbers {
    private Numbers() {}

    /** Nanoseconds in milliseconds, or in microseconds where that is too coarse; "-" if unknown (negative). */
    static String time(long nanos) {
        if (nanos < 0) {
            return "-";
        }
        return nanos < 100_000 ? "%.1f us".formatted(nanos / 1e3) : "%.2f ms".formatted(nanos / 1e6);
    }

    /** Floating-point operations over nanoseconds, in GFLOP/s or TFLOP/s; "-" if unknown. */
    static String rate(double flops, long nanos) {
        if (nanos <= 0) {
            return "-";
        }
        double giga = flops / nanos;
        return giga >= 1000 ? "%.2f TFLOP/s".formatted(giga / 1000) : "%.2f GFLOP/s".formatted(giga);
    }

    /** Bytes in the largest unit that keeps the number above 1. */
    static String bytes(long bytes) {
        if (bytes < 0) {
            return "-";
        }
        String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        return unit == 0 ? bytes + " B" : "%.1f %s".formatted(value, units[unit]);
    }

    /** An error or a tolerance. */
    static String error(double value) {
        return "%.1e".formatted(value);
    }
}
