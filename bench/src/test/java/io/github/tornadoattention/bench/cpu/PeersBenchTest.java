package io.github.tornadoattention.bench.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThatCode;

import io.github.tornadoattention.bench.Call;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.device.CudnnBench;
import io.github.tornadoattention.host.cli.Failure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which of the peers' measurements are asked for; none of these runs one. */
class PeersBenchTest {
    private static final Path SCRIPT = Path.of("peers", "torch_sdpa.py");

    private static final Pattern SHAPE = Pattern.compile("b\\d+ h\\d+ n\\d+ d\\d+");

    @TempDir
    Path folder;

    @BeforeAll
    static void thereIsPython() {
        assumeThatCode(() -> new ProcessBuilder("python3", "--version").redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start().waitFor())
                .doesNotThrowAnyException();
    }

    /** Exit code, and everything that the script printed. */
    private record Printed(int code, List<String> lines) {}

    private static Printed script(String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("python3", SCRIPT.toString()));
        command.addAll(List.of(words));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        List<String> lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        return new Printed(process.waitFor(), lines);
    }

    private static Call peers(String... words) {
        return Call.of(Stream.concat(Stream.of("peers", "--script", SCRIPT.toString()), Stream.of(words)).toArray(String[]::new));
    }

    /** By bench's rules: one of several values, every field, numbers however they are written, null for what is unknown. */
    @ParameterizedTest
    @CsvSource(delimiter = '/', value = {
        "algorithm=flash|math,dtype=fp16,seq_q=1024,head_dim=64,causal=true,batch=16,heads=8 / 2",
        "backend=pytorch,kv_heads=16,seq_k=4096,head_dim=128,dropout=0,density=1,threads=null,units=null,key_mask=null,batch=1 "
                + "/ 24",
        "seq_q=65536,algorithm=cudnn,direction=both|forward / 6",
        "seq_q=4096,density=0.5 / 0",
        "backend=cpu / 0",
    })
    void theScriptListsWhatIsAskedFor(String only, int lines) throws Exception {
        Printed listed = script("--list", "--only", only.strip());
        assertThat(listed.code()).isZero();
        assertThat(listed.lines()).hasSize(lines).doesNotHaveDuplicates().allMatch(line -> line.startsWith("pytorch "));
    }

    @Test
    void directionsAreListed() throws Exception {
        assertThat(script("--list", "--only", "direction=both|forward,dtype=bf16,causal=true", "--path",
                "cudnn", "2,3,5,16").lines())
                .containsExactly("pytorch cudnn            bf16 b2 h3 n5 d16 causal: forward, both");
    }

    @Test
    void theScriptRefusesWhatIsNoFieldOrInNoGrid() throws Exception {
        assertThat(script("--only", "colour=red")).isEqualTo(
                new Printed(2, List.of("torch_sdpa: --only colour: known are " + String.join(", ", Result.IDENTITY))));
        assertThat(script("--only", "flash"))
                .isEqualTo(new Printed(2, List.of("torch_sdpa: --only 'flash' must be field=value")));
        assertThat(script("--only", "seq_q=7")).isEqualTo(
                new Printed(2, List.of("torch_sdpa: no measurement of the grid is what --only asks for")));
    }

    /** What only PyTorch's grid has is no mistake, though the CPU's has none of it. */
    @Test
    void onlyAndListReachTheScript() {
        Call call = peers("--list", "--quick", "--only", "dtype=fp16,algorithm=math,causal=false,direction=backward");
        assertThat(call.exitCode()).isZero();
        assertThat(call.out().lines()).containsExactly("pytorch math             fp16 b1 h16 n512 d64: backward",
                "pytorch math             fp16 b1 h16 n1024 d64: backward",
                "pytorch math             fp16 b1 h16 n4096 d64: backward",
                "pytorch math             fp16 b1 h16 n4096 d128: backward");
        assertThat(peers("--list", "--only", "batch=64").out().lines()).hasSize(26);
        assertThat(peers("--list", "--quick", "--only", "algorithm=sdpa,seq_q=512").out().lines())
                .containsExactly("tornado-cudnn cuda sdpa b1 h16 n512 d64 fp16: forward",
                        "tornado-cudnn cuda sdpa b1 h16 n512 d64 causal fp16: forward");
    }

    /** TornadoVM's cuDNN attention has the shapes of PyTorch's; both lists say which, in words that differ. */
    @ParameterizedTest
    @ValueSource(strings = {"--quick", "--minutes=1"})
    void cudnnInTornadoVmHasTheShapesOfPyTorch(String grid) throws Exception {
        Set<String> theirs = shapes(script("--list", grid, "--only", "algorithm=cudnn,dtype=fp16,direction=forward").lines());
        Set<String> ours = shapes(Call.of("cudnn", "--list", grid).done().out().lines().toList());
        assertThat(ours).isEqualTo(theirs).isNotEmpty();
    }

    private static Set<String> shapes(List<String> listed) {
        Set<String> shapes = new TreeSet<>();
        for (String line : listed) {
            Matcher shape = SHAPE.matcher(line);
            assertThat(shape.find()).isTrue();
            shapes.add(shape.group() + line.contains("causal"));
        }
        return shapes;
    }

    /** Builds without the peers on the CPU say so in another line. */
    private static List<String> aboutCudnn(Call call) {
        return call.err().lines().filter(line -> line.contains("cuDNN")).toList();
    }

    /** One line says what is missing, and the rest goes on. */
    @Test
    void withoutAnSdkCudnnIsSkipped() {
        Call call = peers("--only", "algorithm=sdpa");
        assertThat(call.exitCode()).isZero();
        assertThat(aboutCudnn(call)).containsExactly("bench: " + CudnnBench.MISSING + "TORNADOVM_HOME names no SDK, skipped");
        assertThat(peers("--only", "algorithm=sdpa,device=H100").err()).contains("TORNADOVM_HOME names no SDK, skipped");
    }

    @Test
    void withABrokenSdkCudnnIsSkipped() {
        Path nowhere = folder.resolve("none");
        Call call = Call.in(Map.of("TORNADOVM_HOME", nowhere.toString()),
                "peers", "--script", SCRIPT.toString(), "--only", "algorithm=sdpa");
        assertThat(call.exitCode()).isZero();
        assertThat(aboutCudnn(call)).singleElement().asString()
                .startsWith("bench: " + CudnnBench.MISSING + "TORNADOVM_HOME=" + nowhere + ": no such folder")
                .endsWith(", skipped");
    }

    /** The script gets what is asked for where it measures, too, and is not called where its grid has none of it. */
    @Test
    void onlyReachesTheMeasurement() throws IOException {
        Path echo = Files.writeString(folder.resolve("echo.py"), """
                import sys
                print("torch", *sys.argv[1:])
                """);
        Call call = Call.of("peers", "--script", echo.toString(), "--quick", "--only", "batch=64,dtype=fp16|bf16");
        assertThat(call.exitCode()).isZero();
        assertThat(call.out().lines()).containsExactly(
                "torch --quick --only batch=64,dtype=fp16|bf16 --seconds 1.0 --minutes 1.0E9");
        Path mute = Files.writeString(folder.resolve("mute.py"), """
                import sys
                sys.exit("--list" not in sys.argv)
                """);
        Call.of("peers", "--script", mute.toString(), "--only", "batch=64,dtype=bf16")
                .refused(Failure.USAGE, "no measurement of any grid");
    }

    @Test
    void refused() {
        peers("--only", "seq_q=7").refused(Failure.USAGE, "no measurement of any grid is what --only asks for");
        peers("--only", "colour=red").refused(Failure.USAGE, "--only colour: known are backend");
        Call.of("peers", "--script", "nowhere.py").refused(Failure.USAGE, "nowhere.py: no such file");
        Call call = peers("--python", "/no/python", "--only", "seq_q=7");
        assertThat(call.err()).contains("there is no /no/python, so PyTorch is not measured on a GPU, skipped");
    }
}
