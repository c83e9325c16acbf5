package io.github.tornadoattention.host.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.npy.NpyFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code verify} on small folders made here: what passes, what fails, what cannot run. */
class VerifyCommandTest {
    private static final String FIELDS =
            "\"batch\": 1, \"heads\": 1, \"kv_heads\": 1, \"seq_q\": 1, \"seq_k\": 1, \"head_dim\": 4";

    @TempDir
    Path folder;

    private final Map<String, String> cases = new LinkedHashMap<>();

    @BeforeEach
    void oneKey() {
        // one query that sees one key: out is v, lse is the score, dq and dk are 0, dv is dout
        write("good", new float[] {1, 2, 3, 4}, 15, new float[] {5, 6, 7, 8});
        write("wrong", new float[] {1, 2, 3, 4.5f}, 15, new float[] {5, 6, 7, 8});
        cases.put("good", FIELDS + ", \"causal\": null, \"note\": \"one key\"");
        cases.put("wrong", FIELDS);
    }

    private void write(String name, float[] out, float lse, float[] dv) {
        byte[] one = array(1, 2, 3, 4);
        NpyFiles.npz(folder.resolve(name + ".npz"), "q", one, "k", one, "v", one, "dout", array(5, 6, 7, 8), "out", array(out),
                "lse", NpyFiles.floats("(1, 1, 1)", lse), "dq", array(0, 0, 0, 0), "dk", array(0, 0, 0, 0), "dv", array(dv));
    }

    private static byte[] array(float... values) {
        return NpyFiles.floats("(1, 1, 1, 4)", values);
    }

    private Call verify(String... args) {
        StringBuilder json = new StringBuilder();
        cases.forEach((name, fields) -> json.append(json.isEmpty() ? "{" : ", ").append("\"%s\": {%s}".formatted(name, fields)));
        try {
            Files.writeString(folder.resolve("cases.json"), json + "}");
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        List<String> words = new ArrayList<>(List.of("verify", folder.toString(), "--backend", "cpu"));
        words.addAll(List.of(args));
        return Call.of(words.toArray(String[]::new));
    }

    private static String lastLine(Call call) {
        return call.out().lines().toList().getLast();
    }

    @Test
    void oneLineForEachCaseAndACount() {
        Call call = verify();
        assertThat(call.exitCode()).isEqualTo(Failure.CHECK_FAILED);
        assertThat(call.err()).isEmpty();
        assertThat(call.out().lines()).anyMatch(line -> line.matches("ok   good   out \\S+  lse \\S+  dq \\S+  dk \\S+  dv \\S+"))
                .anyMatch(line -> line.startsWith("FAIL wrong  out 5.0e-01") && line.contains("expected 4.5"));
        assertThat(lastLine(call)).isEqualTo("1 passed, 1 failed");
    }

    @Test
    void chosenCases() {
        Call call = verify("--case", "good");
        assertThat(call.exitCode()).isEqualTo(Failure.DONE);
        assertThat(lastLine(call)).isEqualTo("1 passed, 0 failed");
        assertThat(lastLine(verify("--case", "wrong", "--case", "good"))).isEqualTo("1 passed, 1 failed");
        verify("--case", "none").refused(Failure.USAGE, "no case 'none'", "good, wrong");
    }

    /** Inputs that fp16 holds exactly, so that the stored results are right; 2049 is not among them. */
    @Test
    void aCaseMayHaveADtype() {
        cases.clear();
        cases.put("good", FIELDS + ", \"dtype\": \"fp16\"");
        assertThat(lastLine(verify())).isEqualTo("1 passed, 0 failed");
        byte[] odd = array(1, 2, 3, 2049);
        byte[] zero = array(0, 0, 0, 0);
        NpyFiles.npz(folder.resolve("good.npz"), "q", zero, "k", zero, "v", odd, "out", odd, "lse",
                NpyFiles.floats("(1, 1, 1)", 0));
        assertThat(verify().out()).contains("FAIL good", "expected 2049", "got 2048");
        cases.put("good", FIELDS);
        assertThat(lastLine(verify())).isEqualTo("1 passed, 0 failed");
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " | ", quoteCharacter = '`', textBlock = """
            "rotary": 0.1                   | field 'rotary' is not supported yet
            "dropout": 0.1, "seed": 1.5     | seed must be a whole number
            "dropout": 0.1, "dropout_offset": -1 | dropout_offset must be a whole number, 0..4294967295, is -1
            "causal": "sideways"            | causal must be null, bottom-right or top-left, is sideways
            "window": [1]                   | window must be two numbers
            "dtype": "half"                 | dtype 'half' is none of fp32, fp16, bf16
            "scale": "x"                    | scale must be a number, is x
            "key_lengths": [0.5]            | key_lengths must be a list of whole numbers
            "block": {"size": 16}           | array 'block_mask' of
            "block": 16                     | block is no JSON object
            "key_lengths": [2]              | key length 2 of batch entry 0
            "seq_k": 7                      | seq_k is 7, but its arrays have 1
            """)
    void aCaseThatCannotRunHasFailed(String field, String words) {
        cases.put("wrong", field.startsWith("\"seq_k\"") ? field : FIELDS + ", " + field);
        Call call = verify();
        assertThat(call.exitCode()).isEqualTo(Failure.CHECK_FAILED);
        assertThat(call.out().lines()).anyMatch(line -> line.startsWith("FAIL wrong") && line.contains(words));
        assertThat(lastLine(call)).isEqualTo("1 passed, 1 failed");
    }

    @Test
    void missingFiles() {
        cases.put("absent", FIELDS);
        Call call = verify();
        assertThat(call.out()).contains("absent.npz: no such file");
        assertThat(lastLine(call)).isEqualTo("1 passed, 2 failed");
        cases.clear();
        cases.put("../good", FIELDS);
        assertThat(verify().out()).contains("a name of a case is no path");
    }

    @Test
    void unreadableFolders() throws IOException {
        Path none = folder.resolve("none");
        Call.of("verify", none.toString()).refused(Failure.USAGE, "no such folder");
        Call.of("verify", folder.resolve("good.npz").toString()).refused(Failure.USAGE, "is not a folder");
        Files.createDirectory(none);
        Call.of("verify", none.toString()).refused(Failure.USAGE, "cases.json: no such file");
        Files.writeString(none.resolve("cases.json"), "{ \"a\": ");
        Call.of("verify", none.toString()).refused(Failure.USAGE, "cannot be read as JSON");
        Files.writeString(none.resolve("cases.json"), "{ \"a\": 1 }");
        Call.of("verify", none.toString()).refused(Failure.USAGE, "case 'a' is no JSON object");
        Files.writeString(none.resolve("cases.json"), "{}");
        Call.of("verify", none.toString()).refused(Failure.USAGE, "holds no case");
    }
}
