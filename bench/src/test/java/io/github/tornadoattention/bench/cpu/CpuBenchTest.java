package io.github.tornadoattention.bench.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.bench.Call;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The command without peers, whose libraries are not in this build: one small line of its grid. */
class CpuBenchTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"forward", "backward"})
    void aLineOfTheGrid(String direction) {
        Path file = folder.resolve("r.jsonl");
        String[] words = {"cpu", "--only", "seq_q=1024,head_dim=64,causal=false,threads=2,direction=" + direction,
                "--seconds", "0", "--out", file.toString()};
        Call.of(words).done();
        List<Result> results = ResultsFile.readQuietly(file).stream().filter(r -> r.is("backend", "cpu")).toList();
        assertThat(results).singleElement().satisfies(r -> {
            assertThat(r.timed()).isTrue();
            assertThat(r.text("direction")).isEqualTo(direction);
            assertThat(r.text("command")).endsWith(
                    "cpu --only seq_q=1024,seq_k=1024,head_dim=64,causal=false,threads=2,direction=" + direction);
            assertThat(r.number("peak_device_bytes")).isGreaterThan(r.tensorBytes());
            assertThat(r.number("jit_ms")).isNotNegative();
            double flops = 4.0 * 64 * 8 * 1024 * 1024 * (direction.equals("forward") ? 1 : 2.5);
            assertThat(r.number("tflops") * r.number("median_ms") * 1e9 / flops).isBetween(0.999, 1.001);
        });
        assertThat(Call.of(words).done().out()).doesNotContain("median");
    }
}
