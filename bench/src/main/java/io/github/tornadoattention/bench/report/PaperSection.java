package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Lines;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The paper's figures and tables, repeated, with the paper's own numbers beside ours. */
final class PaperSection {
    private static final List<String> SHAPE = List.of("batch", "heads", "kv_heads", "seq_q", "seq_k", "head_dim", "causal",
            "dropout", "key_mask");

    /** What was measured of a shape, but for what multiplied. */
    private static final List<String> MEASURED = List.of("backend", "driver", "device", "algorithm", "dtype", "direction",
            "density", "threads", "block");

    private PaperSection() {}

    static void write(Page page, Data data) {
        boolean headed = false;
        for (List<Result> place : places(data)) {
            Page section = new Page("");
            left(section, place, chosen(data.timed()), data.profiled());
            middle(section, place);
            right(section, place);
            tables(section, place);
            memory(section, place);
            if (!section.pieces().isEmpty()) {
                if (!headed) {
                    page.heading("The paper's measurements, repeated");
                    page.paragraph("FlashAttention, arXiv 2205.14135. The paper measured float16 on an A100 40 GB, these are "
                            + "float32; what can be compared are ratios and how times grow. Times with * are of float32 on "
                            + "tensor cores, for which copies of the inputs are packed: hence more memory.");
                    headed = true;
                }
                page.paragraph(Data.place(place.getFirst()) + ":");
                section.pieces().forEach(page::add);
            }
        }
    }

    /** Results of float32, ours, by place, the fastest first. */
    static List<List<Result>> places(Data data) {
        return Data.places(chosen(data.only(r -> r.is("dtype", "fp32") && r.get("seq_q") != null
                && !r.is("backend", "pytorch"))));
    }

    /** Where float32 was measured with multiply-adds and on tensor cores, the latter: that is what runs by itself. */
    private static List<Result> chosen(List<Result> results) {
        Map<List<Object>, Result> chosen = new LinkedHashMap<>();
        results.forEach(r -> chosen.merge(Arrays.asList(r.identity(SHAPE), r.identity(MEASURED)), r,
                (first, next) -> next.splitsFloats() ? next : first));
        return List.copyOf(chosen.values());
    }

    /** Standard and flash attention of the same shape. */
    record Pair(Result standard, Result flash) {
        /** How many times as much of something standard attention takes. */
        double ratio(ToDoubleFunction<Result> of) {
            return of.applyAsDouble(standard) / of.applyAsDouble(flash);
        }
    }

    /** Those of Figure 2, left: GPT-2 medium's shape if it is there, else the largest that both ran. */
    static @Nullable Pair traffic(List<Result> place) {
        List<Result> flash = place.stream().filter(timed("flash", "both"))
                .filter(r -> r.get("block") == null && r.options(" ").isEmpty())
                .sorted(Comparator.comparingDouble((Result r) ->
                        r.number("batch") * r.number("heads") * r.number("seq_q")).reversed()
                        .thenComparing(r -> r.number("seq_q")))
                .toList();
        Result best = null;
        Result other = null;
        for (Result r : flash) {
            Result standard = find(place, timed("standard", "both"), r);
            boolean papers = r.number("batch") == 64 && r.number("seq_q") == 1024;
            if (standard != null && (best == null || papers)) {
                best = r;
                other = standard;
            }
        }
        return best == null || other == null ? null : new Pair(other, best);
    }

    /** Figure 2, left: traffic and time at one shape. */
    private static void left(Page page, List<Result> place, List<Result> all, List<Result> profiled) {
        Pair pair = traffic(place);
        if (pair == null) {
            return;
        }
        Result best = pair.flash();
        Result other = pair.standard();
        boolean papers = best.number("batch") == 64 && best.number("seq_q") == 1024;
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("Figure 2, left: %s, forward and backward".formatted(best.shape()), "standard", "flash", "ratio"));
        rows.add(row("time, ms", other.number("median_ms"), best.number("median_ms")));
        if (ModelBytes.once(best) > 0 && ModelBytes.once(other) > 0) {
            String kernels = best.splitsFloats() ? ", packing for tensor cores included" : "";
            rows.add(row("device memory traffic at least, GB (model: each element once a launch%s)".formatted(kernels),
                    ModelBytes.once(other) / 1e9, ModelBytes.once(best) / 1e9));
        }
        ProfilerSection.addRows(rows, profiled, other, best);
        rows.add(row("memory, MiB", other.number("peak_device_bytes") / 1048576, best.number("peak_device_bytes") / 1048576));
        Result shape = best;
        for (String dtype : List.of("fp32", "fp16")) {
            String name = "time in %s, ms: PyTorch's math path beside our flash".formatted(dtype);
            all.stream().filter(r -> r.is("backend", "pytorch") && r.is("algorithm", "math") && same(r, shape, dtype, "device"))
                    .findFirst()
                    .ifPresent(math -> all.stream()
                            .filter(timed("flash", "both"))
                            .filter(r -> r.get("block") == null && same(r, shape, dtype, "backend", "driver", "device"))
                            .findFirst()
                            .ifPresent(r -> rows.add(row(name, math.number("median_ms"), r.number("median_ms")))));
        }
        if (papers) {
            rows.add(row("the paper: time, ms", PaperNumbers.STANDARD_MS, PaperNumbers.FLASH_MS));
            rows.add(row("the paper: traffic, GB (measured)", PaperNumbers.STANDARD_GB, PaperNumbers.FLASH_GB));
        }
        page.table(rows);
    }

    private static List<String> row(String name, double standard, double flash) {
        return List.of(name, Lines.time(standard), Lines.time(flash), "%.1f".formatted(standard / flash));
    }

    /** Figure 2, middle: time of the forward pass against the size of tiles. */
    private static void middle(Page page, List<Result> place) {
        List<Result> all = place.stream().filter(timed("flash", "forward")).filter(r -> r.get("block") instanceof List<?>)
                .sorted(Comparator.comparingDouble(PaperSection::tileSize)).toList();
        for (List<Result> tiles : Data.by(all, r -> shapeAndOptions(r) + r.type()).values()) {
            if (tiles.size() > 2) {
                tiles(page, tiles);
            }
        }
    }

    private static void tiles(Page page, List<Result> tiles) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("Figure 2, middle: %s, forward".formatted(tiles.getFirst().shape()), "time, ms", "moved by work-items"));
        for (Result r : tiles) {
            rows.add(List.of("tiles of %s queries x %s keys".formatted(side(r, 0), side(r, 1)), Lines.time(r.number("median_ms")),
                    Text.bytes(TrafficSection.movedForward(r, side(r, 0), side(r, 1)))));
        }
        page.table(rows);
        double[] sizes = tiles.stream().mapToDouble(PaperSection::tileSize).toArray();
        String shape = shapeAndOptions(tiles.getFirst());
        String title = "Time against tile size, forward: " + shape;
        page.figure(new Plot(title, "scores of a tile (queries x keys)", true, "median time, ms", false)
                        .on(Data.place(tiles.getFirst()))
                        .labelled(Data.who(tiles.getFirst()) + " " + tiles.getFirst().type() + ", tiles of queries x keys", sizes,
                                Data.numbers(tiles, "median_ms"), Data.numbers(tiles, "p10_ms"), Data.numbers(tiles, "p90_ms"),
                                tiles.stream().map(r -> side(r, 0) + "x" + side(r, 1)).toList()),
                ("Figure 2, middle: time of the forward pass against the size of tiles (%s). The paper's falls up to blocks "
                        + "of 256.").formatted(shape),
                Data.commands(tiles));
    }

    private static String shapeAndOptions(Result r) {
        return r.shape() + r.options(", ");
    }

    private static double tileSize(Result r) {
        return (double) side(r, 0) * side(r, 1);
    }

    private static int side(Result r, int n) {
        return r.get("block") instanceof List<?> sides && n < sides.size() && sides.get(n) instanceof Number number
                ? number.intValue() : 0;
    }

    /** Results by rising density, of each shape that has three at least. */
    static List<List<Result>> densities(List<Result> place) {
        List<Result> sparse = place.stream().filter(timed("block-sparse", "both")).toList();
        return Data.by(sparse, r -> "%s %s".formatted(shapeAndOptions(r), r.type())).values().stream()
                .filter(group -> group.size() >= 3)
                .map(group -> group.stream().sorted(Comparator.comparingDouble(r -> r.number("density"))).toList())
                .toList();
    }

    /** What the sparsest takes over what it would take in proportion to the densest. */
    static double overProportion(List<Result> rising) {
        Result dense = rising.getLast();
        Result sparsest = rising.getFirst();
        return sparsest.number("median_ms") * dense.number("density") / (sparsest.number("density") * dense.number("median_ms"));
    }

    /** Figure 2, right: time against density. */
    private static void right(Page page, List<Result> place) {
        for (List<Result> rising : densities(place)) {
            double[] density = Data.numbers(rising, "density");
            Result dense = rising.getLast();
            double[] proportional = java.util.Arrays.stream(density)
                    .map(s -> dense.number("median_ms") * s / dense.number("density")).toArray();
            String shape = shapeAndOptions(dense);
            Result sparsest = rising.getFirst();
            double over = overProportion(rising);
            String says = "Figure 2, right: time against the share of blocks that are computed (%s, %s). At a share of %s it "
                    + "takes %.2f times what the time at %s would be in proportion.";
            String who = Data.who(dense) + " " + dense.text("dtype");
            String title = "Time against density, forward and backward: " + shape;
            page.figure(new Plot(title, "share of blocks that are set", false, "median time, ms", false)
                            .on(Data.place(dense))
                            .line(who, density, Data.numbers(rising, "median_ms"), Data.numbers(rising, "p10_ms"),
                                    Data.numbers(rising, "p90_ms"))
                            .bound("proportional to density", density, proportional),
                    says.formatted(shape, dense.type(), Plot.number(sparsest.number("density")), over,
                            Plot.number(dense.number("density"))),
                    Data.commands(rising));
        }
    }

    /** Appendix E: time and memory by length; the paper's where its shape was measured. */
    private static void tables(Page page, List<Result> place) {
        boolean papers = place.stream()
                .anyMatch(r -> r.number("batch") == PaperNumbers.BATCH && r.number("heads") == PaperNumbers.HEADS);
        List<Result> both = place.stream().filter(r -> r.text("direction").equals("both") && r.get("block") == null
                && !Data.isTrue(r, "causal"))
                .filter(r -> !papers || r.number("batch") == PaperNumbers.BATCH && r.number("heads") == PaperNumbers.HEADS
                        && r.number("head_dim") == PaperNumbers.HEAD_DIM)
                .toList();
        Map<String, List<Result>> curves = Data.by(both,
                r -> "b%s h%s d%s%s".formatted(r.get("batch"), r.get("heads"), r.get("head_dim"), r.options(", ")));
        curves.forEach((shape, results) -> {
            List<List<String>> rows = new ArrayList<>();
            List<String> head = new ArrayList<>(List.of("%s, forward and backward, ms: N".formatted(shape), "standard",
                    "flash", "faster", "butterfly",
                    "local window", "standard MiB", "flash MiB", "ratio"));
            if (papers) {
                head.addAll(List.of("paper: standard", "flash", "faster", "block-sparse", "standard MB", "flash MB"));
            }
            rows.add(head);
            Data.by(results, r -> r.number("seq_q")).forEach((n, of) -> {
                if (one(of, "standard") != null || one(of, "flash") != null) {
                    rows.add(cells(n, of, papers));
                }
            });
            if (rows.size() > 2) {
                page.table(rows);
            }
        });
    }

    private static List<String> cells(double n, List<Result> of, boolean papers) {
        Result standard = one(of, "standard");
        Result flash = one(of, "flash");
        List<String> cells = new ArrayList<>(List.of(Plot.number(n), time(standard), time(flash),
                ratio(standard, flash, "median_ms"), time(one(of, "butterfly")),
                time(one(of, "local window")), memory(standard), memory(flash), ratio(standard, flash, "peak_device_bytes")));
        PaperNumbers.Length length = PaperNumbers.LENGTHS.stream().filter(l -> l.n() == n).findFirst().orElse(null);
        boolean plain = of.getFirst().options("").isEmpty();
        boolean dropout = of.getFirst().number("dropout") > 0 && Data.isTrue(of.getFirst(), "key_mask");
        if (papers && length != null && (plain || dropout)) {
            double standardMs = dropout ? length.standardDropoutMs() : length.standardMs();
            double flashMs = dropout ? length.flashDropoutMs() : length.flashMs();
            boolean ran = !Double.isNaN(standardMs);
            cells.addAll(List.of(ran ? Lines.time(standardMs) : "out of memory", Lines.time(flashMs),
                    ran ? "%.1f".formatted(standardMs / flashMs) : "", dropout ? "" : Lines.time(length.sparseMs()),
                    ran ? "%.0f".formatted(length.standardMb()) : "", "%.0f".formatted(length.flashMb())));
        } else if (papers) {
            cells.addAll(List.of("", "", "", "", "", ""));
        }
        return cells;
    }

    /** Flash attention forward and backward, nothing masked, by rising length. */
    static List<Result> plain(List<Result> place) {
        return place.stream().filter(timed("flash", "both")).filter(r -> r.get("block") == null && r.options("").isEmpty())
                .sorted(Comparator.comparingDouble(r -> r.number("seq_q"))).toList();
    }

    /** These beside standard attention of the same shape. */
    static List<Pair> pairs(List<Result> place) {
        return plain(place).stream().flatMap(flash -> Stream.ofNullable(find(place, timed("standard", "both"), flash))
                        .map(standard -> new Pair(standard, flash)))
                .toList();
    }

    private static @Nullable Result one(List<Result> results, String algorithm) {
        return results.stream().filter(r -> r.text("algorithm").equals(algorithm)).findFirst().orElse(null);
    }

    private static String time(@Nullable Result r) {
        if (r == null) {
            return "";
        }
        if (r.timed()) {
            return Lines.time(r.number("median_ms")) + (r.splitsFloats() ? "*" : "");
        }
        String error = r.text("error");
        String large = error.contains("2^31 or more") ? "2³¹ elements" : "out of memory";
        return error.startsWith(ResultsFile.TOO_LARGE) ? large : "failed";
    }

    private static String memory(@Nullable Result r) {
        return r == null || !(r.number("peak_device_bytes") > 0) ? "" : Lines.time(r.number("peak_device_bytes") / 1048576);
    }

    private static String ratio(@Nullable Result a, @Nullable Result b, String field) {
        return a == null || b == null || !a.timed() || !b.timed() ? "" : "%.1f".formatted(a.number(field) / b.number(field));
    }

    private static Predicate<Result> timed(String algorithm, String direction) {
        return r -> r.timed() && r.text("algorithm").equals(algorithm) && r.text("direction").equals(direction);
    }

    /** Whether a result is of the same shape, forward and backward, in a type, and of the same place by these fields. */
    private static boolean same(Result r, Result like, String dtype, String... place) {
        return r.is("direction", "both") && r.is("dtype", dtype) && r.identity(SHAPE).equals(like.identity(SHAPE))
                && r.identity(List.of(place)).equals(like.identity(List.of(place)));
    }

    /** Memory beyond inputs and outputs, at the paper's length where both were measured. */
    private static void memory(Page page, List<Result> place) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("memory beyond inputs and outputs, forward and backward, MiB", "standard", "flash", "ratio"));
        place.stream().filter(timed("flash", "both").and(r -> r.get("block") == null && r.number("seq_q") == 4096)).forEach(f -> {
            Result standard = find(place, timed("standard", "both"), f);
            if (standard != null) {
                rows.add(row(shapeAndOptions(f), extraMib(standard), extraMib(f)));
            }
        });
        if (rows.size() > 1) {
            page.table(rows);
        }
    }

    private static double extraMib(Result r) {
        return (r.number("peak_device_bytes") - r.tensorBytes()) / 1048576;
    }

    /** The one of the same shape. */
    private static @Nullable Result find(List<Result> place, Predicate<Result> wanted, Result like) {
        return place.stream().filter(wanted).filter(r -> r.identity(SHAPE).equals(like.identity(SHAPE))).findFirst().orElse(null);
    }
}
