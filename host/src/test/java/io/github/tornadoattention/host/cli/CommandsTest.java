package io.github.tornadoattention.host.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.npy.ArraySource;
import io.github.tornadoattention.host.npy.NpyFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the commands do when all is well. */
class CommandsTest {
    @TempDir
    Path folder;

    private Path input() {
        return NpyFiles.npz(folder.resolve("in.npz"), "q", NpyFiles.floats(1, 2, 3, 8), "k", NpyFiles.floats(1, 2, 5, 8),
                "v", NpyFiles.floats(1, 2, 5, 8), "dout", NpyFiles.floats(1, 2, 3, 8), "unrelated", "no array".getBytes(
                        StandardCharsets.US_ASCII));
    }

    private float[] array(Path file, String name) {
        try (ArraySource source = ArraySource.npz(file)) {
            return source.floats(name).toArray();
        }
    }

    @Test
    void runWritesResults() {
        Path output = folder.resolve("out.npz");
        Call call = Call.of("run", input().toString(), "--backend", "cpu", "--out", output.toString()).done();
        assertThat(call.out()).contains("flash attention", "backend cpu on", "wrote " + output,
                "out [1, 2, 3, 8], lse [1, 2, 3], dq [1, 2, 3, 8], dk [1, 2, 5, 8], dv [1, 2, 5, 8]");
        try (ArraySource source = ArraySource.npz(output)) {
            assertThat(source.names()).containsExactly("out", "lse", "dq", "dk", "dv");
            assertThat(source.header("dk").shape()).containsExactly(1, 2, 5, 8);
        }
    }

    @Test
    void flagsMayStandAnywhereAndCausalDoesNotSwallowTheFile() {
        Path input = input();
        Path first = folder.resolve("first.npz");
        Path second = folder.resolve("second.npz");
        Call.of("run", "--backend", "cpu", "--out", first.toString(), "--causal", input.toString()).done();
        Call.of("run", input.toString(), "--causal=bottom-right", "--out", second.toString(), "--backend=cpu").done();
        assertThat(array(first, "out")).isEqualTo(array(second, "out"));
        Call.of("run", "--causal=top-left", input.toString(), "--out", second.toString(), "--backend=cpu").done();
        assertThat(array(first, "out")).isNotEqualTo(array(second, "out"));
    }

    @Test
    void backendsAgree() {
        Path input = input();
        float[] expected = null;
        for (String backend : new String[] {"reference", "cpu", "simulator"}) {
            Path output = folder.resolve(backend + ".npz");
            Call.of("run", input.toString(), "--out", output.toString(), "--backend", backend, "--causal").done();
            float[] dq = array(output, "dq");
            if (expected == null) {
                expected = dq;
            }
            assertThat(dq).containsExactly(expected, Offset.offset(1e-5f));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FP16", "BF16"})
    void otherTypesAreWrittenAsFloat32(DType dtype) {
        Path output = folder.resolve("out.npz");
        Call call = Call.of("run", input().toString(), "--out", output.toString(), "--backend", "cpu", "--dtype",
                dtype.toString()).done();
        assertThat(call.out()).contains(" " + dtype + " ");
        float[] plain = array(output, "out");
        for (float value : plain) {
            assertThat(dtype.round(value)).isEqualTo(value);
        }
        Call.of("run", input().toString(), "--out", output.toString(), "--backend", "cpu").done();
        assertThat(array(output, "out")).isNotEqualTo(plain).containsExactly(plain, Offset.offset(0.02f));
    }

    @Test
    void numbersThatDoNotFitFp16AreRefused() {
        byte[] large = NpyFiles.floats("(1, 1, 1, 1)", 65520f);
        Path input = NpyFiles.npz(folder.resolve("large.npz"), "q", large, "k", large, "v", large);
        Call.of("run", input.toString(), "--backend", "cpu", "--dtype", "fp16").refused(Failure.USAGE, "array 'q' of",
                "65520.0", "does not fit fp16");
        Call.of("run", input.toString(), "--backend", "cpu", "--dtype", "bf16").done();
    }

    @Test
    void otherLayout() {
        // [1, n, 1, d] and [1, 1, n, d] are the same memory: with one head both layouts give the same numbers
        Path bhnd = NpyFiles.npz(folder.resolve("bhnd.npz"), "q", NpyFiles.floats(1, 1, 6, 8), "k", NpyFiles.floats(1, 1, 6, 8),
                "v", NpyFiles.floats(1, 1, 6, 8));
        Path bnhd = NpyFiles.npz(folder.resolve("bnhd.npz"), "q", NpyFiles.floats(1, 6, 1, 8), "k", NpyFiles.floats(1, 6, 1, 8),
                "v", NpyFiles.floats(1, 6, 1, 8));
        Path first = folder.resolve("1.npz");
        Path second = folder.resolve("2.npz");
        Call.of("run", bhnd.toString(), "--backend", "cpu", "--out", first.toString()).done();
        Call.of("run", bnhd.toString(), "--backend", "cpu", "--out", second.toString(), "--layout", "bnhd").done();
        assertThat(array(first, "out")).isEqualTo(array(second, "out"));
        try (ArraySource source = ArraySource.npz(second)) {
            assertThat(source.header("out").shape()).containsExactly(1, 6, 1, 8);
            assertThat(source.header("lse").shape()).containsExactly(1, 1, 6);
        }
    }

    @Test
    void layoutSwapsHeadsAndSequence() {
        var tensor = Tensor.of(new float[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 1, 3, 2, 2);
        var swapped = Layout.BNHD.toLibrary(tensor);
        assertThat(swapped.shape()).containsExactly(1, 2, 3, 2);
        assertThat(swapped.toArray()).containsExactly(0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11);
        assertThat(Layout.BNHD.fromLibrary(swapped).toArray()).isEqualTo(tensor.toArray());
        assertThat(Layout.BHND.toLibrary(tensor)).isSameAs(tensor);
    }

    @Test
    void separateFiles() {
        String q = NpyFiles.write(folder.resolve("q.npy"), NpyFiles.floats(1, 2, 3, 8)).toString();
        String kv = NpyFiles.write(folder.resolve("kv.npy"), NpyFiles.floats(1, 2, 5, 8)).toString();
        Path output = folder.resolve("out.npz");
        Call.of("run", "--q", q, "--k", kv, "--v", kv, "--dout", q, "--backend", "cpu", "--out", output.toString()).done();
        Path whole = folder.resolve("whole.npz");
        Call.of("run", input().toString(), "--backend", "cpu", "--out", whole.toString()).done();
        assertThat(array(output, "dv")).isEqualTo(array(whole, "dv"));
    }

    @Test
    void json() throws IOException {
        Call call = Call.of("run", input().toString(), "--backend", "cpu", "--json", "--causal").done();
        Map<String, Object> json = JSON.std.mapFrom(call.out());
        assertThat(call.out().lines()).hasSize(1);
        assertThat(json).containsEntry("backend", "cpu").containsEntry("algorithm", "flash")
                .containsEntry("causal", "bottom-right")
                .containsEntry("seq_k", 5).containsEntry("output", null).containsKeys("forward", "backward", "arrays", "driver");
    }

    @ParameterizedTest
    @ValueSource(strings = {"run", "verify", "demo", "devices", "doctor"})
    void help(String command) {
        assertThat(Call.of(command, "--help").done().out()).startsWith("Usage: attention " + command);
    }

    @Test
    void version() {
        assertThat(Call.of("--version").done().out()).startsWith("tornado-attention ");
        assertThat(Call.of("--help").done().out()).contains("demo", "run", "verify", "devices", "doctor");
    }

    @Test
    void demo() {
        Call call = Call.of("demo", "--backend", "cpu").done();
        assertThat(call.out())
                .contains("600 characters", "backend cpu on", "FLOP/s", "standard attention needs",
                "verified: out, lse, dq, dk and dv")
                .doesNotContain("WRONG");
        assertThat(call.out().lines().filter(line -> line.startsWith("standard") || line.startsWith("flash"))).hasSize(2);
    }

    @Test
    void devices() {
        Call call = Call.of("devices").done();
        assertThat(call.out()).contains("reference", "cpu", "simulator", "48.0 KiB", "auto is cpu", "TORNADOVM_HOME is not set");
        assertThat(Call.of("devices", "--backend", "simulator").done().out().lines()).hasSize(1);
    }

    @Test
    void doctor() {
        assertThat(Call.of("doctor").done().out())
                .contains("ok       JDK 25", "note     TORNADOVM_HOME is not set", "no problem found");
    }
}
