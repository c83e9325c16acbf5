package io.github.tornadoattention.bench.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.bench.Call;
import io.github.tornadoattention.bench.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a reader sees first, and how much of it. */
class OverviewTest {
    private static final String SHAPE = "batch 16, 8 heads, head dim 64";

    @TempDir
    Path folder;

    /** Both algorithms at these lengths; the standard one takes ten times as long and its memory grows with the square. */
    private static List<Result> both(String device, double slower, int... lengths) {
        List<Result> results = new ArrayList<>();
        for (int n : lengths) {
            results.add(result("flash", n, slower * n).with("device", device));
            results.add(result("standard", n, 10 * slower * n).with("device", device).with("peak_device_bytes", (long) n * n));
        }
        return results;
    }

    private static Result result(String algorithm, int n, double ms) {
        return ReportTest.result("tornado", algorithm, "both", 16, 8, n, ms);
    }

    private static List<List<String>> glance(List<Result> results) {
        return ReportCommand.page("t", results).pieces().stream().filter(Page.TableOf.class::isInstance)
                .map(piece -> ((Page.TableOf) piece).rows())
                .filter(rows -> rows.getFirst().getFirst().startsWith("standard over flash attention"))
                .findFirst().orElse(List.of());
    }

    private static List<String> captions(List<Result> results) {
        return ReportCommand.page("t", results).pieces().stream().filter(Page.Figure.class::isInstance)
                .map(piece -> ((Page.Figure) piece).caption()).toList();
    }

    @Test
    void thePapersClaimsBesideWhatWasMeasured() {
        List<Result> results = both("GPU", 1, 1024, 4096);
        for (double density : new double[] {0.25, 0.5, 1}) {
            results.add(result("block-sparse", 4096, 100 + 300 * density).with("device", "GPU").with("density", density));
        }
        results.add(ReportTest.result("pytorch", "math", "both", 16, 8, 4096, 2048).with("device", "GPU"));
        List<List<String>> glance = glance(results);
        assertThat(glance.getFirst()).endsWith("tornado opencl, GPU");
        // the model's bytes are the same for both here
        assertThat(glance).contains(
                List.of("device memory traffic", "9.2, counted", "1.0, by the model"),
                List.of("time, at each N", "128: 2.2, 512: 1.6, 1K: 1.6, 2K: 1.7, 4K: 1.7", "1K: 10.0, 4K: 10.0"),
                List.of("time of PyTorch's math path over our flash attention's", "", "4K: 0.5"),
                // 4096 * 4096 over 100 * 4096
                List.of("memory, inputs and outputs included, N 4096", "20.4", "41.0 (b16 h8 n4096 d64)"),
                List.of("flash attention's memory, each time that N doubles", "2.0", "2.0 (N 1K to 4K)"),
                // 175 where a quarter of 400 would be in proportion
                List.of("time of few blocks, over what is in proportion to their share", "about 1",
                        "1.75 (b16 h8 n4096 d64, 0.25 of the blocks)"));
        assertThat(glance(List.of(result("flash", 1024, 1)))).isEmpty();
    }

    @Test
    void theFastestComesFirst() {
        List<Result> results = both("Aged", 100, 128, 256, 512);
        results.addAll(both("Modern", 1, 1024, 2048));
        results.replaceAll(r -> r.is("device", "Aged") ? r.with("batch", 1) : r);
        assertThat(glance(results).getFirst()).endsWith("tornado opencl, Modern", "tornado opencl, Aged");
        List<String> captions = captions(results).stream().filter(caption -> caption.startsWith("Time against N")).toList();
        assertThat(captions).first().asString().contains(SHAPE);
        assertThat(captions).last().asString().contains("batch 1, 8 heads");
    }

    /** What options add is one figure; causal attention has no times, 16 bits neither. */
    @Test
    void figuresAreFew() {
        List<Result> results = both("GPU", 1, 1024, 2048);
        results.addAll(both("GPU", 2, 1024, 2048).stream().map(r -> r.with("causal", true)).toList());
        results.addAll(both("GPU", 3, 1024, 2048).stream().map(r -> r.with("dropout", 0.1)).toList());
        assertThat(captions(results)).filteredOn(caption -> caption.contains(SHAPE)).containsExactly(
                "Time against N, forward and backward, %s.".formatted(SHAPE),
                "Rate against N, forward and backward, %s.".formatted(SHAPE),
                "Rate against N, forward and backward, %s, causal.".formatted(SHAPE),
                "Time against N, forward and backward, %s, dropout 0.1.".formatted(SHAPE),
                "Device memory against N, %s.".formatted(SHAPE),
                "Time of standard attention over time of flash attention, %s.".formatted(SHAPE),
                "Time of standard attention over time of flash attention, %s, causal.".formatted(SHAPE));
    }

    @Test
    void contentsLinkToHeadings() {
        Page page = ReportCommand.page("t", both("GPU", 1, 1024, 2048));
        assertThat(HtmlPage.of(page)).contains(
                "<a href=\"#the-papers-measurements-repeated\">The paper's measurements, repeated</a>",
                "<h2 id=\"the-papers-measurements-repeated\">");
        assertThat(MarkdownPage.of(page, "f").text()).contains(
                "- [The paper's measurements, repeated](#the-papers-measurements-repeated)\n",
                "\n## The paper's measurements, repeated\n");
    }

    /** A shorter report leaves no figure of a longer one behind, and nothing else is touched. */
    @Test
    void oldFiguresGo() throws IOException {
        Path figures = folder.resolve("r-figures");
        Path lines = Files.write(folder.resolve("r.jsonl"), both("GPU", 1, 1024, 2048).stream().map(Result::json).toList());
        Call.of("report", lines.toString(), "--out", folder.resolve("r.md").toString()).done();
        long before;
        try (var files = Files.list(figures)) {
            before = files.count();
        }
        Files.writeString(figures.resolve("mine.svg"), "<svg/>");
        Files.writeString(figures.resolve("figure-%d.svg".formatted(before + 1)), "<svg/>");
        Files.writeString(figures.resolve("figure-%d.svg".formatted(before + 2)), "<svg/>");
        Call.of("report", lines.toString(), "--out", folder.resolve("r.md").toString()).done();
        try (var files = Files.list(figures)) {
            assertThat(files.map(file -> file.getFileName().toString())).hasSize((int) before + 1).contains("mine.svg")
                    .doesNotContain("figure-%d.svg".formatted(before + 1), "figure-%d.svg".formatted(before + 2));
        }
    }
}
