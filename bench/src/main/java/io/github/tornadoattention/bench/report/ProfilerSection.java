package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Lines;
import io.github.tornadoattention.bench.Result;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** What NVIDIA's profiler counted, beside the IO model. */
final class ProfilerSection {
    private ProfilerSection() {}

    static void write(Page page, Data data) {
        if (data.profiled().isEmpty()) {
            return;
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("GB of one run", "direction", "model: each element once a launch", "device memory, counted",
                "counted / model",
                "model: moved by work-items", "multiprocessors and L2, counted"));
        data.profiled().stream().sorted(Comparator.comparing(ProfilerSection::name)).forEach(r -> rows.add(List.of(name(r),
                r.text("direction"),
                gigabytes(r.number("bytes_model")), gigabytes(r.number("dram_bytes")),
                r.number("bytes_model") > 0 ? "%.2f".formatted(r.number("dram_bytes") / r.number("bytes_model")) : "",
                gigabytes(ModelBytes.moved(r)), gigabytes(r.number("l2_bytes")))));
        page.heading("The IO model against the profiler");
        page.paragraph("Bytes that Nsight Compute counted, all launches of a run together, each begun with empty caches. Device "
                + "memory sees what the model counts once a launch, and more where something was evicted between two uses; less "
                + "is possible where results still lay in the second-level cache when a launch ended. Between multiprocessors "
                + "and this cache goes what work-items move, less what first-level caches keep and what the lanes of a warp "
                + "share. CUDA's kernels are counted; OpenCL's the profiler cannot see.");
        page.table(rows);
        page.paragraph("Commands: " + String.join("; ", Data.commands(data.profiled())));
    }

    /** Rows of Figure 2 where both algorithms were profiled at the place and shape of these results. */
    static void addRows(List<List<String>> rows, List<Result> profiled, Result standard, Result flash) {
        Optional<Result> first = of(profiled, standard);
        Optional<Result> second = of(profiled, flash);
        if (first.isEmpty() || second.isEmpty()) {
            return;
        }
        rows.add(row("device memory traffic counted by Nsight Compute, GB", "dram_bytes", first.get(), second.get()));
        if (first.get().number("l2_bytes") > 0 && second.get().number("l2_bytes") > 0) {
            rows.add(row("traffic of multiprocessors and L2 counted by Nsight Compute, GB", "l2_bytes", first.get(),
                    second.get()));
        }
    }

    /** How many times the bytes in device memory the first took, as counted; 0 where either was not profiled. */
    static double ratio(List<Result> profiled, Result standard, Result flash) {
        return of(profiled, standard).flatMap(first -> of(profiled, flash)
                .map(second -> first.number("dram_bytes") / second.number("dram_bytes"))).orElse(0.0);
    }

    private static Optional<Result> of(List<Result> profiled, Result timed) {
        return profiled.stream().filter(r -> r.identity().equals(timed.identity())).findFirst();
    }

    private static List<String> row(String name, String field, Result standard, Result flash) {
        return List.of(name, gigabytes(standard.number(field)), gigabytes(flash.number(field)),
                "%.1f".formatted(standard.number(field) / flash.number(field)));
    }

    private static String name(Result r) {
        return "%s %s %s %s%s, %s".formatted(r.text("driver"), r.text("algorithm"), r.type(), r.shape(), r.options(", "),
                Data.device(r));
    }

    private static String gigabytes(double bytes) {
        return bytes > 0 ? Lines.time(bytes / 1e9) : "";
    }
}
