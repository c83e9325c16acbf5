package io.github.tornadoattention.bench;

/** A result as one line for people. */
public final class Lines {
    private Lines() {}

    /** What was measured, and how it went. */
    public static String of(Result r) {
        String place = r.get("driver") == null ? r.text("backend")
                : "%s %s".formatted(r.text("backend"), r.text("driver"));
        if (r.get("seq_q") == null && r.get("error") != null) {
            return "%-16s %s: %s".formatted(place, r.text("algorithm"), r.text("error"));
        }
        if (r.get("seq_q") == null) {
            String rate = r.get("tflops") != null ? "%.2f TFLOP/s".formatted(r.number("tflops"))
                    : "%.0f GB/s".formatted(r.number("gb_per_s"));
            return "%-16s %s: %s".formatted(place, r.text("algorithm"), rate);
        }
        String what = "%-16s %-12s %s %-8s %s%s%s%s".formatted(place, r.text("algorithm"), r.type(),
                r.text("direction"), r.shape(), r.options(" "),
                r.number("density") < 1 ? " density %.3f".formatted(r.number("density")) : "",
                r.get("block") == null ? "" : " tiles " + r.get("block"));
        if (r.get("error") != null) {
            return "%s  %s".formatted(what, r.get("error"));
        }
        if (r.profiled()) {
            return "%s  device memory %.4g GB%s%s".formatted(what, r.number("dram_bytes") / 1e9,
                    r.number("l2_bytes") > 0 ? ", multiprocessors and L2 %.4g GB".formatted(r.number("l2_bytes") / 1e9) : "",
                    r.number("bytes_model") > 0 ? ", model %.4g GB".formatted(r.number("bytes_model") / 1e9) : "");
        }
        return "%s  %s ms (%s..%s)  %s  error %.1e%s".formatted(what, time(r.number("median_ms")), time(r.number("p10_ms")),
                time(r.number("p90_ms")), r.get("tflops") == null ? "" : rate(r.number("tflops")), r.number("max_abs_error"),
                r.number("ceiling_fraction") > 0 ? "  %.0f%% of the ceiling".formatted(100 * r.number("ceiling_fraction")) : "");
    }

    /** TFLOP/s, or GFLOP/s where they are few; nothing where they are not known. */
    public static String rate(double tflops) {
        if (Double.isNaN(tflops)) {
            return "";
        }
        return tflops >= 1 ? "%.2f TFLOP/s".formatted(tflops) : "%.2f GFLOP/s".formatted(1000 * tflops);
    }

    /** Milliseconds with four digits. */
    public static String time(double ms) {
        return ms >= 1000 ? "%.0f".formatted(ms) : "%.4g".formatted(ms);
    }
}
