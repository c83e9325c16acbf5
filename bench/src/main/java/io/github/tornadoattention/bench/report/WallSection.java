package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Lines;
import io.github.tornadoattention.bench.Result;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.stream.DoubleStream;

/** What a call takes beyond its kernels: launching and waiting each time, compilation once; and the rate of moving bytes. */
final class WallSection {
    private static final List<String> SHOWN = List.of("b1 h16 n4096 d64", "b64 h16 n1024 d64", "b16 h8 n128 d64");

    private WallSection() {}

    /** A table for each device with a clock of its own, and a figure where calls were timed as well. */
    static void write(Page page, Data data) {
        List<Result> clocked = data.timed().stream()
                .filter(r -> r.is("backend", "tornado") && r.get("block") == null && r.number("jit_ms") >= 0).toList();
        if (clocked.isEmpty()) {
            return;
        }
        page.heading("Beyond the kernels: wall time and compilation");
        page.paragraph("Wall time is that of a call whose tensors are on the device, timed in other runs than the kernels, with "
                + "the device's clock off. The clock is on where kernels take more than a second, and for standard attention "
                + "with CUDA and PTX, whose tasks have to be waited for one by one. JIT is what the first call takes more than "
                + "the later ones, compilation in TornadoVM and in the driver. GB/s are the IO model's bytes, each element once "
                + "a launch, over the kernels' time; their share is of the copy ceiling. The share of local memory is of the "
                + "ceiling of its reads, for flash attention by multiply-adds: what each work-item reads and writes there counts "
                + "for itself, in the ceiling too. But there no two work-items of a warp read one address, and here some do, "
                + "which a device moves once: what its local memory is busy with is less, and the share could pass 100%.");
        Data.places(clocked).forEach(place -> {
            double[] jit = Data.numbers(place, "jit_ms");
            page.paragraph("%s, %d measurements: JIT median %s ms, most %s ms.".formatted(
                    Data.place(place.getFirst()), jit.length, Lines.time(median(jit)),
                    Lines.time(DoubleStream.of(jit).max().orElse(0))));
            List<Result> all = data.all().stream()
                    .filter(r -> Data.place(r).equals(Data.place(place.getFirst()))).toList();
            table(page, place, RooflineSection.ceiling(all, "ceiling copy", "gb_per_s"),
                    RooflineSection.ceiling(all, "ceiling local reads", "gb_per_s"));
            figure(page, place);
        });
    }

    /** Shapes that the report's other parts speak of; the smallest and the largest where none of these ran. */
    private static void table(Page page, List<Result> place, double copy, double local) {
        List<Result> plain = place.stream().filter(r -> r.options("").isEmpty() && r.number("density") == 1
                && List.of("flash", "standard").contains(r.text("algorithm")) && !r.is("direction", "backward")
                && r.number("seq_q") == r.number("seq_k")).toList();
        if (plain.isEmpty()) {
            return;
        }
        Comparator<Result> bySize = Comparator
                .comparingDouble((Result r) -> r.number("batch") * r.number("heads") * r.number("seq_q"))
                .thenComparing(r -> r.number("seq_q"));
        List<String> own = List.of(Collections.min(plain, bySize).shape(), Collections.max(plain, bySize).shape());
        List<String> shapes = plain.stream().anyMatch(r -> SHOWN.contains(r.shape())) ? SHOWN : own.stream().distinct().toList();
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("shape", "what", "kernels, ms", "wall, ms (p10..p90)", "wall - kernels, ms",
                "JIT, ms", "GB/s", "of copying",
                "of local memory"));
        for (String shape : shapes) {
            plain.stream().filter(r -> r.shape().equals(shape))
                    .sorted(Comparator.comparing((Result r) -> r.text("direction")).reversed()
                            .thenComparing(r -> r.text("algorithm")).thenComparing(Result::type))
                    .forEach(r -> rows.add(row(r, copy, local)));
        }
        page.table(rows);
    }

    private static List<String> row(Result r, double copy, double local) {
        double wall = r.number("wall_median_ms");
        double rate = ModelBytes.once(r) / r.number("median_ms") / 1e6;
        double localRate = ModelBytes.local(r) / r.number("median_ms") / 1e6;
        String spread = r.number("wall_p10_ms") > 0 && r.number("wall_p90_ms") > 0
                ? " (%s..%s)".formatted(Lines.time(r.number("wall_p10_ms")), Lines.time(r.number("wall_p90_ms"))) : "";
        return List.of(r.shape(), "%s %s, %s".formatted(r.text("algorithm"), r.type(), r.text("direction")),
                Lines.time(r.number("median_ms")),
                wall > 0 ? Lines.time(wall) + spread : "", wall > 0 ? "%.3f".formatted(wall - r.number("median_ms")) : "",
                "%.0f".formatted(r.number("jit_ms")), rate > 0 ? "%.1f".formatted(rate) : "",
                rate > 0 && copy > 0 ? "%.1f%%".formatted(100 * rate / copy) : "",
                localRate > 0 && local > 0 ? "%.1f%%".formatted(100 * localRate / local) : "");
    }

    private static void figure(Page page, List<Result> place) {
        List<Result> both = place.stream().filter(r -> r.number("wall_median_ms") > 0).toList();
        List<Result> longer = both.stream().filter(r -> beyond(r) > 0).toList();
        if (longer.size() < 3) {
            return;
        }
        Plot plot = new Plot("Wall time beyond the kernels, against their time", "median time of the kernels, ms", true,
                "wall time - kernels' time, ms", true).on(Data.place(place.getFirst()));
        for (String direction : List.of("forward", "backward", "both")) {
            List<Result> of = longer.stream().filter(r -> r.is("direction", direction)).toList();
            if (!of.isEmpty()) {
                plot.points(direction, Data.numbers(of, "median_ms"), of.stream().mapToDouble(WallSection::beyond).toArray());
            }
        }
        double share = median(both.stream().mapToDouble(r -> beyond(r) / r.number("median_ms")).toArray());
        page.figure(plot, ("What a call takes beyond its kernels (median of the differences %s ms, median share of the "
                        + "kernels' time %.1f%%). %s")
                .formatted("%.3f".formatted(median(both.stream().mapToDouble(WallSection::beyond).toArray())), 100 * share,
                        longer.size() == both.size() ? ""
                                : "%d of %d calls took no longer than the kernels of other runs and have no point."
                                .formatted(both.size() - longer.size(), both.size())).strip(), Data.commands(both));
    }

    private static double beyond(Result r) {
        return r.number("wall_median_ms") - r.number("median_ms");
    }

    private static double median(double[] values) {
        double[] sorted = DoubleStream.of(values).sorted().toArray();
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
}
