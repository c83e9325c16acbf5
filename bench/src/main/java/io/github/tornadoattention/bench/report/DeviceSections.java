package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Lines;
import io.github.tornadoattention.bench.Result;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What was measured where, against each device's ceilings, beside peers, and what did not work. */
final class DeviceSections {
    private static final List<String> SHAPE = List.of("batch", "heads", "kv_heads", "seq_q", "seq_k", "head_dim", "causal", "dropout", "dtype", "direction");

    private DeviceSections() {}

    /** One row for each device. */
    static void machines(Page page, Data data) {
        page.heading("Measured on");
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("device", "results", "dates", "versions"));
        Data.by(data.all(), Data::place).forEach((place, results) -> rows.add(List.of(place, Integer.toString(results.size()), range(results), versions(results))));
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
        List<Result> dense = data.timed().stream().filter(r -> r.number("density") == 1 && r.get("block") == null).toList();
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("shape", "who", "device", "ms (p10..p90)", "rate", "time over ours"));
        Data.by(dense, r -> r.identity(SHAPE) + " %s %s".formatted(r.get("device"), r.get("threads"))).values().forEach(group -> {
            Result ours = group.stream().filter(DeviceSections::isOurs).min(Comparator.comparingDouble(r -> r.number("median_ms"))).orElse(null);
            if (ours == null || group.stream().allMatch(DeviceSections::isOurs)) {
                return;
            }
            group.stream().sorted(Comparator.comparingDouble(r -> r.number("median_ms"))).forEach(r -> rows.add(List.of(
                    "b%s h%s n%s%s d%s%s %s %s%s".formatted(r.get("batch"), r.get("heads"), r.get("seq_q"),
                            r.number("seq_q") == r.number("seq_k") ? "" : "x" + r.get("seq_k"), r.get("head_dim"), Data.isTrue(r, "causal") ? " causal" : "",
                            r.text("dtype"), r.text("direction"), r.get("threads") == null ? "" : ", threads " + r.get("threads")),
                    Data.who(r), Data.device(r),
                    "%s (%s..%s)".formatted(Lines.time(r.number("median_ms")), Lines.time(r.number("p10_ms")), Lines.time(r.number("p90_ms"))),
                    Lines.rate(r.number("tflops")), "%.2f".formatted(r.number("median_ms") / ours.number("median_ms")))));
        });
        if (rows.size() > 1) {
            page.heading("Beside others");
            page.paragraph("The same shapes on the same device, each result compared with float64 first. Causal attention counts visible pairs only.");
            page.table(rows);
        }
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
        rows.add(List.of("approximation", "device", "ms, forward", "exact flash attention, ms", "largest error against exact attention"));
        List<String> shape = List.of("backend", "driver", "device", "batch", "heads", "seq_q", "head_dim");
        for (Result r : linformer) {
            String exact = data.timed().stream().filter(f -> f.text("algorithm").equals("flash") && f.text("direction").equals("forward")
                            && f.get("block") == null && !Data.isTrue(f, "causal") && f.type().equals("fp32")
                            && f.identity(shape).equals(r.identity(shape)))
                    .map(f -> Lines.time(f.number("median_ms"))).findFirst().orElse("");
            rows.add(List.of("%s, b%s h%s n%s d%s".formatted(r.text("algorithm"), r.get("batch"), r.get("heads"), r.get("seq_q"), r.get("head_dim")),
                    Data.place(r), Lines.time(r.number("median_ms")), exact, "%.2g".formatted(r.number("max_abs_error"))));
        }
        page.heading("Approximations");
        page.paragraph("Linformer projects keys and values to a fixed length. Its result was compared with float64 of the same approximation; the error is against exact "
                + "attention of the same random inputs.");
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
        failed.forEach(r -> rows.add(List.of("%s %s %s b%s h%s n%s d%s".formatted(r.text("algorithm"), r.text("dtype"), r.text("direction"), r.get("batch"),
                r.get("heads"), r.get("seq_q"), r.get("head_dim")), Data.place(r), r.text("error"))));
        page.table(rows);
    }
}
