package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Result;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Curves over the length N: time, rate, memory, and how much faster flash attention is than standard. */
final class CurveSections {
    private static final int MOST_CURVES = 8;
    private static final List<String> DIRECTIONS = List.of("forward", "both");

    private CurveSections() {}

    static void write(Page page, Data data) {
        // masks change with N, but for their name they belong to a curve; tiles of someone's choice do not
        List<Result> timed = data.timed().stream()
                .filter(r -> r.get("block") == null && (r.number("density") == 1 || !r.text("algorithm").equals("block-sparse")))
                .toList();
        List<Family> families = Family.of(timed);
        if (families.isEmpty()) {
            return;
        }
        page.heading("Time and rate against N");
        page.paragraph("Each point was compared with float64 before it was timed. Bars: 10th to 90th percentile. FLOPs: 4 x head dim for each visible pair of query "
                + "and key forward, 3.5 times that forward and backward together.");
        for (Family family : families) {
            for (String direction : DIRECTIONS) {
                times(page, family, direction);
            }
        }
        Page memory = new Page("");
        families.forEach(family -> memory(memory, family));
        if (!memory.pieces().isEmpty()) {
            page.heading("Memory against N");
            page.paragraph("Inputs, outputs, gradients and what the algorithm needs beside them, forward and backward together. Standard attention's is "
                    + "quadratic, flash attention's linear.");
            memory.pieces().forEach(page::add);
        }
        speedUp(page, families);
    }

    private static void times(Page page, Family family, String direction) {
        Map<String, List<Result>> curves = family.curves(direction);
        if (curves.isEmpty()) {
            return;
        }
        chunks(curves).forEach((of, names) -> {
            String words = direction.equals("both") ? "forward and backward" : direction;
            String shape = family.name() + of;
            Plot time = new Plot("Time, %s: %s".formatted(words, shape), "N", true, "ms", true);
            Plot rate = new Plot("Rate, %s: %s".formatted(words, shape), "N", true, "TFLOP/s", true);
            List<Result> shown = new ArrayList<>();
            for (String name : names) {
                List<Result> curve = curves.getOrDefault(name, List.of());
                double[] n = Data.numbers(curve, "seq_q");
                time.line(name, n, Data.numbers(curve, "median_ms"), Data.numbers(curve, "p10_ms"), Data.numbers(curve, "p90_ms"));
                rate.line(name, n, Data.numbers(curve, "tflops"));
                shown.addAll(curve);
            }
            page.figure(time, "Time against N, %s, %s.".formatted(words, shape), Data.commands(shown));
            page.figure(rate, "Rate against N, %s, %s.".formatted(words, shape), Data.commands(shown));
        });
    }

    /**
     * Names of curves that one figure shows, by what its title says of it. What is too much for one is told apart by type, so that
     * what can be compared stays together, and then as often as needed.
     */
    private static Map<String, List<String>> chunks(Map<String, List<Result>> curves) {
        if (curves.size() <= MOST_CURVES) {
            return Map.of("", List.copyOf(curves.keySet()));
        }
        Map<String, List<String>> byType = new LinkedHashMap<>();
        for (String type : List.of(", float32", ", 16 bits")) {
            byType.put(type, curves.keySet().stream()
                    .filter(name -> curves.getOrDefault(name, List.of()).getFirst().is("dtype", "fp32") == type.equals(", float32"))
                    .toList());
        }
        Map<String, List<String>> chunks = new LinkedHashMap<>();
        byType.forEach((type, names) -> {
            int parts = Math.ceilDiv(names.size(), MOST_CURVES);
            for (int n = 0; n < parts; n++) {
                String part = parts == 1 ? "" : " (%d of %d)".formatted(n + 1, parts);
                chunks.put(type + part, names.subList(names.size() * n / parts, names.size() * (n + 1) / parts));
            }
        });
        return chunks;
    }

    private static void memory(Page page, Family family) {
        Plot plot = new Plot("Memory: " + family.name(), "N", true, "MiB", true);
        List<Result> shown = new ArrayList<>();
        TreeMap<String, TreeMap<Double, Result>> byAlgorithm = new TreeMap<>();
        for (Result r : family.results()) {
            if (r.text("direction").equals("both") && r.number("peak_device_bytes") > 0) {
                byAlgorithm.computeIfAbsent("%s %s".formatted(r.text("algorithm"), r.type()), key -> new TreeMap<>())
                        .put(r.number("seq_q"), r);
            }
        }
        byAlgorithm.forEach((name, byLength) -> {
            List<Result> curve = List.copyOf(byLength.values());
            if (curve.size() > 1) {
                plot.line(name, Data.numbers(curve, "seq_q"), curve.stream().mapToDouble(r -> r.number("peak_device_bytes") / 1048576).toArray());
                shown.addAll(curve);
            }
        });
        page.figure(plot, "Device memory against N, %s.".formatted(family.name()), Data.commands(shown));
    }

    private static void speedUp(Page page, List<Family> families) {
        boolean headed = false;
        for (Family family : families) {
            Plot plot = new Plot("Standard over flash, forward and backward: " + family.name(), "N", true, "times faster", false);
            List<Result> shown = new ArrayList<>();
            Data.by(family.results(), Data::place).forEach((place, results) -> {
                TreeMap<Double, Double> standard = lengths(results, "standard");
                TreeMap<Double, Double> flash = lengths(results, "flash");
                flash.keySet().retainAll(standard.keySet());
                if (!flash.isEmpty()) {
                    double[] n = flash.keySet().stream().mapToDouble(x -> x).toArray();
                    double[] ratio = flash.entrySet().stream().mapToDouble(e -> standard.getOrDefault(e.getKey(), 0.0) / e.getValue()).toArray();
                    plot.line(place, n, ratio);
                    shown.addAll(results);
                }
            });
            if (!plot.isEmpty() && !headed) {
                page.heading("How much faster than standard attention");
                headed = true;
            }
            page.figure(plot, "Time of standard attention over time of flash attention on the same device, float32, %s.".formatted(family.name()),
                    Data.commands(shown));
        }
    }

    /** Milliseconds of an algorithm of ours by length. */
    private static TreeMap<Double, Double> lengths(List<Result> results, String algorithm) {
        TreeMap<Double, Double> lengths = new TreeMap<>();
        for (Result r : results) {
            if (r.is("algorithm", algorithm) && r.is("direction", "both") && r.type().equals("fp32")) {
                lengths.put(r.number("seq_q"), r.number("median_ms"));
            }
        }
        return lengths;
    }
}
