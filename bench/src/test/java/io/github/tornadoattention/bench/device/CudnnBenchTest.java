package io.github.tornadoattention.bench.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.bench.Call;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UnavailableException;
import io.github.tornadoattention.host.cli.Failure;
import io.github.tornadoattention.host.tornado.Platform;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/** What of TornadoVM's cuDNN attention needs no GPU: the grid, what may be missing, and how its module is called. */
class CudnnBenchTest {
    private static final String FUNCTION = """
            package uk.ac.manchester.tornado.api.common;
            public class TornadoFunctions {
                public interface LibraryTask1<T1> { Object apply(T1 arg1); }
            }
            """;
    private static final String TASKS = """
            package uk.ac.manchester.tornado.cudnn;
            import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
            public class CuDnn {
                public static Object sdpaForward(HalfFloatArray q, HalfFloatArray k, HalfFloatArray v, HalfFloatArray o,
                        int b, int h, int sQ, int sKv, int d, float scale, boolean causal) {
                    return java.util.List.of(q, k, v, o, b, h, sQ, sKv, d, scale, causal);
                }
            }
            """;
    private static final String NATIVE = """
            package uk.ac.manchester.tornado.cudnn.provider;
            final class CuDnnNativeLib {
                static void load() { %s }
                static long cudnnGetVersionNative() { return 92410; }
            }
            """;
    private static final String GRAPH = """
            package uk.ac.manchester.tornado.cudnn;
            import uk.ac.manchester.tornado.api.common.TornadoFunctions.LibraryTask1;
            public class Graph {
                public String id;
                public Object descriptor;
                public <T1> Graph libraryTask(String id, LibraryTask1<T1> code, T1 arg1) {
                    this.id = id;
                    descriptor = code.apply(arg1);
                    return this;
                }
            }
            """;

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource(delimiter = '/', value = {
        "seq_q=4096,head_dim=128,causal=true / 2", "batch=16,heads=8,seq_q=65536 / 2", "device=H100,seq_q=256 / 2",
        "backend=tornado-cudnn,algorithm=sdpa,driver=cuda,seq_q=512,batch=1|32 / 6", "units=null,key_mask=null / 54",
    })
    void listed(String only, int lines) {
        List<String> listed = Call.of("cudnn", "--list", "--only", only.strip()).done().out().lines().toList();
        assertThat(listed).hasSize(lines).doesNotHaveDuplicates().allMatch(line -> line.startsWith("tornado-cudnn cuda sdpa b"));
    }

    @Test
    void withoutAnSdkItIsNotAvailable() {
        Call.of("cudnn", "--quick").refused(Failure.UNAVAILABLE, CudnnBench.MISSING + "TORNADOVM_HOME names no SDK");
    }

    @ParameterizedTest
    @ValueSource(strings = {"seq_q=7", "dtype=fp32", "direction=backward", "backend=tornado"})
    void refusedWhereNoGridHasIt(String only) {
        Call.of("cudnn", "--list", "--only", only).refused(Failure.USAGE, "no measurement of the grid is what --only asks for");
    }

    /** As a driver of TornadoVM shows it. */
    private static Platform.Device device(String driver, String name) {
        Platform.Device simulator = Platform.devices().getFirst();
        TornadoDevice device = (TornadoDevice) Proxy.newProxyInstance(CudnnBenchTest.class.getClassLoader(),
                new Class<?>[] {TornadoDevice.class},
                (proxy, method, words) -> method.getName().equals("getDeviceName") ? name : null);
        return new Platform.Device(0, 0, driver, device, 0, simulator.tunings());
    }

    @Test
    void cudaOnAnNvidiaGpuIsNeeded() {
        Platform.Device opencl = device("opencl", "NVIDIA H100");
        Platform.Device other = device("cuda", "Emulator");
        Platform.Device cuda = device("cuda", "NVIDIA H100");
        assertThat(CudnnLibrary.device(List.of(opencl, other, cuda))).isSameAs(cuda);
        assertThatThrownBy(() -> CudnnLibrary.device(List.of(opencl, other))).isInstanceOf(UnavailableException.class)
                .hasMessage(CudnnBench.MISSING + "it needs an NVIDIA GPU and an SDK with the driver cuda, "
                        + "here is opencl with NVIDIA H100, cuda with Emulator");
    }

    /** A class loader with these classes beside those of this build. */
    private ClassLoader compiled(String... sources) throws IOException {
        List<String> words = new ArrayList<>(List.of("-nowarn", "-proc:none", "-d", folder.resolve("classes").toString()));
        for (String source : sources) {
            String name = source.replaceFirst("(?s).*?class (\\w+).*", "$1");
            Path file = Files.createDirectories(folder.resolve(name)).resolve(name + ".java");
            words.add(Files.writeString(file, source).toString());
        }
        assertThat(ToolProvider.getSystemJavaCompiler().run(null, null, null, words.toArray(String[]::new))).isZero();
        return new URLClassLoader(new URL[] {folder.resolve("classes").toUri().toURL()}, getClass().getClassLoader());
    }

    private static void missing(ClassLoader loader, String... words) {
        assertThatThrownBy(() -> CudnnLibrary.of(loader, TaskGraph.class)).isInstanceOf(UnavailableException.class)
                .hasMessageStartingWith(CudnnBench.MISSING).hasMessageContainingAll(words);
    }

    @Test
    void whatIsMissingIsNamed() throws Exception {
        missing(getClass().getClassLoader(), "this SDK has no module tornado.cudnn");
        missing(compiled(FUNCTION), "this SDK has no module tornado.cudnn", "uk.ac.manchester.tornado.cudnn.CuDnn");
        missing(compiled(FUNCTION, TASKS.replace("boolean causal", "int causal")), "another API than TornadoVM", "sdpaForward");
        String fails = "throw new IllegalStateException(\"[ERROR] Unable to load libtornado-cudnn\");";
        missing(compiled(FUNCTION, TASKS, NATIVE.formatted(fails)), CudnnBench.MISSING + "Unable to load libtornado-cudnn");
        // graphs of the simulator take no library's tasks
        missing(compiled(FUNCTION, TASKS, NATIVE.formatted("")), "another API than TornadoVM", "libraryTask");
    }

    @Test
    void attentionBecomesATask() throws Exception {
        ClassLoader loader = compiled(FUNCTION, TASKS, NATIVE.formatted(""), GRAPH);
        Class<?> graphs = loader.loadClass("uk.ac.manchester.tornado.cudnn.Graph");
        CudnnLibrary library = CudnnLibrary.of(loader, graphs);
        assertThat(library.version()).isEqualTo("9.24.10");
        AttentionSpec spec = AttentionSpec.builder(2, 3, 5, 16).seqK(7).causal().scale(0.25).dtype(DType.FP16).build();
        RandomTensors in = RandomTensors.of(spec);
        Tensor out = Tensor.zeros(DType.FP16, spec.qShape());
        Object graph = graphs.getDeclaredConstructor().newInstance();
        library.addTo(graph, "sdpa0", spec, in.q(), in.k(), in.v(), out);
        assertThat(graphs.getField("id").get(graph)).isEqualTo("sdpa0");
        assertThat(graphs.getField("descriptor").get(graph))
                .isEqualTo(List.of(in.q().array(), in.k().array(), in.v().array(), out.array(), 2, 3, 5, 7, 16, 0.25f, true));
    }

    /** Lines of another algorithm on the same device stand in the table of others, with the SDK that their command needs. */
    @Test
    void reportShowsIt() throws IOException {
        List<String> lines = new ArrayList<>();
        for (int n : new int[] {512, 1024}) {
            for (String[] who : new String[][] {{"tornado", "flash", "device"},
                {CudnnAttention.BACKEND, CudnnAttention.ALGORITHM, "cudnn"}}) {
                AttentionSpec spec = AttentionSpec.builder(1, 16, n, 64).dtype(DType.FP16).build();
                lines.add(new Result().with(spec).with("backend", who[0]).with("driver", "cuda").with("device", "NVIDIA H100")
                        .with("algorithm", who[1]).with("dtype", "fp16").with("direction", "forward").with("checked", true)
                        .with("median_ms", who[0].equals("tornado") ? 3.0 : 1.5).with("p10_ms", 1.0).with("p90_ms", 4.0)
                        .with("tflops", 1.0).with("versions", Map.of("cudnn", "9.24.10"))
                        .with("command", "scripts/bench " + who[2]).json());
            }
        }
        Path file = Files.write(folder.resolve("r.jsonl"), lines);
        Path page = folder.resolve("r.md");
        Call.of("report", file.toString(), "--out", page.toString());
        assertThat(Files.readString(page)).contains("cudnn 9.24.10", "TORNADOVM_HOME=<CUDA SDK> scripts/bench cudnn")
                .containsPattern("\\| tornado-cudnn cuda sdpa fp16, forward on H100 \\| 2 \\| 0.50 \\|");
    }
}
