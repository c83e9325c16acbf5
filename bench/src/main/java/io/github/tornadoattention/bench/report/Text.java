package io.github.tornadoattention.bench.report;

/** Words for HTML and SVG. */
final class Text {
    private Text() {}

    /** With everything replaced that would be markup. */
    static String escaped(String words) {
        return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
    }

    /** Bytes in the largest unit that keeps the number above 1. */
    static String bytes(double bytes) {
        String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        return "%.4g %s".formatted(value, units[unit]);
    }
}
