package io.github.tornadoattention.bench.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.bench.Call;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.tornado.TrafficModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReportTest {
    @TempDir
    Path folder;

    /** A result whose time is {@code ms}, with a spread of a tenth. */
    static Result result(String backend, String algorithm, String direction, int batch, int heads, int n, double ms) {
        return new Result().with("backend", backend).with("driver", "opencl").with("device", "Some <GPU> & more")
                .with("algorithm", algorithm)
                .with("dtype", "fp32").with("direction", direction).with("batch", batch).with("heads", heads)
                .with("kv_heads", heads)
                .with("seq_q", n).with("seq_k", n).with("head_dim", 64).with("causal", false)
                .with("dropout", 0.0).with("density", 1.0)
                .with("median_ms", ms).with("p10_ms", 0.9 * ms).with("p90_ms", 1.1 * ms).with("tflops", 1e-9 * n * n / ms)
                .with("executed_tflops", 1e-9 * n * n / ms).with("bytes_model", 1000L * n)
                .with("peak_device_bytes", 100L * n).with("checked", true)
                .with("versions", Map.of("jdk", "25")).with("command", "scripts/bench paper --only a=b")
                .with("date", "2026-11-22");
    }

    private static List<Result> grid() {
        List<Result> results = new ArrayList<>();
        for (String direction : List.of("forward", "backward", "both")) {
            for (int n : new int[] {128, 512, 1024, 4096}) {
                results.add(result("tornado", "flash", direction, 16, 8, n, n * n / 1e4));
                results.add(result("tornado", "standard", direction, 16, 8, n, n * n / 1e3)
                        .with("peak_device_bytes", 20L * n * n));
            }
            results.add(result("tornado", "standard", direction, 16, 8, 65536, 1).with("checked", false).with("median_ms", null)
                    .with("error", "out-of-memory: standard attention needs 5 GiB"));
            results.add(result("tornado", "flash", direction, 16, 8, 65536, 4e5));
            results.add(result("tornado", "flash", direction, 64, 16, 1024, 7.3));
            results.add(result("tornado", "standard", direction, 64, 16, 1024, 41.7));
            results.add(result("pytorch", "memory-efficient", direction, 16, 8, 4096, 1500));
            for (double density : new double[] {0.125, 0.25, 0.5, 1}) {
                results.add(result("tornado", "block-sparse", direction, 16, 8, 4096, 1700 * density).with("density", density));
            }
        }
        for (int side : new int[] {16, 32, 64}) {
            results.add(result("tornado", "flash", "forward", 64, 16, 1024, 100.0 / side).with("block", List.of(side, side)));
        }
        results.add(ceiling("ceiling multiply-adds").with("tflops", 60.0));
        results.add(ceiling("ceiling tensor multiply-adds").with("tflops", 600.0));
        results.add(result("tornado", "flash", "both", 64, 16, 1024, 3).with("dtype", "fp16").with("units", "tensor")
                .with("ceiling_fraction", 0.27));
        results.add(result("pytorch", "math", "both", 64, 16, 1024, 30).with("dtype", "fp16"));
        results.add(result("tornado", "flash", "both", 64, 16, 1024, 1).with("units", "tensor"));
        results.add(ceiling("ceiling copy").with("gb_per_s", 3000.0));
        results.add(ceiling("ceiling local reads").with("gb_per_s", 30000.0));
        results.add(result("tornado", "linformer-256", "forward", 16, 8, 4096, 3).with("max_abs_error", 0.7));
        return results;
    }

    private static Result ceiling(String name) {
        return new Result().with("backend", "tornado").with("driver", "opencl").with("device", "Some <GPU> & more")
                .with("algorithm", name)
                .with("direction", "forward").with("checked", true).with("median_ms", 1.0);
    }

    private Path file(String name, List<Result> results) throws IOException {
        return Files.write(folder.resolve(name), results.stream().map(Result::json).toList());
    }

    @Test
    void onePageWithEverything() throws Exception {
        Path out = folder.resolve("report.html");
        Call call = Call.of("report", file("r.jsonl", grid()).toString(), "--out", out.toString()).done();
        String html = Files.readString(out);
        assertThat(call.out()).contains("wrote " + out);
        assertThat(html).contains("Figure 2, left: b64 h16 n1024 d64", "the paper: time, ms", "Figure 2, middle",
                "Figure 2, right", "out of memory", "Roofline",
                "Beside others", "Approximations", "Theorem 2", "Proposition 4", "What did not run", "scripts/bench paper",
                "Some &lt;GPU&gt; &amp; more");
        assertThat(html).contains("16-bit products on tensor cores 600.00 TFLOP/s", "27%");
        assertThat(html).doesNotContain("<script", "<link", "src=", "NaN", "Infinity", "Some <GPU>");
        assertThat(html.replaceAll("href=\"#[a-z0-9-]+\"", "")).doesNotContain("href=");
        // the pieces between figure tags are well-formed
        for (String svg : html.split("(?=<svg )|(?<=</svg>)")) {
            if (svg.startsWith("<svg")) {
                DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new java.io.ByteArrayInputStream(svg.getBytes(
                        java.nio.charset.StandardCharsets.UTF_8)));
            }
        }
    }

    @Test
    void markdownWithItsFigures() throws IOException {
        Path out = folder.resolve("report.md");
        Call.of("report", file("r.jsonl", grid()).toString(), "--out", out.toString(), "--title", "Ours").done();
        String text = Files.readString(out);
        assertThat(text).startsWith("# Ours\n").contains("| time, ms | 41.70 | 1.000 | 41.7 |", "](report-figures/figure-1.svg)");
        long figures = text.lines().filter(line -> line.startsWith("![")).count();
        try (var files = Files.list(folder.resolve("report-figures"))) {
            assertThat(files.count()).isEqualTo(figures).isGreaterThan(8);
        }
    }

    /** The paper's own numbers stand in the rows of its lengths, and memory grows as it was measured. */
    @Test
    void ourNumbersBesideThePapers() {
        Page page = ReportCommand.page("t", grid());
        List<String> row = page.pieces().stream().filter(Page.TableOf.class::isInstance)
                .map(piece -> ((Page.TableOf) piece).rows())
                .flatMap(List::stream).filter(cells -> cells.getFirst().equals("4K")).findFirst().orElseThrow();
        assertThat(row).startsWith("4K", "16777", "1678", "10.0").endsWith("50.44", "30.09", "1.7", "3.210", "17024", "836");
        assertThat(row.get(8)).isEqualTo("819.2");
    }

    /** The paper's times with dropout and key mask stand beside results with both, and beside no others. */
    @Test
    void timesWithOptionsStandBesideThePapersOfTheSame() {
        List<Result> results = grid();
        for (Double dropout : List.of(0.0, 0.1)) {
            for (int n : new int[] {2048, 4096}) {
                results.add(result("tornado", "flash", "both", 16, 8, n, n).with("dropout", dropout).with("key_mask", true));
                results.add(result("tornado", "flash", "both", 16, 8, n, 2 * n).with("dropout", 0.1));
                results.add(result("tornado", "standard", "both", 16, 8, n, 10 * n).with("dropout", dropout)
                        .with("key_mask", true));
            }
        }
        Page page = ReportCommand.page("t", results);
        assertThat(longest(page, "b16 h8 d64, dropout 0.1, key mask")).startsWith("4K", "40960", "4096", "10.0")
                .containsSequence("124.2", "37.49", "3.3");
        assertThat(longest(page, "b16 h8 d64, key mask")).startsWith("4K", "40960", "4096", "10.0")
                .endsWith("", "", "", "", "", "");
        assertThat(longest(page, "b16 h8 d64, dropout 0.1")).startsWith("4K", "", "8192").endsWith("", "", "", "", "", "");
        assertThat(page.pieces().toString())
                .contains("Time against N, forward and backward, batch 16, 8 heads, head dim 64, dropout 0.1, key mask.");
    }

    /** The row of 4096 keys in a shape's table by length. */
    private static List<String> longest(Page page, String shape) {
        return page.pieces().stream().filter(Page.TableOf.class::isInstance).map(piece -> ((Page.TableOf) piece).rows())
                .filter(rows -> rows.getFirst().getFirst().startsWith(shape + ", forward and backward")).flatMap(List::stream)
                .filter(cells -> cells.getFirst().equals("4K")).findFirst().orElseThrow();
    }

    private static List<String> row(Page page, String first) {
        return page.pieces().stream().filter(Page.TableOf.class::isInstance).map(piece -> ((Page.TableOf) piece).rows())
                .flatMap(List::stream).filter(cells -> cells.getFirst().equals(first)).findFirst().orElseThrow();
    }

    @Test
    void whatFloat32DoesOnTensorCoresIsToldApart() {
        Page page = ReportCommand.page("t", grid());
        // 1 ms on tensor cores is what runs by itself, not the 7.3 ms of multiply-adds
        assertThat(row(page, "time, ms")).containsExactly("time, ms", "41.70", "1.000", "41.7");
        assertThat(row(page, "time in fp16, ms: PyTorch's math path beside our flash")).endsWith("30.00", "3.000", "10.0");
        assertThat(page.pieces().toString()).contains("flash fp32 on tensor cores");
        Result fma = result("tornado", "flash", "both", 64, 16, 1024, 1).with("units", "fma");
        Result tensor = result("tornado", "flash", "both", 64, 16, 1024, 2).with("units", "tensor");
        assertThat(new Data(List.of(fma, tensor)).timed()).hasSize(2);
    }

    /** More curves than one figure holds: float32 and 16 bits apart, each figure with a title of its own. */
    @Test
    void manyCurvesAreToldApartByType() {
        List<Result> results = new ArrayList<>();
        for (int n : new int[] {128, 256, 512}) {
            for (int path = 0; path < 9; path++) {
                results.add(result("tornado", "path " + path, "forward", 16, 8, n, n));
            }
            results.add(result("tornado", "flash", "forward", 16, 8, n, n).with("dtype", "fp16"));
        }
        for (int n : new int[] {128, 256}) {
            results.add(result("tornado", "standard", "forward", 16, 8, n, n).with("dtype", "fp16"));
        }
        String html = HtmlPage.of(ReportCommand.page("t", results));
        String shape = "Time, forward: batch 16, 8 heads, head dim 64, ";
        assertThat(html).contains(shape + "float32 (1 of 2)", shape + "float32 (2 of 2)",
                        shape.replace("Time", "Rate") + "float16<")
                .doesNotContain(shape + "float16");
        results.removeIf(r -> r.text("algorithm").compareTo("path 1") > 0);
        assertThat(HtmlPage.of(ReportCommand.page("t", results))).contains("Time, forward: batch 16, 8 heads, head dim 64<");
    }

    /** Lines from before there was a model of the kernels on tensor cores have their traffic all the same. */
    @Test
    void trafficOnTensorCores() {
        Result standard = result("tornado", "standard", "both", 64, 16, 1024, 40).with("bytes_model", 60e9);
        Result flash = result("tornado", "flash", "both", 64, 16, 1024, 1).with("units", "tensor").with("bytes_model", null);
        Page page = ReportCommand.page("t", List.of(standard, flash));
        double bytes = TrafficModel.onTensorCores(AttentionSpec.builder(64, 16, 1024, 64).build()).bytesOnce("both");
        List<String> row = page.pieces().stream().filter(Page.TableOf.class::isInstance)
                .map(piece -> ((Page.TableOf) piece).rows())
                .flatMap(List::stream).filter(cells -> cells.getFirst().startsWith("device memory traffic at least"))
                .findFirst().orElseThrow();
        assertThat(row.getFirst()).contains("packing for tensor cores included");
        assertThat(row.getLast()).isEqualTo("%.1f".formatted(60e9 / bytes));
    }

    @Test
    void memoryBeyondInputsAndOutputs() {
        // q, k, v, out and their gradients, and lse
        double tensors = 8.0 * 16 * 8 * 4096 * 64 * 4 + 16 * 8 * 4096 * 4;
        Page page = ReportCommand.page("t", List.of(
                result("tornado", "flash", "both", 16, 8, 4096, 1).with("peak_device_bytes", tensors + 2 * 1048576),
                result("tornado", "standard", "both", 16, 8, 4096, 1).with("peak_device_bytes", tensors + 64.0 * 1048576)));
        assertThat(row(page, "b16 h8 n4096 d64")).containsExactly("b16 h8 n4096 d64", "64.00", "2.000", "32.0");
    }

    /** Exact attention beside an approximation is that without dropout, the way that runs by itself. */
    @Test
    void approximationsBesideExactAttention() {
        Result exact = result("tornado", "flash", "forward", 16, 8, 4096, 7);
        Page page = ReportCommand.page("t", List.of(result("tornado", "flash", "forward", 16, 8, 4096, 20).with("dropout", 0.1),
                result("tornado", "flash", "forward", 16, 8, 4096, 5).with("causal", true),
                result("tornado", "flash", "forward", 16, 8, 4096, 16).with("units", "fma"), exact.with("units", "tensor"),
                result("tornado", "linformer-256", "forward", 16, 8, 4096, 3).with("units", "tensor")
                .with("max_abs_error", 0.7)));
        assertThat(row(page, "linformer-256, b16 h8 n4096 d64").subList(2, 5)).containsExactly("3.000", "7.000", "0.70");
    }

    /** What computes something else is nobody's fastest attention; what is short counts apart. */
    @Test
    void othersAreComparedWithExactAttention() {
        List<Result> results = new ArrayList<>();
        for (int n : new int[] {128, 4096}) {
            results.add(result("tornado", "flash", "forward", 16, 8, n, n / 1024.0));
            results.add(result("tornado", "linformer-256", "forward", 16, 8, n, n / 8192.0));
            results.add(result("pytorch", "math", "forward", 16, 8, n, n == 128 ? 1 : 12)
                    .with("command", "bench/peers/torch_sdpa.py --dtype fp32 --path math --causal no 16,8,%d,64".formatted(n)));
        }
        Page page = ReportCommand.page("t", results);
        String who = "pytorch opencl math fp32, forward on Some <GPU> & more";
        assertThat(row(page, who)).containsExactly(who, "2", "4.90", "3.00", "8.00", "1", "3.00");
        assertThat(Data.commands(results)).containsExactly("TORNADOVM_HOME=<OpenCL SDK> scripts/bench paper",
                "bench/peers/torch_sdpa.py --dtype fp32 --path math --causal no 16,8,128,64 16,8,4096,64");
    }

    /** One command with two SDKs is two commands, and the CPU's needs none. */
    @Test
    void commandsNameTheirSdk() {
        Result line = result("tornado", "flash", "forward", 1, 1, 64, 1);
        List<Result> results = new ArrayList<>(List.of(line));
        for (String driver : List.of("cuda", "ptx", "cuda")) {
            results.add(Result.parse(line.json()).with("driver", driver));
        }
        results.add(result("cpu", "flash", "forward", 1, 1, 64, 1).with("driver", null).with("command", "scripts/bench device"));
        results.add(Result.parse(line.json()).with("command", null));
        assertThat(Data.commands(results)).containsExactly("TORNADOVM_HOME=<OpenCL SDK> scripts/bench paper",
                "TORNADOVM_HOME=<CUDA SDK> scripts/bench paper", "TORNADOVM_HOME=<PTX SDK> scripts/bench paper",
                "scripts/bench device");
    }

    @Test
    void linesWithoutUnitsAreComparedWithNewOnes() throws IOException {
        Path a = file("a.jsonl", List.of(result("tornado", "flash", "forward", 1, 1, 64, 1)));
        Path b = file("b.jsonl", List.of(result("tornado", "flash", "forward", 1, 1, 64, 2).with("units", "fma")));
        Path c = file("c.jsonl", List.of(result("tornado", "flash", "forward", 1, 1, 64, 2).with("units", "tensor")));
        assertThat(Call.of("compare", a.toString(), b.toString()).done().out()).contains("1 in both");
        assertThat(Call.of("compare", b.toString(), c.toString()).exitCode()).isEqualTo(2);
    }

    @Test
    void aReportOfAlmostNothing() {
        Page page = ReportCommand.page("t", List.of(result("cpu", "flash", "forward", 1, 1, 64, 1)));
        assertThat(HtmlPage.of(page)).contains("Measured on", "The IO model").doesNotContain("Roofline", "Beside others");
    }

    @Test
    void theLastGoodResultCounts() {
        Result failed = result("cpu", "flash", "forward", 1, 1, 64, 1).with("error", "x").with("checked", false);
        Data data = new Data(List.of(result("cpu", "flash", "forward", 1, 1, 64, 1),
                result("cpu", "flash", "forward", 1, 1, 64, 2), failed));
        assertThat(data.timed()).hasSize(1).allMatch(r -> r.number("median_ms") == 2);
    }

    @ParameterizedTest
    @CsvSource({"10, 10.5, ''", "10, 13, slower", "10, 8, faster", "10, 12.2, ''", "10, 12.3, slower"})
    void changesBeyondTheSpread(double before, double after, String verdict) {
        assertThat(CompareCommand.verdict(result("cpu", "flash", "forward", 1, 1, 64, before),
                result("cpu", "flash", "forward", 1, 1, 64, after)))
                .isEqualTo(verdict);
    }

    /** However long names are, numbers stand below their heads. */
    @Test
    void columnsOfCompareFollowTheLongestName() throws IOException {
        List<Result> results = List.of(result("cpu", "flash", "forward", 1, 1, 64, 1),
                result("cpu", "block-sparse", "backward", 1024, 128, 65536, 1).with("causal", true).with("dropout", 0.1)
                        .with("key_mask", true).with("density", 0.125).with("threads", 16));
        Path a = file("a.jsonl", results);
        List<String> lines = Call.of("compare", a.toString(), a.toString()).done().out().lines().toList();
        int end = lines.getFirst().length();
        assertThat(end).isGreaterThan(66 + 35);
        assertThat(lines.subList(1, 3)).allSatisfy(line -> assertThat(line).hasSize(end).endsWith(" 1.00"));
    }

    @Test
    void twoFilesSideBySide() throws IOException {
        Path a = file("a.jsonl", List.of(result("cpu", "flash", "forward", 1, 1, 64, 1),
                result("cpu", "flash", "forward", 1, 1, 128, 1),
                result("cpu", "flash", "forward", 1, 1, 256, 1)));
        Path b = file("b.jsonl", List.of(result("cpu", "flash", "forward", 1, 1, 64, 2),
                result("cpu", "flash", "forward", 1, 1, 128, 1.05),
                result("cpu", "flash", "forward", 1, 1, 512, 1)));
        Call call = Call.of("compare", a.toString(), b.toString()).done();
        assertThat(call.out()).contains("2 in both: 0 faster and 1 slower beyond the spread, 1 within; 1 only in A, 1 only in B");
        assertThat(Call.of("compare", "--strict", a.toString(), b.toString()).exitCode()).isEqualTo(1);
        assertThat(Call.of("compare", "--strict", b.toString(), a.toString()).exitCode()).isZero();
    }

    @Test
    void machinesAreComparedByWhatTheyDid() throws IOException {
        Path a = file("a.jsonl", List.of(result("cpu", "flash", "forward", 1, 1, 64, 1)));
        Path b = file("b.jsonl", List.of(result("cpu", "flash", "forward", 1, 1, 64, 2).with("device", "another")));
        assertThat(Call.of("compare", a.toString(), b.toString()).done().out()).contains("1 in both: 0 faster and 1 slower");
    }

    /** One thread with one thread, all with all, whatever number that is. */
    @Test
    void machinesOfDifferentSize() throws IOException {
        Path a = file("a.jsonl", List.of(result("cpu", "flash", "forward", 1, 1, 64, 4).with("threads", 1),
                result("cpu", "flash", "forward", 1, 1, 64, 2).with("threads", 2)));
        Path b = file("b.jsonl", List.of(result("cpu", "flash", "forward", 1, 1, 64, 4).with("threads", 1)
                .with("device", "another"),
                result("cpu", "flash", "forward", 1, 1, 64, 1).with("threads", 16).with("device", "another")));
        assertThat(Call.of("compare", a.toString(), b.toString()).done().out())
                .contains("A: cpu opencl, Some <GPU> & more", "B: cpu opencl, another",
                        "2 in both: 1 faster and 0 slower beyond the spread, 1 within");
    }

    @Test
    void driversAreComparedByWhatRunsByItself() throws IOException {
        Path a = file("a.jsonl", List.of(result("tornado", "flash", "forward", 1, 1, 64, 4).with("units", "fma"),
                result("tornado", "flash", "forward", 1, 1, 64, 9).with("units", "fma").with("dropout", 0.1)));
        Path b = file("b.jsonl", List.of(result("tornado", "flash", "forward", 1, 1, 64, 1).with("units", "tensor")
                .with("driver", "cuda"),
                result("tornado", "flash", "forward", 1, 1, 64, 3).with("units", "fma").with("driver", "cuda"),
                result("tornado", "flash", "forward", 1, 1, 64, 9).with("units", "fma").with("dropout", 0.1)
                .with("driver", "cuda")));
        String out = Call.of("compare", a.toString(), b.toString()).done().out();
        assertThat(out).contains("faster  tensor cores in B", " dropout 0.1 ",
                "2 in both: 1 faster and 0 slower beyond the spread, 1 within")
                .contains("A: tornado opencl, ", "B: tornado cuda, ");
    }

    @Test
    void nothingInCommon() throws IOException {
        Path a = file("a.jsonl", List.of(result("cpu", "flash", "forward", 1, 1, 64, 1)));
        Path b = file("b.jsonl", List.of(result("cpu", "flash", "forward", 1, 1, 65, 2)));
        Call call = Call.of("compare", a.toString(), b.toString());
        assertThat(call.exitCode()).isEqualTo(2);
        assertThat(call.err().lines()).hasSize(1).first().asString().contains("no measurement in common");
        assertThat(call.out()).isEmpty();
    }

    @Test
    void badFiles() throws IOException {
        Path good = file("good.jsonl", grid());
        String none = folder.resolve("none.jsonl").toString();
        String foreign = Files.writeString(folder.resolve("foreign.json"), "{\"a\": 1}\n").toString();
        Call.of("report", none, "--out", folder.resolve("r.html").toString()).refused(2, "none.jsonl: no such file");
        Call.of("report", folder.toString(), "--out", folder.resolve("r.html").toString()).refused(2, "is no file");
        Call.of("report", good.toString(), "--out", folder.resolve("r.pdf").toString()).refused(2, "must end with .html or .md");
        Call.of("report", good.toString(), "--out", folder.resolve("no/r.html").toString()).refused(2, "is missing");
        Call.of("report", good.toString(), "--out", folder.resolve("no/r.md").toString()).refused(2, "is missing");
        assertThat(folder.resolve("no")).doesNotExist();
        Call.of("report", good.toString(), "--out", Files.createDirectory(folder.resolve("r.md")).toString())
                .refused(2, "is a folder");
        assertThat(folder.resolve("r-figures")).doesNotExist();
        Call.of("report", good.toString()).refused(2, "--out");
        Call.of("report", "--out", "r.html").refused(2, "FILE.jsonl");
        Call.of("compare", good.toString(), none).refused(2, "no such file");
        Call.of("compare", good.toString()).refused(2, "B.jsonl");
        Call call = Call.of("report", foreign, "--out", folder.resolve("r.html").toString());
        assertThat(call.exitCode()).isEqualTo(2);
        assertThat(call.err().lines()).singleElement().asString().contains("foreign.json holds no result of scripts/bench");
        assertThat(folder.resolve("r.html")).doesNotExist();
    }
}
