package io.github.tornadoattention.bench.report;

import java.util.ArrayList;
import java.util.List;

/**
 * One axis of a plot: a range of numbers that is laid on a range of pixels.
 *
 * @param log whether equal steps are equal factors
 */
record Axis(double low, double high, boolean log, double from, double to) {
    private static final int STEPS = 5;
    private static final int MANY_DECADES = 6;
    private static final int FEW_DECADES = 2;
    private static final int FEWEST = 3;
    private static final double[] ONE = {1};
    private static final double[] THREE = {1, 2, 5};
    private static final double[] MANY = {1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8};

    /** An axis that shows all of these numbers, of which there is at least one; a logarithmic one ignores those up to 0. */
    static Axis of(List<Double> values, boolean log, double from, double to) {
        List<Double> shown = values.stream().filter(v -> Double.isFinite(v) && (!log || v > 0)).toList();
        double least = shown.stream().mapToDouble(v -> v).min().orElse(log ? 1 : 0);
        double most = shown.stream().mapToDouble(v -> v).max().orElse(1);
        if (log) {
            return new Axis(least / 1.25, most * 1.25, true, from, to);
        }
        double high = most > 0 ? most * 1.08 : 1;
        return new Axis(Math.min(0, least), high, false, from, to);
    }

    /** The pixel of a number. */
    double at(double value) {
        double share = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
        return from + share * (to - from);
    }

    boolean shows(double value) {
        return Double.isFinite(value) && (!log || value > 0);
    }

    /** Numbers that get a line and a label. */
    List<Double> ticks() {
        return log ? decades() : steps();
    }

    private List<Double> steps() {
        double rough = (high - low) / STEPS;
        double unit = Math.pow(10, Math.floor(Math.log10(rough)));
        double step = unit * (rough / unit > 5 ? 10 : rough / unit > 2 ? 5 : rough / unit > 1 ? 2 : 1);
        List<Double> ticks = new ArrayList<>();
        for (double t = Math.ceil(low / step) * step; t <= high + step * 1e-9; t += step) {
            ticks.add(t);
        }
        return ticks;
    }

    private List<Double> decades() {
        double decades = Math.log10(high / low);
        List<Double> ticks = decades > FEW_DECADES ? decades(decades, ONE) : List.of();
        if (ticks.size() < FEWEST) {
            ticks = decades(decades, THREE);
        }
        return ticks.size() < FEWEST ? decades(decades, MANY) : ticks;
    }

    private List<Double> decades(double decades, double[] parts) {
        int stride = decades > MANY_DECADES ? 2 : 1;
        List<Double> ticks = new ArrayList<>();
        for (int exponent = (int) Math.floor(Math.log10(low)); exponent <= Math.log10(high); exponent += stride) {
            for (double part : parts) {
                double tick = part * Math.pow(10, exponent);
                if (tick >= low && tick <= high) {
                    ticks.add(tick);
                }
            }
        }
        return ticks;
    }
}
