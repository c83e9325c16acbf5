package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Result;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What the paper claims and what was measured here, in one table: the sections behind it say how. */
final class GlanceSection {
    private static final int PAPERS_LENGTH = 4096;

    private GlanceSection() {}

    /** Nothing where standard and flash attention were never measured of one shape. */
    static void write(Page page, Data data) {
        List<List<Result>> places = PaperSection.places(data).stream().filter(place -> PaperSection.traffic(place) != null)
                .toList();
        if (places.isEmpty()) {
            return;
        }
        PaperNumbers.Length papers = PaperNumbers.LENGTHS.stream().filter(l -> l.n() == PAPERS_LENGTH).findFirst().orElseThrow();
        List<List<String>> rows = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of("standard over flash attention, forward and backward, float32",
                "the paper (A100, float16)"));
        places.forEach(place -> head.add(Data.place(place.getFirst())));
        rows.add(head);
        row(rows, places, "device memory traffic", "%.1f, counted".formatted(PaperNumbers.STANDARD_GB / PaperNumbers.FLASH_GB),
                place -> traffic(place, data.profiled()));
        row(rows, places, "time, at each N", byLength(PaperNumbers.LENGTHS.stream()
                .filter(l -> !Double.isNaN(l.standardMs()))
                .collect(Collectors.toMap(l -> (double) l.n(), l -> l.standardMs() / l.flashMs(), (a, b) -> a,
                        LinkedHashMap::new))),
                place -> speedUps(PaperSection.pairs(place)));
        row(rows, places, "time of PyTorch's math path over our flash attention's", "",
                place -> speedUps(math(data, place)));
        row(rows, places, "memory, inputs and outputs included, N " + PAPERS_LENGTH,
                "%.1f".formatted(papers.standardMb() / papers.flashMb()), GlanceSection::memory);
        row(rows, places, "flash attention's memory, each time that N doubles", "2.0", GlanceSection::growth);
        row(rows, places, "time of few blocks, over what is in proportion to their share", "about 1",
                GlanceSection::proportion);
        page.heading("At a glance");
        page.table(rows);
        page.paragraph("Standard attention is ours, plain loops with its matrix in device memory; the paper's was PyTorch's, "
                + "whose math path of today multiplies with a tuned library. The sections below say how each number was taken.");
    }

    private static void row(List<List<String>> rows, List<List<Result>> places, String claim, String paper,
            Function<List<Result>, String> measured) {
        List<String> row = new ArrayList<>(List.of(claim, paper));
        places.forEach(place -> row.add(measured.apply(place)));
        if (row.stream().skip(2).anyMatch(cell -> !cell.isEmpty())) {
            rows.add(row);
        }
    }

    private static String traffic(List<Result> place, List<Result> profiled) {
        PaperSection.Pair pair = PaperSection.traffic(place);
        if (pair == null) {
            return "";
        }
        double counted = ProfilerSection.ratio(profiled, pair.standard(), pair.flash());
        double model = pair.ratio(ModelBytes::once);
        return counted > 0 ? "%.1f, counted by Nsight Compute".formatted(counted)
                : model > 0 ? "%.1f, by the model".formatted(model) : "";
    }

    /** PyTorch's materializing attention on the same device beside our flash attention. */
    private static List<PaperSection.Pair> math(Data data, List<Result> place) {
        List<String> same = List.of("device", "batch", "heads", "seq_q", "head_dim", "causal", "dtype", "direction");
        Map<String, Result> math = data.timed().stream()
                .filter(r -> r.is("backend", "pytorch") && r.is("algorithm", "math"))
                .collect(Collectors.toMap(r -> r.identity(same).toString(), r -> r, (a, b) -> b));
        return PaperSection.plain(place).stream().flatMap(flash -> Stream.ofNullable(math.get(flash.identity(same).toString()))
                .map(slow -> new PaperSection.Pair(slow, flash))).toList();
    }

    /** Of the batch and heads that have the most lengths. */
    private static String speedUps(List<PaperSection.Pair> pairs) {
        Map<String, List<PaperSection.Pair>> shapes = pairs.stream().collect(Collectors.groupingBy(
                pair -> "%s %s %s".formatted(pair.flash().get("batch"), pair.flash().get("heads"), pair.flash().get("head_dim")),
                LinkedHashMap::new, Collectors.toList()));
        List<PaperSection.Pair> most = shapes.values().stream().max(Comparator.comparingInt(List::size)).orElse(List.of());
        return byLength(most.stream().collect(Collectors.toMap(pair -> pair.flash().number("seq_q"),
                pair -> pair.ratio(r -> r.number("median_ms")), (a, b) -> b, LinkedHashMap::new)));
    }

    private static String byLength(Map<Double, Double> ratios) {
        return ratios.entrySet().stream().map(e -> "%s: %.1f".formatted(Plot.number(e.getKey()), e.getValue()))
                .collect(Collectors.joining(", "));
    }

    /** Of the most heads that both were measured with. */
    private static String memory(List<Result> place) {
        return PaperSection.pairs(place).stream().filter(pair -> pair.flash().number("seq_q") == PAPERS_LENGTH)
                .max(Comparator.comparingDouble(pair -> pair.flash().number("batch") * pair.flash().number("heads")))
                .map(pair -> "%.1f (%s)".formatted(pair.ratio(r -> r.number("peak_device_bytes")), pair.flash().shape()))
                .orElse("");
    }

    /** The mean growth from the shortest to the longest of the batch and heads with the longest. */
    private static String growth(List<Result> place) {
        List<Result> flash = PaperSection.plain(place).stream().filter(r -> r.number("peak_device_bytes") > 0).toList();
        Result longest = flash.stream().max(Comparator.comparingDouble((Result r) -> r.number("seq_q"))
                .thenComparingDouble(r -> r.number("batch"))).orElse(null);
        Result shortest = longest == null ? null : shortest(flash, longest);
        if (longest == null || shortest == null || shortest.number("seq_q") == longest.number("seq_q")) {
            return "";
        }
        double doublings = Math.log(longest.number("seq_q") / shortest.number("seq_q")) / Math.log(2);
        double growth = longest.number("peak_device_bytes") / shortest.number("peak_device_bytes");
        return "%.1f (N %s to %s)".formatted(Math.pow(growth, 1 / doublings), Plot.number(shortest.number("seq_q")),
                Plot.number(longest.number("seq_q")));
    }

    /** The shortest of the longest one's batch, heads and units: packing for tensor cores takes copies. */
    private static @Nullable Result shortest(List<Result> flash, Result longest) {
        List<String> same = List.of("batch", "heads", "head_dim", "units");
        return flash.stream().filter(r -> r.identity(same).equals(longest.identity(same)))
                .min(Comparator.comparingDouble(r -> r.number("seq_q"))).orElse(null);
    }

    private static String proportion(List<Result> place) {
        return PaperSection.densities(place).stream().map(rising -> "%.2f (%s%s, %s of the blocks)".formatted(
                        PaperSection.overProportion(rising), rising.getFirst().shape(), rising.getFirst().options(", "),
                        Plot.number(rising.getFirst().number("density"))))
                .collect(Collectors.joining("; "));
    }
}
