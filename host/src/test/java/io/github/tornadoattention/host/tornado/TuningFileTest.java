package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.jr.ob.JSON;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The file that {@code attention tune} writes: where it is, what is in it, and that nobody loses what another one writes. */
class TuningFileTest {
    private static final Tiling TILING = new Tiling(32, 32, 8, 8, 32, 16);
    private static final int EACH = 12;

    @TempDir
    Path folder;

    private static TuningKey key(String device, int headDim) {
        return new TuningKey(device, "cuda", "5.2.0-jdk25", "FlashForward", headDim, DType.FP32, 0, false);
    }

    private static void put(TuningFile file, TuningKey key, double milliseconds) {
        file.replace(key, TuningFile.Entry.of(key, TILING, milliseconds, 2, "2026-11-22"));
    }

    /** What another process does: puts in so many entries of its own, one at a time. */
    static final class Writer {
        private Writer() {}

        public static void main(String[] args) {
            TuningFile file = new TuningFile(Path.of(args[0]));
            for (int n = 1; n <= EACH; n++) {
                put(file, key(args[1], n), n);
            }
        }
    }

    private void assertAllThere(TuningFile file, String... devices) throws IOException {
        for (String device : devices) {
            for (int n = 1; n <= EACH; n++) {
                assertThat(file.find(key(device, n))).as("%s, head dim %d", device, n).isNotNull();
            }
        }
        assertThat(JSON.std.listFrom(Files.readString(file.path()))).hasSize(devices.length * EACH);
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(path -> path.getFileName().toString())).containsExactlyInAnyOrder("tunings.json",
                    "tunings.json.lock");
        }
    }

    @Test
    void processesThatTuneAtTheSameTimeKeepEachOthersEntries() throws IOException, InterruptedException {
        Path path = folder.resolve("tunings.json");
        List<Process> processes = new ArrayList<>();
        for (String device : new String[] {"a", "b"}) {
            processes.add(new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xshare:auto",
                    "-cp",
                    System.getProperty("java.class.path"), Writer.class.getName(), path.toString(),
                    device).redirectErrorStream(true).start());
        }
        for (Process process : processes) {
            String said = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
            assertThat(process.waitFor()).as(said).isZero();
        }
        assertAllThere(new TuningFile(path), "a", "b");
    }

    @Test
    void threadsThatTuneAtTheSameTimeKeepEachOthersEntries() throws IOException, InterruptedException {
        Path path = folder.resolve("tunings.json");
        List<Thread> threads = new ArrayList<>();
        for (String device : new String[] {"a", "b", "c"}) {
            threads.add(Thread.ofPlatform().start(() -> Writer.main(new String[] {path.toString(), device})));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertAllThere(new TuningFile(path), "a", "b", "c");
    }

    @Test
    void anEntryTakesThePlaceOfAnOlderOneOfItsKeyAlone() throws IOException {
        TuningFile file = new TuningFile(folder.resolve("deep/down/tunings.json"));
        put(file, key("a", 64), 3);
        put(file, key("a", 128), 4);
        put(file, key("a", 64), 5);
        assertThat(Files.readAllLines(file.path())).hasSize(4).last().isEqualTo("]");
        assertThat(JSON.std.listFrom(Files.readString(file.path()))).hasSize(2).last()
                .isEqualTo(Map.ofEntries(Map.entry("device", "a"),
                Map.entry("driver", "cuda"), Map.entry("tornadovm", "5.2.0-jdk25"), Map.entry("kernel", "FlashForward"),
                Map.entry("head_dim", 64),
                Map.entry("dtype", "fp32"), Map.entry("blocks", 0), Map.entry("band", false), Map.entry("tiling", TILING.sizes()),
                Map.entry("ms", 5.0), Map.entry("table_ms", 2.0), Map.entry("date", "2026-11-22")));
        file.replace(key("a", 128), null);
        assertThat(file.find(key("a", 128))).isNull();
        assertThat(file.find(key("a", 64))).isNotNull();
    }

    @Test
    void everyPartOfTheKeyCounts() {
        TuningFile file = new TuningFile(folder.resolve("tunings.json"));
        TuningKey key = key("a", 64);
        put(file, key, 1);
        assertThat(file.find(key)).isNotNull();
        for (TuningKey other : new TuningKey[] {
            new TuningKey("b", "cuda", "5.2.0-jdk25", "FlashForward", 64, DType.FP32, 0, false),
            new TuningKey("a", "ptx", "5.2.0-jdk25", "FlashForward", 64, DType.FP32, 0, false),
            new TuningKey("a", "cuda", "5.3.0-jdk25", "FlashForward", 64, DType.FP32, 0, false),
            new TuningKey("a", "cuda", "5.2.0-jdk25", "FlashBackwardKeys", 64, DType.FP32, 0, false),
            new TuningKey("a", "cuda", "5.2.0-jdk25", "FlashForward", 65, DType.FP32, 0, false),
            new TuningKey("a", "cuda", "5.2.0-jdk25", "FlashForward", 64, DType.FP16, 0, false),
            new TuningKey("a", "cuda", "5.2.0-jdk25", "FlashForward", 64, DType.FP32, 64, false),
            new TuningKey("a", "cuda", "5.2.0-jdk25", "FlashForward", 64, DType.FP32, 0, true)}) {
            assertThat(file.find(other)).as(other.toString()).isNull();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "garbage", "{}", "[1]", "[{\"kernel\": \"FlashForward\"}]",
            "[{\"kernel\": \"FlashForward\", \"tiling\": [1, 2]}]",
        "[{\"kernel\": 3, \"tiling\": [1, 2, 3, 4, 5, 6]}]",
        "[{\"kernel\": \"FlashForward\", \"tiling\": [1, 2, 3, 4, 5, \"6\"]}", "\u0000\u0001"})
    void aFileThatIsNoneOfOursIsIgnoredAndLeftAlone(String content) throws IOException {
        Path path = Files.writeString(folder.resolve("tunings.json"), content);
        TuningFile file = new TuningFile(path);
        assertThat(Said.by(() -> {
            assertThat(file.find(key("a", 64))).isNull();
            assertThat(file.find(key("a", 128))).isNull();
        })).singleElement().asString().startsWith("attention: " + path).endsWith("; ignored");
        assertThatThrownBy(file::requireWritable).isInstanceOf(UsageException.class).hasMessageStartingWith(path.toString());
        assertThatThrownBy(() -> put(file, key("a", 64),
                1)).isInstanceOf(UsageException.class).hasMessageStartingWith(path.toString());
        assertThat(path).content().isEqualTo(content);
    }

    @Test
    void aPlaceThatCannotBeWrittenIsRefused() throws IOException {
        Path plain = Files.writeString(folder.resolve("plain"), "");
        for (Path path : new Path[] {plain.resolve("tunings.json"), folder}) {
            assertThatThrownBy(() -> new TuningFile(path).requireWritable()).isInstanceOf(UsageException.class)
                    .hasMessageContaining(path.toString());
        }
    }

    @Test
    void theUsualPlace() {
        Path home = Path.of("/home/u").toAbsolutePath();
        Path absolute = Path.of("/xdg").toAbsolutePath();
        assertThat(TuningFile.usual("", Map.of(), "Linux",
                home)).isEqualTo(home.resolve(".cache/tornado-attention/tunings.json"));
        assertThat(TuningFile.usual("", Map.of("XDG_CACHE_HOME", absolute.toString()), "Linux", home))
                .isEqualTo(absolute.resolve("tornado-attention/tunings.json"));
        assertThat(TuningFile.usual("", Map.of("XDG_CACHE_HOME", "relative"), "Linux", home))
                .isEqualTo(home.resolve(".cache/tornado-attention/tunings.json"));
        assertThat(TuningFile.usual("", Map.of(), "Mac OS X",
                home)).isEqualTo(home.resolve("Library/Caches/tornado-attention/tunings.json"));
        assertThat(TuningFile.usual("", Map.of("LOCALAPPDATA", absolute.toString()), "Windows 11", home))
                .isEqualTo(absolute.resolve("tornado-attention/tunings.json"));
        assertThat(TuningFile.usual("off", Map.of(), "Linux", home)).isNull();
        assertThat(TuningFile.usual("x.json", Map.of(), "Linux", home)).isEqualTo(Path.of("x.json"));
    }

    @Test
    void testsUseNobodysFile() {
        assertThat(TuningFile.usual()).isNull();
    }
}
