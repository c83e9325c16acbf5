package io.github.tornadoattention.host.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import io.github.tornadoattention.host.npy.NpyFiles;
import io.github.tornadoattention.host.tornado.Said;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code attention tune}, and the flags by which other commands use what it found. */
class TuneCommandTest {
    @TempDir
    Path folder;

    private Path cache() {
        return folder.resolve("tunings.json");
    }

    private Call tune(String... more) {
        List<String> args = new ArrayList<>(List.of("tune", "--backend", "simulator", "--seq", "16", "--cache",
                cache().toString()));
        args.addAll(List.of(more));
        return Call.of(args.toArray(String[]::new));
    }

    @Test
    void tuneTriesEveryTilingOfEveryKernel() throws IOException {
        Call call = tune("--head-dim", "8", "--dtype", "fp32", "--quick").done();
        assertThat(call.out()).contains("backend simulator on", "FlashForward, b1 h1 n16 d8",
                "FlashBackwardQueries, b1 h1 n16 d8 causal bottom-right",
                "FlashBackwardKeys", "the table's", "than the table's").doesNotContain("wrong");
        if (Files.exists(cache())) {
            assertThat(call.out()).contains("kept in " + cache());
            assertThat(JSON.std.listFrom(Files.readString(cache()))).isNotEmpty();
        } else {
            assertThat(call.out()).contains("no tiling is faster");
        }
    }

    @Test
    void asJson() throws IOException {
        Call call = tune("--head-dim", "16", "--dtype", "fp16", "--mask", "16", "--json").done();
        Map<String, Object> json = JSON.std.mapFrom(call.out());
        assertThat(json).containsEntry("backend", "simulator").containsEntry("cache", cache().toString());
        assertThat(json.get("results")).asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.LIST).hasSize(3)
                .allSatisfy(result -> assertThat(result).asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.MAP)
                        .containsEntry("head_dim", 16).containsEntry("dtype", "fp16").containsKeys("kernel", "chosen", "faster",
                        "candidates"));
    }

    @Test
    void withoutACacheNothingIsKept() throws IOException {
        assertThat(Call.of("tune", "--backend", "simulator", "--seq", "8", "--head-dim", "8", "--dtype", "fp32", "--mask",
                "none", "--no-cache").done().out())
                .contains("nothing is kept");
        assertThat(Files.exists(cache())).isFalse();
    }

    /** What was found for {@code run}'s file, written by hand. */
    private void writeCache(String tiling) throws IOException {
        String device = Call.of("devices", "--backend", "simulator").done().out().strip().substring("simulator  ".length());
        Files.writeString(cache(), "[" + JSON.std.asString(Map.of("device", device, "driver", "simulator", "tornadovm",
                "simulator",
                "kernel", "FlashForward", "head_dim", 8, "dtype", "fp32", "blocks", 0, "band", false, "date", "2026-11-22"))
                .replace("}", ",\"tiling\":" + tiling + "}]"));
    }

    private Path input() {
        return NpyFiles.npz(folder.resolve("in.npz"), "q", NpyFiles.floats(1, 2, 3, 8), "k", NpyFiles.floats(1, 2, 5, 8),
                "v", NpyFiles.floats(1, 2, 5, 8));
    }

    @Test
    void runUsesTheCacheAndSaysSo() throws IOException {
        writeCache("[16, 16, 8, 8, 16, 8]");
        String remark = "FlashForward: tiles of 16x16 by 8x8 items, slices of 16 and 8, as attention tune found on 2026-11-22";
        String[] run = {"run", input().toString(), "--backend", "simulator", "--cache", cache().toString()};
        assertThat(Call.of(run).done().out()).contains(remark);
        run[4] = "--no-cache";
        assertThat(Call.of(run[0], run[1], run[2], run[3], run[4]).done().out()).doesNotContain("attention tune");
        assertThat(Call.of(run[0], run[1], run[2], run[3]).done().out()).doesNotContain("attention tune");
    }

    @Test
    void aCacheThatIsOfNoUseIsSaidOnStderr() throws IOException {
        writeCache("[16, 16, 8, 8, 16, 9]");
        String[] run = {"run", input().toString(), "--backend", "simulator", "--cache", cache().toString()};
        assertThat(Said.by(() -> assertThat(Call.of(run).done().out()).doesNotContain("attention tune")))
                .singleElement().asString().startsWith("attention: " + cache());
        Files.writeString(cache(), "garbage");
        assertThat(Said.by(() -> Call.of(run).done())).singleElement().asString().contains("is no file of attention tune's");
        tune("--head-dim", "8").refused(Failure.USAGE, cache().toString(), "is no file of attention tune's");
        assertThat(cache()).content().isEqualTo("garbage");
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " | ", quoteCharacter = '`', textBlock = """
            --head-dim 0                 | --head-dim 0, must be 1..256
            --head-dim 64,257            | --head-dim 257, must be 1..256
            --head-dim x                 | 'x' is no list of whole numbers
            --dtype fp64                 | 'fp64' is none of fp32, fp16, bf16
            --dtype fp32,                | '' is none of fp32, fp16, bf16
            --dtype fp16 --head-dim 40   | --dtype fp16: no kernels of its own for head dim 40
            --mask diagonal              | 'diagonal' is none of none, causal and a block size
            --mask 0                     | --mask 0, a block size must be at least 1
            --mask 10                    | has no tile that divides blocks of 10
            --seq 0                      | --seq is 0, must be at least 1
            --no-cache                   | either --cache or --no-cache
            --frobnicate                 | Unknown option: '--frobnicate'
            """)
    void wrongFlags(String flags, String words) {
        List<String> args = new ArrayList<>(List.of("tune", "--backend", "simulator", "--cache", cache().toString()));
        args.addAll(List.of(flags.split(" ")));
        Call.of(args.toArray(String[]::new)).refused(Failure.USAGE, words);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void backendsWithoutTilings() {
        Call.of("tune", "--backend", "cpu").refused(Failure.USAGE, "backend cpu has no tilings to tune");
        Call.of("tune").refused(Failure.UNAVAILABLE, "'tornado'", "TORNADOVM_HOME");
        Call.of("tune", "--backend", "gpu").refused(Failure.UNAVAILABLE, "no backend 'gpu'");
        Call.of("tune", "--backend", "simulator", "--cache", folder.toString()).refused(Failure.USAGE, folder.toString());
    }
}
