package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Lines;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** What was measured where, against each device's ceilings, beside peers, and what did not work. */
final class DeviceSections {
    private static final List<String> SHAPE = List.of("batch", "heads", "kv_heads", "seq_q", "seq_k", "head_dim", "causal",
            "dropout", "key_mask", "dtype", "direction");

    private static final Pattern NUMBER = Pattern.compile("\\d+");

    private DeviceSections() {}

    /** One row for each device. */
    static void machines(Page page, Data data) {
        page.heading("Measured on");
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("device", "results", "dates", "versions"));
        Data.places(data.all()).forEach(results -> rows.add(List.of(Data.place(results.getFirst()),
                Integer.toString(results.size()), range(results), versions(results))));
        page.table(rows);
    }

    private static String range(List<Result> results) {
        List<String> dates = results.stream().map(r -> r.text("date")).filter(d -> !d.isEmpty()).sorted().toList();
        if (dates.isEmpty()) {
            return "";
        }
        return dates.getFirst().equals(dates.getLast()) ? dates.getFirst() : dates.getFirst() + " to " + dates.getLast();
    }

    private static String versions(List<Result> results) {
        TreeMap<String, String> versions = new TreeMap<>();
        for (Result result : results) {
            if (result.get("versions") instanceof Map<?, ?> map) {
                map.forEach((name, version) -> versions.merge(String.valueOf(name), String.valueOf(version),
                        (a, b) -> a.contains(b) ? a : a + " and " + b));
            }
        }
        return String.join(", ", versions.entrySet().stream().map(e -> e.getKey() + " " + e.getValue()).toList());
    }

    /** Shapes that we and somebody else have measured. */
    static void peers(Page page, Data data) {
        List<Result> exact = data.timed().stream()
                .filter(r -> r.number("density") == 1 && r.get("block") == null && !r.text("algorithm").startsWith("linformer"))
                .toList();
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("shape", "who", "device", "ms (p10..p90)", "rate", "time over ours"));
        Map<String, List<Ratio>> ratios = new TreeMap<>();
        Data.by(exact, DeviceSections::shapeAndDevice).values().forEach(group -> {
            Result ours = group.stream().filter(DeviceSections::isOurs)
                    .min(Comparator.comparingDouble(r -> r.number("median_ms"))).orElse(null);
            if (ours == null || group.stream().allMatch(DeviceSections::isOurs)) {
                return;
            }
            group.stream().filter(r -> !isOurs(r)).forEach(r -> {
                String who = "%s %s, %s on %s".formatted(Data.who(r), r.text("dtype"), r.text("direction"), Data.device(r));
                ratios.computeIfAbsent(who, key -> new ArrayList<>())
                        .add(new Ratio(r.number("median_ms") / ours.number("median_ms"), ours.number("median_ms")));
            });
            group.stream().sorted(Comparator.comparingDouble(r -> r.number("median_ms"))).forEach(r -> rows.add(List.of(
                    "%s%s %s %s%s".formatted(r.shape(), r.options(" "), r.text("dtype"), r.text("direction"),
                            r.get("threads") == null ? "" : ", threads " + r.get("threads")),
                    Data.who(r), Data.device(r),
                    "%s (%s..%s)".formatted(Lines.time(r.number("median_ms")), Lines.time(r.number("p10_ms")),
                            Lines.time(r.number("p90_ms"))),
                    Lines.rate(r.number("tflops")), "%.2f".formatted(r.number("median_ms") / ours.number("median_ms")))));
        });
        if (rows.size() > 1) {
            List<List<String>> inShort = new ArrayList<>();
            inShort.add(List.of("who, what, where", "shapes", "time over ours: geometric mean", "least", "most",
                    "shapes where ours takes 1 ms or more", "geometric mean"));
            ratios.forEach((who, of) -> {
                List<Ratio> longer = of.stream().filter(ratio -> ratio.ours() >= 1).toList();
                inShort.add(List.of(who, Integer.toString(of.size()), mean(of),
                        "%.2f".formatted(of.stream().mapToDouble(Ratio::over).min().orElse(0)),
                        "%.2f".formatted(of.stream().mapToDouble(Ratio::over).max().orElse(0)),
                        Integer.toString(longer.size()), mean(longer)));
            });
            page.heading("Beside others");
            page.paragraph("The same shapes on the same device, each result compared with float64 first. Causal attention "
                    + "counts visible pairs only. First in short: the time over our fastest of the same type, above 1 where ours "
                    + "is faster; then shape by shape. On a GPU ours is the time in kernels, PyTorch's that between two events "
                    + "around kernels which wait in the queue already: launching is in neither, the microseconds between kernels "
                    + "are in PyTorch's. TornadoVM's cuDNN (tornado-cudnn) has no device's clock: its time is what one call "
                    + "more in a queue of several costs, which is launching where that takes longer than the kernel.");
            page.table(inShort);
            page.table(rows);
        }
    }

    /** Somebody's time over ours, and ours in milliseconds. */
    private record Ratio(double over, double ours) {}

    private static String mean(List<Ratio> ratios) {
        return ratios.isEmpty() ? ""
                : "%.2f".formatted(Math.exp(ratios.stream().mapToDouble(ratio -> Math.log(ratio.over())).average().orElse(0)));
    }

    /** What is compared; numbers of any length are in order. */
    private static String shapeAndDevice(Result r) {
        String words = "%s %s %s".formatted(r.identity(SHAPE), r.get("device"), r.get("threads"));
        return NUMBER.matcher(words).replaceAll(number -> "%8s".formatted(number.group()));
    }

    private static boolean isOurs(Result r) {
        return List.of("tornado", "cpu", "simulator").contains(r.text("backend"));
    }

    /** Baselines that compute something else than exact attention. */
    static void approximations(Page page, Data data) {
        List<Result> linformer = data.timed().stream().filter(r -> r.text("algorithm").startsWith("linformer")).toList();
        if (linformer.isEmpty()) {
            return;
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("approximation", "device", "ms, forward", "exact flash attention, ms",
                "largest error against exact attention"));
        List<String> shape = List.of("backend", "driver", "device", "batch", "heads", "seq_q", "head_dim");
        for (Result r : linformer) {
            String exact = data.timed().stream()
                    .filter(f -> f.is("algorithm", "flash") && f.is("direction", "forward") && f.is("dtype", "fp32")
                            && f.get("block") == null && f.options(" ").isEmpty() && f.identity(shape).equals(r.identity(shape)))
                    .min(Comparator.comparingDouble(f -> f.number("median_ms")))
                    .map(f -> Lines.time(f.number("median_ms"))).orElse("");
            rows.add(List.of("%s, %s".formatted(r.text("algorithm"), r.shape()),
                    Data.place(r), Lines.time(r.number("median_ms")), exact, "%.2g".formatted(r.number("max_abs_error"))));
        }
        page.heading("Approximations");
        page.paragraph("Linformer projects keys and values to a fixed length. Its result was compared with float64 of the same "
                + "approximation; the error is against exact attention of the same random inputs.");
        page.table(rows);
    }

    /** What did not run or was wrong. */
    static void failures(Page page, Data data) {
        List<Result> failed = data.only(r -> r.get("error") != null);
        if (failed.isEmpty()) {
            return;
        }
        page.heading("What did not run");
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("what", "where", "why"));
        Map<List<String>, List<String>> directions = new LinkedHashMap<>();
        for (Result r : failed) {
            String what = "%s %s %s%s%s".formatted(r.text("algorithm"), r.type(), r.shape(), r.options(" "),
                    r.get("block") == null ? "" : " tiles " + r.get("block"));
            List<String> row = List.of(r.get("seq_q") == null ? r.text("algorithm") : what, Data.place(r), reason(r));
            directions.computeIfAbsent(row, key -> new ArrayList<>()).add(r.text("direction"));
        }
        directions.forEach((row, of) -> rows.add(
                List.of("%s: %s".formatted(row.get(0), String.join(", ", new LinkedHashSet<>(of))), row.get(1), row.get(2))));
        page.table(rows);
    }

    /** The error, without what PyTorch tells about its own allocator; a limit of ours is not called memory. */
    private static String reason(Result r) {
        return r.text("error").replaceAll(" (GPU \\d+ has a total|Including non-PyTorch).*", "")
                .replaceAll("^%s: (?=.*2\\^31 or more)".formatted(ResultsFile.TOO_LARGE), "");
    }
}
