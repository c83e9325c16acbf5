package io.github.tornadoattention.bench.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.bench.Result;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What figures and tables show, and what they leave out. */
class FiguresTest {
    private static Result result(String algorithm, String direction, int n, double ms) {
        return ReportTest.result("tornado", algorithm, direction, 16, 8, n, ms);
    }

    private static List<Page.Figure> figures(List<Result> results, String title) {
        return ReportCommand.page("t", results).pieces().stream().filter(Page.Figure.class::isInstance)
                .map(Page.Figure.class::cast)
                .filter(figure -> figure.svg().contains("<title>" + title)).toList();
    }

    private static List<List<String>> rows(List<Result> results) {
        return ReportCommand.page("t", results).pieces().stream().filter(Page.TableOf.class::isInstance)
                .flatMap(piece -> ((Page.TableOf) piece).rows().stream()).toList();
    }

    /** What a profiler counted stands beside the model and Figure 2's times, and is no measurement of time itself. */
    @Test
    void profilerStandsBesideTheModel() {
        List<Result> results = new ArrayList<>(List.of(result("standard", "both", 1024, 40), result("flash", "both", 1024, 8)));
        assertThat(rows(results)).noneMatch(row -> row.getFirst().contains("Nsight"));
        List<Result> plain = List.copyOf(results);
        results.add(profiled("flash", 2e9, 9e9));
        assertThat(rows(results)).noneMatch(row -> row.getFirst().contains("Nsight"));
        results.add(profiled("standard", 5e9, 1e9));
        results.add(profiled("standard", 18e9, 45e9)); // the later one counts
        assertThat(rows(results)).contains(List.of("device memory traffic counted by Nsight Compute, GB",
                "18.00", "2.000", "9.0"),
                List.of("traffic of multiprocessors and L2 counted by Nsight Compute, GB", "45.00", "9.000", "5.0"));
        String name = "opencl flash fp32 b16 h8 n1024 d64, Some <GPU> & more";
        assertThat(rows(results)).filteredOn(row -> row.getFirst().equals(name)).singleElement().satisfies(row -> {
            assertThat(row).hasSize(7).startsWith(name, "both", "1.600", "2.000", "1.25").endsWith("9.000");
            assertThat(Double.parseDouble(row.get(5))).isPositive();
        });
        assertThat(rows(results)).containsAll(rows(plain).stream()
                .filter(row -> !row.getFirst().equals("device memory traffic")).toList());
        // of another device: no row of Figure 2
        results.replaceAll(r -> r.profiled() ? r.with("device", "other") : r);
        assertThat(rows(results)).noneMatch(row -> row.getFirst().contains("Nsight"));
    }

    private static Result profiled(String algorithm, double dram, double l2) {
        return result(algorithm, "both", 1024, 1).with("median_ms", null).with("checked", null).with("bytes_model", 1.6e9)
                .with("dram_bytes", dram).with("l2_bytes", l2).with("command", "scripts/bench profile --shape 16,8,1024,64");
    }

    /** 64x32 and 32x64 have as many scores, and nothing joins them. */
    @Test
    void tilesArePointsWithTheirSides() {
        List<Result> results = new ArrayList<>();
        for (List<Integer> sides : List.of(List.of(32, 32), List.of(64, 32), List.of(32, 64), List.of(64, 64))) {
            results.add(result("flash", "forward", 1024, sides.getFirst()).with("block", sides));
        }
        assertThat(figures(results, "Time against tile size, forward: b16 h8 n1024 d64")).singleElement()
                .extracting(Page.Figure::svg).asString()
                .contains(">64x32<", ">32x64<", ">64x64<", "tornado opencl, Some &lt;GPU&gt; &amp; more")
                .doesNotContain("<polyline");
        // a line of another tool's making: a tile with one side
        results.forEach(r -> r.with("block", List.of(32)));
        assertThat(figures(results, "Time against N")).isEmpty();
    }

    @Test
    void densitySaysWhereAndHowFarFromProportion() {
        List<Result> results = new ArrayList<>();
        for (double density : new double[] {0.25, 0.5, 1}) {
            results.add(result("block-sparse", "both", 4096, 10 + 90 * density).with("density", density));
            results.add(result("block-sparse", "both", 4096, 50 * density).with("density", density).with("causal", true));
        }
        assertThat(figures(results, "Time against density")).hasSize(2).first().satisfies(figure -> {
            assertThat(figure.svg()).contains("b16 h8 n4096 d64<", "tornado opencl, Some &lt;GPU&gt; &amp; more");
            assertThat(figure.caption()).contains("At a share of 0.25 it takes 1.30 times what the time at 1 would be");
        });
        assertThat(figures(results, "Time against density, forward and backward: b16 h8 n4096 d64, causal")).hasSize(1);
    }

    @Test
    void oneCurveOfTwoPointsIsNoFigure() {
        List<Result> results = new ArrayList<>(List.of(result("flash", "both", 128, 1), result("flash", "both", 256, 2)));
        assertThat(figures(results, "Time, ")).isEmpty();
        assertThat(figures(results, "Memory")).isEmpty();
        results.add(result("flash", "both", 512, 3));
        assertThat(figures(results, "Time, forward and backward")).hasSize(1);
        assertThat(figures(results, "Memory, forward and backward")).hasSize(1);
    }

    /** Two drivers need different memory: their points are two curves. */
    @Test
    void memoryIsOfOneDriverEach() {
        List<Result> results = new ArrayList<>();
        for (int n : new int[] {128, 256, 512}) {
            results.add(result("flash", "both", n, n));
            results.add(result("flash", "both", n, n).with("driver", "cuda").with("peak_device_bytes", 900L * n));
        }
        assertThat(figures(results, "Memory")).singleElement().extracting(Page.Figure::svg).asString()
                .contains(">tornado opencl flash<", ">tornado cuda flash<");
    }

    /** What runs on tensor cores by itself has a speed-up of its own, and PyTorch's standard stands beside ours. */
    @Test
    void speedUpOfEachKernel() {
        List<Result> results = new ArrayList<>();
        for (int n : new int[] {512, 1024}) {
            results.add(result("standard", "both", n, 100.0));
            results.add(result("flash", "both", n, 10.0));
            results.add(result("flash", "both", n, 5.0).with("units", "tensor"));
            results.add(ReportTest.result("pytorch", "math", "both", 16, 8, n, 8.0).with("driver", "cuda"));
        }
        results.add(result("flash", "both", 4096, 99.0).with("units", "tensor"));
        assertThat(figures(results, "Standard over flash")).singleElement().extracting(Page.Figure::svg).asString()
                .contains("<title>tornado opencl, 512: 10<",
                "<title>tornado opencl on tensor cores, 1K: 20<", "<title>PyTorch&#39;s math path over tornado opencl, 512: 0.8<"
                .replace("&#39;", "'"),
                "<title>PyTorch's math path over tornado opencl on tensor cores, 512: 1.6<").doesNotContain("4K: ");
    }

    /** Sparse and approximate attention is shown beside flash attention, where all would be too much for one figure. */
    @Test
    void sparseAndApproximateOnesHaveTheirOwnFigure() {
        List<Result> results = new ArrayList<>();
        for (int n : new int[] {512, 1024, 2048}) {
            for (String algorithm : List.of("flash", "standard", "butterfly", "local window", "linformer-256", "linformer-n/8")) {
                results.add(result(algorithm, "forward", n, n).with("tflops", algorithm.startsWith("linformer") ? null : 1.0));
                results.add(result(algorithm, "forward", n, n).with("driver", "cuda")
                        .with("tflops", algorithm.startsWith("linformer") ? null : 1.0));
            }
        }
        assertThat(figures(results, "Time, forward: batch 16, 8 heads, head dim 64, float32<")).singleElement()
                .extracting(Page.Figure::svg).asString()
                .contains("cuda standard", "opencl flash").doesNotContain("butterfly");
        assertThat(figures(results, "Rate, forward: batch 16, 8 heads, head dim 64, float32, sparse or approximate"))
                .isNotEmpty().allSatisfy(
                figure -> assertThat(figure.svg()).doesNotContain("standard", "linformer"));
    }

    @Test
    void whatDidNotRunStandsOnce() {
        List<Result> results = new ArrayList<>(List.of(result("flash", "forward", 64, 1)));
        for (String direction : List.of("forward", "backward", "both")) {
            Result failed = result("standard", direction, 4096, 1).with("checked", false)
                    .with("error", "out-of-memory: standard attention needs a matrix of 2147483648 elements, 2^31 or more; use "
                            + "flash");
            results.add(failed);
            results.add(Result.parse(failed.json()).with("dropout", 0.1)
                    .with("error", "out-of-memory: CUDA out of memory. Tried 16.00 GiB. GPU 0 has a total of 1"));
        }
        assertThat(rows(results)).contains(List.of("standard fp32 b16 h8 n4096 d64: forward, backward, both",
                "tornado opencl, Some <GPU> & more",
                        "standard attention needs a matrix of 2147483648 elements, 2^31 or more; use flash"),
                List.of("standard fp32 b16 h8 n4096 d64 dropout 0.1: forward, backward, both",
                        "tornado opencl, Some <GPU> & more",
                        "out-of-memory: CUDA out of memory. Tried 16.00 GiB."));
    }

    @Test
    void othersInShort() {
        List<Result> results = new ArrayList<>();
        for (int n : new int[] {512, 1024}) {
            results.add(result("flash", "both", n, 10));
            results.add(ReportTest.result("pytorch", "math", "both", 16, 8, n, n == 512 ? 5 : 80).with("driver", "cuda"));
        }
        assertThat(rows(results)).contains(List.of("pytorch cuda math fp32, both on Some <GPU> & more",
                "2", "2.00", "0.50", "8.00", "2", "2.00"));
    }

    @Test
    void callsBesideTheirKernels() {
        List<Result> results = new ArrayList<>();
        for (int n : new int[] {128, 512, 1024, 4096}) {
            results.add(result("flash", "forward", n, 2).with("jit_ms", 1000 + n).with("wall_median_ms", n == 4096 ? 1.5 : 2.25)
                    .with("wall_p10_ms", 2.0).with("wall_p90_ms", 2.5).with("bytes_model", 1e8).with("units", "fma"));
        }
        results.add(new Result().with("backend", "tornado").with("driver", "opencl").with("device", "Some <GPU> & more")
                .with("algorithm", "ceiling copy").with("direction", "forward").with("gb_per_s", 200.0));
        results.add(new Result().with("backend", "tornado").with("driver", "opencl").with("device", "Some <GPU> & more")
                .with("algorithm", "ceiling local reads").with("direction", "forward").with("gb_per_s", 1000.0));
        // local memory by hand, tiles of 64 x 48 and 8 x 8 work-items: 768 visits of 120320 floats, 256 tiles of 8704 besides
        assertThat(rows(results)).contains(List.of("b16 h8 n128 d64", "flash fp32, forward", "2.000",
                "2.250 (2.000..2.500)", "0.250",
                "1128", "50.0", "25.0%", "18.9%"));
        assertThat(figures(results, "Wall time beyond the kernels")).singleElement().satisfies(figure -> {
            assertThat(figure.svg()).contains("<title>forward, 2: 0.25<");
            assertThat(figure.caption()).contains("differences 0.250 ms", "12.5%", "1 of 4 calls");
        });
        // lines from before calls were timed
        results.forEach(r -> r.with("wall_median_ms", null));
        assertThat(rows(results)).contains(List.of("b16 h8 n128 d64", "flash fp32, forward", "2.000", "", "",
                "1128", "50.0", "25.0%", "18.9%"));
        assertThat(figures(results, "Wall time beyond the kernels")).isEmpty();
    }

    /** By hand: 200 keys a block in float16 with 100 KiB, so 21 blocks of 4096. */
    @Test
    void thePapersAlgorithmsGainWithThePapersMemory() {
        double flash = 2 * (2 * 4096 * 64 + 21 * (3 * 4096 * 64 + 4.0 * 4096));
        assertThat(TrafficSection.Pass.FORWARD.flashIn(4096, 100 * 1024, 2)).isEqualTo(flash);
        double standard = 2 * (4 * 4096.0 * 4096 + 4 * 4096 * 64);
        assertThat(TrafficSection.Pass.FORWARD.standard(4096, 2)).isEqualTo(standard);
        // algorithm 4: K, V, dK, dV once; Q, O, dO, dQ there and back, l and m for each block. Algorithm 3 in its five steps
        double flashBack = 2 * (4 * 4096 * 64 + 21 * (5 * 4096 * 64 + 2.0 * 4096));
        assertThat(TrafficSection.Pass.BACKWARD.flashIn(4096, 100 * 1024, 2)).isEqualTo(flashBack);
        double square = 4096.0 * 4096;
        double tensor = 4096 * 64;
        double standardBack = 2 * (square + 2 * tensor + square + 2 * tensor + 3 * square + 2 * (square + 2 * tensor));
        assertThat(TrafficSection.Pass.BACKWARD.standard(4096, 2)).isEqualTo(standardBack);
        List<Page.Figure> figures = figures(List.of(result("flash", "forward", 64, 1)), "Bytes against N");
        assertThat(figures).extracting(Page.Figure::caption).satisfiesExactly(
                forward -> assertThat(forward).contains("moves %.1f times".formatted(standard / flash), "48 KiB", "writes O for"),
                backward -> assertThat(backward)
                        .contains("moves %.1f times".formatted(standardBack / flashBack), "writes dQ for"));
    }

    @Test
    void numbersStandToTheRight() {
        List<List<String>> rows = List.of(List.of("a", "b", "c", "d"), List.of("1", "12.5*", "cpu 1", "3 (2..4)"),
                List.of("2", "", "2026-11-23", "4.5%"));
        assertThat(List.of(Page.isNumeric(rows, 0), Page.isNumeric(rows, 1), Page.isNumeric(rows, 2), Page.isNumeric(rows, 3)))
                .containsExactly(false, true, false, true);
    }

    /** Every axis has three labels at least, and few enough to be read. */
    @ParameterizedTest
    @CsvSource({"100, 240", "1, 1.5", "0.005, 0.011", "1, 9", "0.1, 700", "1, 1e9", "150, 205", "13, 2100", "0.55, 70"})
    void logarithmicAxesAreLabelled(double low, double high) {
        assertThat(Axis.of(List.of(low, high), true, 0, 400).ticks()).hasSizeBetween(3, 10);
        assertThat(Axis.of(List.of(low, high), false, 0, 400).ticks()).hasSizeBetween(3, 7);
    }

    /** A label moves to where it does not run into the next point, or over the edge. */
    @Test
    void labelsOfPointsKeepApart() {
        double[] x = {1000, 3000, 3800};
        double[] y = {5, 5, 5};
        String svg = new Plot("t", "x", false, "y", false).labelled("s", x, y, y, y, List.of("a", "b", "c")).svg();
        assertThat(svg).containsPattern("\"start\" font-size=\"11\">a<").containsPattern("\"middle\" font-size=\"11\">c<");
        double[] near = {1000, 2000, 2100};
        double[] high = {9, 9, 9};
        svg = new Plot("t", "x", false, "y", false).labelled("s", near, y, y, high, List.of("a", "b", "c")).svg();
        assertThat(heightOf(svg, "b")).isLessThan(heightOf(svg, "a") - 100); // above its spread
    }

    private static double heightOf(String svg, String label) {
        Matcher text = Pattern.compile("y=\"([0-9.]+)\" text-anchor=\"start\" font-size=\"11\">" + label + "<").matcher(svg);
        assertThat(text.find()).as(label).isTrue();
        return Double.parseDouble(text.group(1));
    }

    /** Labels of an axis do not run into one another. */
    @Test
    void labelsKeepApart() {
        double[] x = {0.03125, 0.0625, 0.125, 0.5, 1};
        String svg = new Plot("t", "x", false, "y", false).line("s", x, DoubleStream.of(x).map(v -> 2 * v).toArray()).svg();
        assertThat(svg).contains(">0.03125<", ">0.5<", ">1<").doesNotContain(">0.0625<");
    }
}
