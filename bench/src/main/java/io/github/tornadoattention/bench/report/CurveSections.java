package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Result;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** Curves over the length N: time, rate, memory, and how much faster flash attention is than standard. */
final class CurveSections {
    private static final int MOST_CURVES = 8;
    private static final List<String> SPARSE = List.of("block-sparse", "butterfly", "local window", "linformer");
    private static final List<String> SPARSE_BACKENDS = List.of("tornado", "cpu", "simulator");
    private static final String FLOAT = ", float32";
    private static final String HALF = ", float16";
    private static final String BRAIN = ", bfloat16";
    private static final List<String> TYPES = List.of(FLOAT, HALF, BRAIN);
    private static final String SPARSE_TOO = ", sparse or approximate";
    private static final List<String> DIRECTIONS = List.of("forward", "both");

    private CurveSections() {}

    static void write(Page page, Data data) {
        // masks change with N, but for their name they belong to a curve; tiles of someone's choice do not
        List<Result> timed = data.timed().stream()
                .filter(r -> r.get("block") == null && (r.number("density") == 1 || !r.text("algorithm").equals("block-sparse")))
                .toList();
        List<String> devices = Data.devices(timed);
        List<Family> families = Family.of(timed).stream().sorted(Comparator
                .comparingInt((Family family) -> family.rank(devices))
                .thenComparingInt(family -> family.plain() ? 0 : family.causal() ? 1 : 2)).toList();
        if (families.isEmpty()) {
            return;
        }
        page.heading("Time and rate against N");
        page.paragraph("Each point was compared with float64 before it was timed. Bars: 10th to 90th percentile. FLOPs: 4 x "
                + "head dim for each visible pair of query and key forward, 3.5 times that forward and backward together. The "
                + "fastest device comes first; time and rate where nothing is masked, rate where attention is causal or of 16 "
                + "bits, time where there is dropout or a key mask.");
        for (Family family : families) {
            for (String direction : family.dropsOrMasks() ? List.of("both") : DIRECTIONS) {
                times(page, family, direction);
            }
        }
        Page memory = new Page("");
        families.stream().filter(Family::plain).forEach(family -> memory(memory, family));
        if (!memory.pieces().isEmpty()) {
            page.heading("Memory against N");
            page.paragraph("Inputs, outputs, gradients and what the algorithm needs beside them, forward and backward together: "
                    + "ours by the host's own accounting, PyTorch's what its allocator held at most. With a fixed batch, "
                    + "standard attention's grows with N² and flash attention's with N; with a fixed batch x N, with N and not "
                    + "at all. bfloat16's is float16's. Packing for tensor cores takes copies of the inputs.");
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
            String where = family.device();
            Plot time = new Plot("Time, %s: %s".formatted(words, shape), "N, queries and keys", true, "median time, ms", true)
                    .on(where);
            Plot rate = new Plot("Rate, %s: %s".formatted(words, shape), "N, queries and keys", true, "TFLOP/s", true).on(where);
            List<Result> shown = new ArrayList<>();
            for (String name : names) {
                List<Result> curve = curves.getOrDefault(name, List.of());
                double[] n = Data.numbers(curve, "seq_q");
                time.line(name, n, Data.numbers(curve, "median_ms"), Data.numbers(curve, "p10_ms"),
                        Data.numbers(curve, "p90_ms"));
                if (curve.stream().allMatch(r -> r.number("tflops") > 0)) {
                    rate.line(name, n, Data.numbers(curve, "tflops"));
                }
                shown.addAll(curve);
            }
            if (!time.compares()) {
                return;
            }
            if (family.dropsOrMasks() || family.plain() && shown.stream().anyMatch(r -> r.is("dtype", "fp32"))) {
                page.figure(time, "Time against N, %s, %s.".formatted(words, shape), Data.commands(shown));
            }
            if (!family.dropsOrMasks()) {
                page.figure(rate, "Rate against N, %s, %s.".formatted(words, shape), Data.commands(shown));
            }
        });
    }

    /**
     * Names of curves that one figure shows, by what its title says of it. What is too much for one is told apart by type and by
     * whether it is exact and dense, so that what can be compared stays together; then as often as needed.
     */
    private static Map<String, List<String>> chunks(Map<String, List<Result>> curves) {
        if (curves.size() <= MOST_CURVES) {
            return new LinkedHashMap<>(Map.of("", List.copyOf(curves.keySet())));
        }
        Map<String, List<String>> groups = new LinkedHashMap<>();
        TYPES.forEach(type -> {
            groups.put(type, new ArrayList<>());
            groups.put(type + SPARSE_TOO, new ArrayList<>());
        });
        curves.forEach((name, curve) -> {
            Result r = curve.getFirst();
            boolean less = SPARSE.stream().anyMatch(r.text("algorithm")::startsWith);
            String type = switch (r.text("dtype")) {
                case "fp16" -> HALF;
                case "bf16" -> BRAIN;
                default -> FLOAT;
            };
            if (!less) {
                groups.getOrDefault(type, List.of()).add(name);
            }
            // flash attention is what the sparse and approximate ones are compared with
            if (less || r.is("algorithm", "flash") && SPARSE_BACKENDS.contains(r.text("backend"))) {
                groups.getOrDefault(type + SPARSE_TOO, List.of()).add(name);
            }
        });
        // allMatch: those without any as well
        groups.entrySet().removeIf(group -> group.getKey().endsWith(SPARSE_TOO)
                && group.getValue().stream().allMatch(name -> curves.getOrDefault(name, List.of()).getFirst()
                        .is("algorithm", "flash")));
        Map<String, List<String>> chunks = new LinkedHashMap<>();
        groups.forEach((words, names) -> {
            int parts = Math.ceilDiv(names.size(), MOST_CURVES);
            for (int n = 0; n < parts; n++) {
                String part = parts == 1 ? "" : " (%d of %d)".formatted(n + 1, parts);
                chunks.put(words + part, names.subList(names.size() * n / parts, names.size() * (n + 1) / parts));
            }
        });
        return chunks;
    }

    private static void memory(Page page, Family family) {
        Map<String, List<Result>> curves = family.curves("both");
        curves.replaceAll((name, curve) -> curve.stream().filter(r -> r.number("peak_device_bytes") > 0).toList());
        curves.values().removeIf(curve -> curve.size() < 2);
        Map<String, List<String>> chunks = chunks(curves);
        chunks.keySet().removeIf(of -> of.startsWith(BRAIN)); // as float16's
        chunks.forEach((of, names) -> {
            String title = "Memory, forward and backward: " + family.name() + of;
            Plot plot = new Plot(title, "N, queries and keys", true, "device memory, MiB", true).on(family.device());
            List<Result> shown = new ArrayList<>();
            for (String name : names) {
                List<Result> curve = curves.getOrDefault(name, List.of());
                plot.line(name, Data.numbers(curve, "seq_q"), curve.stream()
                        .mapToDouble(r -> r.number("peak_device_bytes") / 1048576).toArray());
                shown.addAll(curve);
            }
            if (plot.compares()) {
                page.figure(plot, "Device memory against N, %s.".formatted(family.name() + of), Data.commands(shown));
            }
        });
    }

    private static void speedUp(Page page, List<Family> families) {
        boolean headed = false;
        for (Family family : families.stream().filter(family -> !family.dropsOrMasks()).toList()) {
            Plot plot = new Plot("Standard over flash, forward and backward: " + family.name(), "N, queries and keys", true,
                    "times faster, float32", true).on(family.device());
            List<Result> shown = new ArrayList<>();
            Data.by(family.results(), Data::place).forEach((place, results) -> {
                for (String type : List.of("fp32", "fp32 on tensor cores")) {
                    TreeMap<Double, Result> flash = lengths(results, "flash", type);
                    String name = place.replaceAll(",.*", "") + (type.equals("fp32") ? "" : " on tensor cores");
                    ratio(plot, shown, name, lengths(results, "standard", "fp32"), flash);
                    List<Result> pytorch = family.results().stream().filter(r -> r.is("backend", "pytorch"))
                            .filter(r -> flash.values().stream().anyMatch(f -> f.is("device", r.text("device"))))
                            .toList();
                    ratio(plot, shown, "PyTorch's math path over " + name, lengths(pytorch, "math", "fp32"), flash);
                }
            });
            if (!plot.isEmpty() && !headed) {
                page.heading("How much faster than standard attention");
                page.paragraph("Time of standard attention over time of flash attention, float32, on the same device. Our "
                        + "standard attention is plain loops with its matrix in device memory; PyTorch's math path, where it was "
                        + "measured, multiplies with a tuned library, which is what the paper compared with.");
                headed = true;
            }
            page.figure(plot, "Time of standard attention over time of flash attention, %s.".formatted(family.name()),
                    Data.commands(shown));
        }
    }

    private static void ratio(Plot plot, List<Result> shown, String name, TreeMap<Double, Result> slow,
            TreeMap<Double, Result> fast) {
        List<Double> both = fast.keySet().stream().filter(slow::containsKey).toList();
        if (both.size() < 2) {
            return;
        }
        List<Result> over = slow.entrySet().stream().filter(e -> both.contains(e.getKey())).map(Map.Entry::getValue).toList();
        List<Result> under = fast.entrySet().stream().filter(e -> both.contains(e.getKey())).map(Map.Entry::getValue).toList();
        double[] a = Data.numbers(over, "median_ms");
        double[] b = Data.numbers(under, "median_ms");
        plot.line(name, Data.numbers(under, "seq_q"), IntStream.range(0, a.length).mapToDouble(n -> a[n] / b[n]).toArray());
        shown.addAll(over);
        shown.addAll(under);
    }

    /** Results of an algorithm, forward and backward, by length. */
    private static TreeMap<Double, Result> lengths(List<Result> results, String algorithm, String type) {
        TreeMap<Double, Result> lengths = new TreeMap<>();
        for (Result r : results) {
            if (r.is("algorithm", algorithm) && r.is("direction", "both") && r.type().equals(type)) {
                lengths.put(r.number("seq_q"), r);
            }
        }
        return lengths;
    }
}
