package io.github.tornadoattention.bench.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.bench.Call;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.cli.Failure;
import io.github.tornadoattention.host.tornado.TrafficModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TrafficBenchTest {
    private static final List<String> FLASH = List.of("forward", "rowDots(long *, unsigned char *)", "backward", "backward");
    private static final List<String> STANDARD = List.of("scores", "softmax", "output", "scores", "softmax", "rowDots", "scores",
            "queries", "keys");

    @TempDir
    Path folder;

    /**
     * A file of ncu's: each launch reads 1000 bytes times its number, writes 1 byte, and moves 100 sectors; uploads move much.
     */
    private Path csv(List<String> kernels) throws IOException {
        StringBuilder text = new StringBuilder("==PROF== Connected to process 1\n")
                .append("\"ID\",\"Kernel Name\",\"Metric Name\",\"Metric Unit\",\"Metric Value\"\n");
        int id = 0;
        for (String kernel : List.of("widenHalf", "arrived")) {
            text.append("\"%d\",\"%s\",\"dram__bytes_read.sum\",\"Gbyte\",\"5\"\n".formatted(id++, kernel));
        }
        int n = 0;
        for (String kernel : kernels) {
            n++;
            text.append("\"%d\",\"%s\",\"dram__bytes_read.sum\",\"byte\",\"%d,000\"\n".formatted(id, kernel, n));
            text.append("\"%d\",\"%s\",\"dram__bytes_write.sum\",\"byte\",\"1\"\n".formatted(id, kernel));
            text.append("\"%d\",\"%s\",\"lts__t_sectors_srcunit_tex.sum\",\"sector\",\"100\"\n".formatted(id++, kernel));
        }
        return Files.writeString(folder.resolve("ncu.csv"), text);
    }

    private Path profiled(String algorithm) {
        Path run = folder.resolve(algorithm + ".jsonl");
        Call call = Call.of("profile", "--backend", "simulator", "--shape", "1,1,20,8", "--algorithm", algorithm, "--out",
                run.toString()).done();
        assertThat(call.out()).contains("ran once");
        return run;
    }

    private Call traffic(Path csv, Path run) {
        return Call.of("traffic", "--ncu", csv.toString(), "--run", run.toString(), "--out",
                folder.resolve("r.jsonl").toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"flash", "standard"})
    void launchesBelongToPassesInTheirOrder(String algorithm) throws IOException {
        boolean flash = algorithm.equals("flash");
        traffic(csv(flash ? FLASH : STANDARD), profiled(algorithm)).done();
        List<Result> lines = ResultsFile.read(folder.resolve("r.jsonl"), System.err);
        assertThat(lines).extracting(r -> r.text("direction")).containsExactly("forward", "backward", "both");
        assertThat(lines).extracting(r -> r.number("dram_bytes")).containsExactly(flash
                ? new Double[] {1001.0, 9003.0, 10004.0} : new Double[] {6003.0, 39006.0, 45009.0});
        assertThat(lines).extracting(r -> r.number("l2_bytes")).containsExactly(flash
                ? new Double[] {3200.0, 9600.0, 12800.0} : new Double[] {9600.0, 19200.0, 28800.0});
        TrafficModel model = TrafficModel.of(AttentionSpec.builder(1, 1, 20, 8).build(), flash ? Algorithm.FLASH
                : Algorithm.STANDARD);
        for (Result line : lines) {
            assertThat(line.number("bytes_model")).isEqualTo(model.bytesOnce(line.text("direction")));
            assertThat(line.text("algorithm")).isEqualTo(algorithm);
            assertThat(line.timed()).isFalse();
            assertThat(line.get("checked")).isNull();
            // what was profiled is still to be measured
            assertThat(ResultsFile.append(folder.resolve("r.jsonl"), System.err).has(line)).isFalse();
        }
    }

    @Test
    void aFileOfAnotherRunIsRefused() throws IOException {
        Path run = profiled("flash");
        traffic(csv(STANDARD), run).refused(Failure.USAGE, "has 9 launches", "had 4");
        traffic(csv(List.of("rowDots", "forward", "backward", "backward")), run).refused(Failure.USAGE, "is of another run");
        traffic(csv(FLASH), csv(FLASH)).refused(Failure.USAGE, "holds no result");
        traffic(folder.resolve("none.csv"), run).refused(Failure.USAGE, "no such file");
        Path file = csv(FLASH);
        Files.writeString(file, Files.readString(file).replaceAll(".*write.*\n", ""));
        traffic(file, run).refused(Failure.USAGE, "lacks bytes of device memory", "--metrics dram__bytes_read.sum");
        assertThat(folder.resolve("r.jsonl")).doesNotExist();
        traffic(csv(FLASH), run).done();
        traffic(csv(FLASH), folder.resolve("r.jsonl")).refused(Failure.USAGE,
                "is not what one run of scripts/bench profile wrote");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "2 | --shape 1,1,8,8 --algorithm linear | --algorithm linear",
        "2 | --shape 1,1,8 | --shape '1,1,8'",
        "3 | --shape 1,1,8,8 --backend cpu | one backend with a device",
        "2 | --shape 1,1,8,8 --backend simulator --dtype fp16 | --dtype fp16",
    })
    void whatCannotBeProfiled(int code, String arguments, String reason) {
        Path run = folder.resolve("run.jsonl");
        Call.of(("profile " + arguments + " --out " + run).split(" ")).refused(code, reason);
        assertThat(run).doesNotExist();
    }

    @Test
    void aRunIsAFileOfItsOwn() {
        Path run = profiled("flash");
        Call.of("profile", "--backend", "simulator", "--shape", "1,1,8,8", "--out", run.toString()).refused(Failure.USAGE,
                "exists");
    }
}
