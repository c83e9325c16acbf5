package io.github.tornadoattention.bench.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.tuple;

import io.github.tornadoattention.bench.Call;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.BlockMasks;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.simulator.DeviceLimits;
import io.github.tornadoattention.simulator.SimulatedDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceBenchTest {
    @TempDir
    Path folder;

    private Path file() {
        return folder.resolve("r.jsonl");
    }

    private Call measure(String... more) {
        String[] words = {"device", "--backend", "simulator", "--shape", "1,2,20,8 1,1,33,8", "--seconds", "0",
                "--out", file().toString()};
        return Call.of(java.util.stream.Stream.concat(java.util.Arrays.stream(words), java.util.Arrays.stream(more))
                .toArray(String[]::new));
    }

    @Test
    void aLineForEachDirection() {
        measure("--causal", "--runs", "4").done();
        List<Result> results = ResultsFile.readQuietly(file());
        assertThat(results).hasSize(6).allMatch(Result::timed);
        assertThat(results).extracting(r -> r.get("direction")).containsExactly("forward", "backward", "both",
                "forward", "backward", "both");
        Result both = results.get(2);
        // 2 heads, 20 * 21 / 2 visible pairs
        assertThat(both.number("tflops") * both.number("median_ms") * 1e9)
                .isCloseTo(3.5 * 4 * 8 * 2 * 210, org.assertj.core.data.Offset.offset(1.0));
        assertThat(both.number("peak_device_bytes")).isEqualTo(4.0 * (8 * 2 * 20 * 8 + 2 * 20 + 2 * 20));
        assertThat(both.number("bytes_model")).isPositive();
        assertThat(both.get("runs")).isEqualTo(4);
        assertThat(both.text("backend")).isEqualTo("simulator");
        assertThat(both.get("versions")).isInstanceOf(java.util.Map.class);
    }

    /** The whole of a call beside its kernels, with its spread. */
    @Test
    void callsAreTimedBesideKernels() {
        measure("--only", "seq_q=33", "--runs", "3").done();
        measure("--only", "seq_q=20", "--runs", "3", "--no-wall").done();
        List<Result> results = ResultsFile.readQuietly(file());
        assertThat(results).hasSize(6).allMatch(Result::timed);
        assertThat(results.subList(0, 3)).allSatisfy(r -> assertThat(r.number("wall_p10_ms")).isPositive()
                .isLessThanOrEqualTo(r.number("wall_median_ms")).isLessThanOrEqualTo(r.number("wall_p90_ms")));
        assertThat(results.subList(3, 6)).allSatisfy(r -> assertThat(r.get("wall_median_ms")).isNull());
    }

    /** A product of float32 on tensor cores is three of float16. */
    @Test
    void productsOnTensorCoresAreCounted() {
        System.setProperty("attention.fp32", "tensor");
        try {
            Call.of("device", "--backend", "simulator", "--shape", "1,1,32,16", "--only",
                    "direction=forward", "--runs", "2", "--out",
                    file().toString()).done();
        } finally {
            System.clearProperty("attention.fp32");
        }
        Result split = ResultsFile.readQuietly(file()).getFirst();
        assertThat(split.splitsFloats()).isTrue();
        assertThat(split.timed()).isTrue();
        assertThat(split.number("executed_tflops")).isCloseTo(3 * split.number("tflops"), within(1e-9));
    }

    @Test
    void anInterruptedRunGoesOn() throws IOException {
        measure("--only", "seq_q=20,direction=forward").done();
        assertThat(ResultsFile.readQuietly(file())).hasSize(1);
        measure().done();
        assertThat(ResultsFile.readQuietly(file())).hasSize(6);
        String before = Files.readString(file());
        Call third = measure().done();
        assertThat(third.out()).contains("the file has it all");
        assertThat(Files.readString(file())).isEqualTo(before);
    }

    /** Forward and backward together take both passes, whatever else is asked for. */
    @Test
    void bothIsForwardAndBackward() {
        measure("--only", "seq_q=20,direction=forward|both", "--runs", "2").done();
        List<Result> results = ResultsFile.readQuietly(file());
        Result forward = results.stream().filter(r -> r.is("direction", "forward")).findFirst().orElseThrow();
        Result both = results.stream().filter(r -> r.is("direction", "both")).findFirst().orElseThrow();
        assertThat(both.number("median_ms")).isGreaterThan(forward.number("median_ms"));
        assertThat(both.get("kernels")).asString().contains("FlashForward", "FlashBackwardKeys");
    }

    /** What cannot run ends with 4, what is asked for all the same is measured. */
    @Test
    void whatTheDeviceCannotRunIsAnError() {
        DeviceLimits before = SimulatedDevice.INSTANCE.limits(SimulatedDevice.INSTANCE.limits().withLocalBytes(64));
        try {
            assertThat(measure().exitCode()).isEqualTo(4);
        } finally {
            SimulatedDevice.INSTANCE.limits(before);
        }
        assertThat(ResultsFile.readQuietly(file())).hasSize(6)
                .allSatisfy(r -> assertThat(r.text("error")).contains("no tile for head dim 8"));
    }

    @Test
    void commandsOfResultsSelectThem() {
        Call call = Call.of("paper", "--quick", "--backend", "simulator", "--list", "--only", "algorithm=local window,seq_q=128");
        assertThat(call.done().out()).startsWith("simulator local window b1 h1 n128 d16 density 0.");
    }

    @Test
    void listMeasuresNothing() {
        Call call = Call.of("paper", "--quick", "--backend", "simulator", "--list").done();
        assertThat(call.out()).contains("flash b1 h1 n128 d16: forward, backward, both",
                "block-sparse b1 h1 n256 d16", "butterfly");
    }

    @Test
    void whatDoesNotFitIsAResult() {
        DeviceLimits before = SimulatedDevice.INSTANCE.limits(SimulatedDevice.INSTANCE.limits().withGlobalBytes(1 << 16));
        try {
            measure("--algorithm", "standard", "--shape", "1,4,64,32");
        } finally {
            SimulatedDevice.INSTANCE.limits(before);
        }
        List<Result> results = ResultsFile.readQuietly(file()).stream().filter(r -> r.number("seq_q") == 64).toList();
        assertThat(results).hasSize(3).noneMatch(Result::timed);
        assertThat(results).allMatch(r -> r.text("error").startsWith("out-of-memory: standard attention of q 1x4x64x32"));
    }

    @Test
    void arraysThatNoDeviceCanIndexAreAResult() {
        measure("--algorithm", "standard", "--shape", "1,1,65536,1").done();
        assertThat(ResultsFile.readQuietly(file())).filteredOn(r -> r.number("seq_q") == 65536).hasSize(3)
                .allMatch(r -> r.text("error").startsWith(
                        "out-of-memory: standard attention needs a matrix of 4294967296 elements"));
    }

    @Test
    void whatDoesNotFitTheHeapIsAResult() {
        Call.of("device", "--backend", "cpu", "--shape", "1,1,1000000,1", "--algorithm", "standard", "--out", file().toString())
                .done();
        assertThat(ResultsFile.readQuietly(file())).hasSize(3)
                .allSatisfy(r -> assertThat(r.text("error")).startsWith("out-of-memory: the standard algorithm needs"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "device --backend nothing | 3 | no backend 'nothing'",
        "device --backend reference | 3 | it is not measured",
        "device --backend tornado:7:7 | 3 | tornado:7:7",
        "device --shape 1,2,3 | 2 | --shape '1,2,3' must be four whole numbers",
        "device --shape 1,1,9999999999,64 | 2 | --shape '1,1,9999999999,64' must be four whole numbers below 2^31",
        "device --shape 1,2,3,x | 2 | --shape '1,2,3,x' must be four whole numbers",
        "device --shape 1,2,3,300 | 2 | headDim is 300",
        "device --shape 1,2,3,8 --algorithm fast | 2 | --algorithm fast",
        "device --shape 1,2,3,8 --dtype fp8 | 2 | fp8",
        "device --causal --dtype fp16 | 2 | --causal --dtype fp16 needs --shape",
        "device --only speed=1 | 2 | --only speed: known are backend",
        "device --only | 2 | --only",
        "device --seconds -1 | 2 | --seconds is -1.0",
        "device --runs 0 | 2 | --runs is 0",
        "device --minutes 0 | 2 | --minutes is 0.0",
        "device --lock some.lock | 2 | --lock some.lock needs --out",
        "paper --lock no/such/folder/x.lock --out target/never.jsonl | 2 | --lock no/such/folder/x.lock cannot be written",
        "device --out no/such/folder/r.jsonl | 2 | cannot be written",
        "paper --backend nothing | 3 | no backend 'nothing'",
        "cpu --lock some.lock --out target/never.jsonl | 2 | '--lock'",
        "measure | 2 | measure",
    })
    void badInputIsOneLine(String words, int code, String reason) {
        Call.of(words.split(" ")).refused(code, reason);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--version", "device --version"})
    void version(String words) {
        assertThat(Call.of(words.split(" ")).done().out()).startsWith("tornado-attention ");
    }

    @Test
    void nothingToMeasureIsWrongUsage() {
        Call call = Call.of("device", "--backend", "simulator", "--only", "algorithm=none");
        assertThat(call.exitCode()).isEqualTo(2);
        assertThat(call.err().lines()).hasSize(1).first().asString().contains("--only asks for");
        assertThat(call.out()).isEmpty();
        Call.of("device", "--backend", "simulator", "--only", "algorithm=none", "--list").refused(2, "--only asks for");
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void checkAcceptsWhatIsRightAndRefusesOneWrongRow(DType dtype) {
        check(AttentionSpec.builder(1, 2, 12, 16).kvHeads(1).seqK(9).causal().dtype(dtype).build());
    }

    @Test
    void checkKnowsDropout() {
        check(AttentionSpec.builder(2, 2, 12, 16).seqK(9).dropout(0.3).build());
    }

    private static void check(AttentionSpec spec) {
        RandomTensors in = RandomTensors.of(spec);
        try (Attention attention = Attention.on(Backend.of("reference"), spec)) {
            Forward f = attention.forward(in.q(), in.k(), in.v());
            Gradients g = attention.backward(in.dOut(), f);
            assertThat(new SampledCheck(spec, in).forward(f).accepted()).isTrue();
            assertThat(new SampledCheck(spec, in).backward(f, g).accepted()).isTrue();
            // the last row is always looked at
            Forward wrong = new Forward(f.q(), f.k(), f.v(), spoiled(f.out()), f.lse(), f.report());
            assertThat(new SampledCheck(spec, in).forward(wrong).accepted()).isFalse();
            assertThat(new SampledCheck(spec, in).out(f.out()).accepted()).isTrue();
            assertThat(new SampledCheck(spec, in).out(wrong.out()).accepted()).isFalse();
            assertThat(new SampledCheck(spec, in).backward(f, new Gradients(g.dq(), spoiled(g.dk()), g.dv(), g.report()))
                    .accepted()).isFalse();
        }
    }

    /** Every element but those of rows that nobody asks for is off; NaN counts as off. */
    private static Tensor spoiled(Tensor right) {
        float[] values = right.toArray();
        for (int n = values.length / 2; n < values.length; n++) {
            values[n] = n % 2 == 0 ? Float.NaN : values[n] + 1;
        }
        return Tensor.of(values, right.shape()).to(right.dtype());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void gridsHoldWhatTheyPromise(boolean quick) {
        Target simulator = Target.of("simulator").getFirst();
        Target gpu = new Target(Target.Kind.GPU, simulator.backend(), "tornado", "cuda", simulator.device());
        List<Job> device = DeviceGrid.jobs(gpu, quick);
        assertThat(device).doesNotHaveDuplicates().extracting(Job::algorithm).contains("standard", "flash", "block-sparse");
        List<Job> paper = PaperGrid.jobs(gpu, quick);
        assertThat(paper).doesNotHaveDuplicates().anyMatch(job -> job.spec().batch() == 64 && job.spec().seqQ() == 1024);
        assertThat(paper.stream().filter(job -> job.block() != null)).hasSizeGreaterThan(3);
        assertThat(paper).anyMatch(job -> job.spec().seqQ() == (quick ? 2048 : 65536) && job.algorithm().equals("flash"));
        assertThat(device.stream().map(job -> job.spec().dtype()).distinct()).hasSizeGreaterThan(quick ? 1 : 2);
        // the paper's tables: with and without dropout, with and without a key mask, which hides a few of the last keys
        for (String algorithm : List.of("standard", "flash")) {
            assertThat(paper.stream().filter(job -> job.spec().batch() == 16 && job.spec()
                    .seqQ() == 1024 && job.algorithm().equals(algorithm))
                    .filter(job -> job.spec().dtype() == DType.FP32 && job.block() == null)
                    .map(job -> job.expected("both").options(" ")))
                    .containsExactlyInAnyOrder("", " dropout 0.1", " key mask", " dropout 0.1 key mask");
        }
        assertThat(paper).extracting(job -> job.spec().keyLengths()).filteredOn(Objects::nonNull).isNotEmpty()
                .allSatisfy(lengths -> assertThat(lengths).hasSize(16));
        assertThat(paper).filteredOn(job -> job.spec().keyLengths() != null)
                .allSatisfy(job -> assertThat(job.spec().keyLength(7)).isBetween(job.spec().seqK() - 20, job.spec().seqK() - 1));
    }

    @Test
    void gridsBeginWithWhatTellsMostAndEndWithWhatTakesLongest() {
        Target simulator = Target.of("simulator").getFirst();
        Target gpu = new Target(Target.Kind.GPU, simulator.backend(), "tornado", "opencl", simulator.device());
        List<Job> paper = PaperGrid.jobs(gpu, false);
        assertThat(paper.subList(0, 2)).allMatch(job -> job.spec().batch() == 64 && job.block() == null);
        // the simulator's device has tensor cores: float16 up to the longest
        assertThat(paper).anyMatch(job -> job.spec().dtype() == DType.FP16 && job.spec().seqQ() == 65536);
        assertThat(paper.getLast().spec().seqQ()).isEqualTo(65536);
        assertThat(paper.subList(0, paper.size() / 2)).allMatch(job -> job.effort() < 2e13);
        assertThat(paper).filteredOn(job -> job.spec().batch() == 8).extracting(Job::algorithm)
                .containsExactly("standard", "flash");
        assertThat(DeviceGrid.jobs(gpu, false)).noneMatch(job -> job.spec().dtype() == DType.BF16)
                .anyMatch(job -> job.spec().dtype() == DType.FP16 && job.spec().seqQ() == 65536);
    }

    @Test
    void linesSayWhatMultiplied() {
        measure("--only", "seq_q=20,direction=forward", "--dtype", "fp16").done();
        measure("--only", "seq_q=20,direction=forward").done();
        assertThat(ResultsFile.readQuietly(file())).extracting(r -> r.get("units"), r -> r.get("kernels")).containsExactly(
                tuple("fma", List.of("FlashForward")), tuple("fma", List.of("FlashForward")));
    }

    /** 16-bit numbers go to tensor cores where kernels take the head dim; float32 if it is asked for; chosen tiles never do. */
    @Test
    void unitsAreKnownBeforeAnythingRuns() {
        Target target = Target.of("simulator").getFirst();
        AttentionSpec spec = AttentionSpec.builder(1, 1, 32, 16).build();
        assertThat(Job.of(target, "flash", spec).units()).isEqualTo("fma");
        assertThat(Job.of(target, "flash", spec.withDtype(DType.BF16)).units()).isEqualTo("tensor");
        assertThat(Job.of(target, "standard", spec.withDtype(DType.BF16)).units()).isEqualTo("fma");
        Job tiles = new Job(target, "flash", spec.withDtype(DType.BF16), List.of(32, 32), List.of("forward"));
        assertThat(tiles.units()).isEqualTo("fma");
        assertThat(Job.of(Target.of("cpu").getFirst(), "flash", spec).units()).isNull();
        System.setProperty("attention.fp32", "tensor");
        try {
            Result split = Job.of(target, "flash", spec).expected("forward");
            assertThat(split.splitsFloats()).isTrue();
            assertThat(split.identity()).isNotEqualTo(new Result().identity()).contains("units=tensor");
            assertThat(new Ceilings(1, 2).of("tensor")).isEqualTo(2);
        } finally {
            System.clearProperty("attention.fp32");
        }
        assertThat(new Ceilings(1, 2).of("fma")).isEqualTo(1);
    }

    @Test
    void aJobSaysWhichMeasurementItIs() {
        Target target = Target.of("simulator").getFirst();
        AttentionSpec spec = AttentionSpec.builder(1, 1, 256, 8).blockMask(BlockMasks.random(256, 256, 64, 0.25, 1)).build();
        Result sparse = Job.of(target, "block-sparse", spec).expected("forward");
        assertThat(sparse.number("density")).isEqualTo(0.25);
        Result window = Job.of(target, "local window", AttentionSpec.builder(1, 1, 100, 8).window(0, 0).build())
                .expected("forward");
        assertThat(window.number("density")).isEqualTo(0.01);
    }

    @Test
    void ceilingsAreMeasuredAndChecked() {
        Target target = Target.of("simulator").getFirst();
        assertThat(target.device()).isNotNull();
        CeilingBench bench = new CeilingBench(target, target.device(), 128, 256, 1, DeviceShare.alone());
        List<Result> results = CeilingBench.expected(target).stream().map(bench::measure).toList();
        assertThat(results).hasSize(4).allMatch(r -> Boolean.TRUE.equals(r.get("checked")) && r.number("median_ms") > 0);
        Ceilings ceilings = CeilingBench.of(target, results);
        assertThat(List.of(ceilings.tflops(), ceilings.tensorTflops())).allMatch(value -> value > 0);
        assertThat(results).filteredOn(r -> List.of(CeilingBench.COPY, CeilingBench.LOCAL_READS).contains(r.text("algorithm")))
                .hasSize(2).allMatch(r -> r.number("gb_per_s") > 0);
    }
}
