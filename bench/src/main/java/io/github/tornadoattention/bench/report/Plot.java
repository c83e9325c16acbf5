package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Lines;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Lines over an axis of numbers, drawn as SVG: text stays text, and nothing but this class is needed. Series differ in color
 * (those of Okabe and Ito, which color-blind people can tell apart), in marker and in dashes, so that a print in gray can be
 * read.
 */
final class Plot {
    private static final String[] COLORS = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00",
            "#56B4E9", "#000000", "#7A6A00"};
    private static final String[] DASHES = {"", "7 3", "2 3", "9 3 2 3", "12 4", "4 2", "1 2", "6 2 2 2"};
    private static final int WIDTH = 760;
    private static final int HEIGHT = 400;
    private static final int LEFT = 78;
    private static final int RIGHT = 230;
    private static final int TOP = 52;
    private static final int TITLE_CHARS = 90;
    private static final int BOTTOM = 52;
    private static final int LEGEND_LINE = 13;
    private static final int LEGEND_CHARS = 26;
    private static final double DIGIT_WIDTH = 7.5;
    private static final int LABEL_GAP = 8;
    private static final int LABEL_ROOM = 48;
    private static final int LABEL_HEIGHT = 14;

    /** Points of one thing; low and high are its spread. */
    private record Series(String name, double[] x, double[] y, double @Nullable [] low, double @Nullable [] high, Style style,
            List<String> labels) {}

    /** What a series is drawn with. */
    private enum Style { MARKED_LINE, LINE, MARKERS }

    private final String title;
    private final String xLabel;
    private final String yLabel;
    private final boolean logX;
    private final boolean logY;
    private final List<Series> series = new ArrayList<>();
    private String place = "";

    Plot(String title, String xLabel, boolean logX, String yLabel, boolean logY) {
        this.title = title;
        this.xLabel = xLabel;
        this.yLabel = yLabel;
        this.logX = logX;
        this.logY = logY;
    }

    /** Says below the title where all of it was measured. */
    Plot on(String where) {
        place = where;
        return this;
    }

    /** A line with markers. */
    Plot line(String name, double[] x, double[] y) {
        series.add(new Series(name, x, y, null, null, Style.MARKED_LINE, List.of()));
        return this;
    }

    /** A line with markers and the spread of each point. */
    Plot line(String name, double[] x, double[] y, double[] low, double[] high) {
        series.add(new Series(name, x, y, low, high, Style.MARKED_LINE, List.of()));
        return this;
    }

    /** A line without markers: a bound or a formula. */
    Plot bound(String name, double[] x, double[] y) {
        series.add(new Series(name, x, y, null, null, Style.LINE, List.of()));
        return this;
    }

    /** Markers without a line: points that do not follow one from another. */
    Plot points(String name, double[] x, double[] y) {
        series.add(new Series(name, x, y, null, null, Style.MARKERS, List.of()));
        return this;
    }

    /** Markers without a line, each with its spread and words beside it. */
    Plot labelled(String name, double[] x, double[] y, double[] low, double[] high, List<String> labels) {
        series.add(new Series(name, x, y, low, high, Style.MARKERS, labels));
        return this;
    }

    /** Whether there is something to compare: two curves, or three points of one. */
    boolean compares() {
        return series.size() > 1 || series.stream().anyMatch(s -> s.x.length > 2);
    }

    boolean isEmpty() {
        return series.isEmpty();
    }

    String svg() {
        List<Double> xs = new ArrayList<>();
        List<Double> ys = new ArrayList<>();
        for (Series s : series) {
            for (int n = 0; n < s.x.length; n++) {
                xs.add(s.x[n]);
                ys.add(s.y[n]);
                if (s.low != null && s.high != null) {
                    ys.add(s.low[n]);
                    ys.add(s.high[n]);
                }
            }
        }
        Axis x = Axis.of(xs, logX, LEFT, WIDTH - RIGHT);
        Axis y = Axis.of(ys, logY, HEIGHT - BOTTOM, TOP);
        StringBuilder svg = new StringBuilder();
        svg.append(("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
                + "font-family=\"sans-serif\" font-size=\"12\">\n").formatted(WIDTH, HEIGHT));
        svg.append("<title>%s</title>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n"
                .formatted(Text.escaped(title), WIDTH, HEIGHT));
        text(svg, LEFT, 20, "start", title, "font-size=\"%d\" font-weight=\"bold\""
                .formatted(title.length() > TITLE_CHARS ? 10 : 12));
        text(svg, LEFT, 38, "start", place, "");
        grid(svg, x, y, xs);
        double at = TOP + 8;
        for (int n = 0; n < series.size(); n++) {
            draw(svg, series.get(n), n, x, y);
            at = legend(svg, series.get(n).name, n, series.get(n).style, at);
        }
        return svg.append("</svg>\n").toString();
    }

    private void grid(StringBuilder svg, Axis x, Axis y, List<Double> xs) {
        for (double tick : y.ticks()) {
            double at = y.at(tick);
            line(svg, x.from(), at, x.to(), at, "stroke=\"#ddd\"");
            text(svg, x.from() - 6, at + 4, "end", number(tick), "");
        }
        // few lengths, powers of two mostly: label those that there are
        TreeSet<Double> own = new TreeSet<>(xs);
        boolean few = own.size() <= 12 && own.stream().allMatch(v -> v * 1024 == Math.rint(v * 1024));
        double end = -1e9;
        for (double tick : few ? own : x.ticks()) {
            double at = x.at(tick);
            line(svg, at, y.from(), at, y.to(), "stroke=\"#eee\"");
            double half = number(tick).length() * DIGIT_WIDTH / 2;
            if (at - half > end) {
                text(svg, at, y.from() + 17, "middle", number(tick), "");
                end = at + half + LABEL_GAP;
            }
        }
        svg.append("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" stroke=\"#444\"/>%n".formatted(
                x.from(), y.to(), x.to() - x.from(), y.from() - y.to()));
        text(svg, (x.from() + x.to()) / 2, HEIGHT - 12, "middle", xLabel, "");
        svg.append("<text transform=\"translate(16 %.1f) rotate(-90)\" text-anchor=\"middle\">%s</text>%n".formatted(
                (y.from() + y.to()) / 2, Text.escaped(yLabel)));
    }

    private static void draw(StringBuilder svg, Series s, int n, Axis x, Axis y) {
        String color = COLORS[n % COLORS.length];
        StringBuilder points = new StringBuilder();
        StringBuilder marks = new StringBuilder();
        for (int i = 0; i < s.x.length; i++) {
            if (!x.shows(s.x[i]) || !y.shows(s.y[i])) {
                continue;
            }
            double px = x.at(s.x[i]);
            double py = y.at(s.y[i]);
            points.append("%.1f,%.1f ".formatted(px, py));
            if (s.low != null && s.high != null && y.shows(s.low[i]) && y.shows(s.high[i])) {
                line(marks, px, y.at(s.low[i]), px, y.at(s.high[i]), "stroke=\"%s\"".formatted(color));
            }
            if (s.style != Style.LINE) {
                marker(marks, px, py, n, color, "%s, %s: %s".formatted(s.name, number(s.x[i]), number(s.y[i])));
            }
            if (i < s.labels.size()) {
                boolean crowded = i + 1 < s.x.length && Math.abs(x.at(s.x[i + 1]) - px) < LABEL_ROOM
                        && Math.abs(y.at(s.y[i + 1]) - py) < LABEL_HEIGHT;
                label(marks, px, py, crowded && s.high != null ? y.at(s.high[i]) : py, s.labels.get(i), crowded,
                        px + LABEL_ROOM > x.to());
            }
        }
        if (s.style != Style.MARKERS) {
            svg.append(("<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" "
                    + "stroke-dasharray=\"%s\"/>%n").formatted(
                    points.toString().strip(), color, s.style == Style.LINE ? "1.2" : "1.8", DASHES[n % DASHES.length]));
        }
        svg.append(marks);
    }

    /** Words to the right of a point, above it and its spread if the next one is there, below it if the plot ends there. */
    private static void label(StringBuilder svg, double x, double y, double high, String words, boolean crowded, boolean last) {
        boolean right = !crowded && !last;
        double at = crowded ? high - LABEL_GAP : last ? y + LABEL_HEIGHT + 4 : y + 4;
        double from = right ? x + LABEL_GAP : crowded ? x - LABEL_GAP : x; // above, away from a label that ends at the left
        text(svg, from, at, right || crowded ? "start" : "middle", words, "font-size=\"11\"");
    }

    /** Draws an entry at a height and returns that of the next one. */
    private static double legend(StringBuilder svg, String name, int n, Style style, double y) {
        double x = WIDTH - RIGHT + 12;
        String color = COLORS[n % COLORS.length];
        if (style != Style.MARKERS) {
            String stroke = "stroke=\"%s\" stroke-width=\"1.8\" stroke-dasharray=\"%s\"";
            line(svg, x, y, x + 26, y, stroke.formatted(color, DASHES[n % DASHES.length]));
        }
        if (style != Style.LINE) {
            marker(svg, x + 13, y, n, color, name);
        }
        double below = y;
        for (String line : wrapped(name)) {
            text(svg, x + 32, below + 4, "start", line, "font-size=\"11\"");
            below += LEGEND_LINE;
        }
        return below + 5;
    }

    private static List<String> wrapped(String name) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : name.split(" ")) {
            if (!line.isEmpty() && line.length() + 1 + word.length() > LEGEND_CHARS) {
                lines.add(line.toString());
                line.setLength(0);
            }
            line.append(line.isEmpty() ? "" : " ").append(word);
        }
        lines.add(line.toString());
        return lines;
    }

    private static void marker(StringBuilder svg, double x, double y, int n, String color, String says) {
        String shape = switch (n % 6) {
            case 0 -> "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.6\" ".formatted(x, y);
            case 1 -> "<rect x=\"%.1f\" y=\"%.1f\" width=\"6.8\" height=\"6.8\" ".formatted(x - 3.4, y - 3.4);
            case 2 -> path("M%.1f %.1fl4.4 7.4h-8.8z", x, y - 4.6);
            case 3 -> path("M%.1f %.1fl4.6 4.6-4.6 4.6-4.6-4.6z", x, y - 4.6);
            case 4 -> path("M%.1f %.1fl4.4-7.4h-8.8z", x, y + 4.6);
            default -> path("M%.1f %.1fh2.4v-2.4h2.4v2.4h2.4v2.4h-2.4v2.4h-2.4v-2.4h-2.4z", x - 3.6, y - 1.2);
        };
        svg.append(shape).append("fill=\"%s\"><title>%s</title></%s>%n"
                .formatted(color, Text.escaped(says), shape.substring(1, shape.indexOf(' '))));
    }

    private static String path(String d, double x, double y) {
        return ("<path d=\"" + d + "\" ").formatted(x, y);
    }

    private static void line(StringBuilder svg, double x1, double y1, double x2, double y2, String style) {
        svg.append("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>%n".formatted(x1, y1, x2, y2, style));
    }

    private static void text(StringBuilder svg, double x, double y, String anchor, String words, String style) {
        if (!words.isEmpty()) {
            svg.append("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>%s</text>%n"
                    .formatted(x, y, anchor, style, Text.escaped(words)));
        }
    }

    /** A number as axes show it: 1024 as 1K, 65536 as 64K, and others with three digits. */
    static String number(double value) {
        if (value >= 1024 && value == Math.rint(value) && value % 1024 == 0 && value < 1 << 20) {
            return "%dK".formatted((long) value / 1024);
        }
        double size = Math.abs(value);
        if (size >= 1e5) {
            return String.format(Locale.ROOT, "%.3g", value).replaceAll("\\.?0*e\\+0?", "e");
        }
        return size >= 100 || size == Math.rint(size) ? "%.0f".formatted(value) : Lines.time(value)
                .replaceAll("(\\.\\d*?)0+$", "$1").replaceAll("\\.$", "");
    }
}
