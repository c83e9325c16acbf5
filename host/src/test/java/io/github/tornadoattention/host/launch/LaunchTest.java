package io.github.tornadoattention.host.launch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The command line that is printed for scripts/attention. */
class LaunchTest {
    @TempDir
    Path folder;

    private Path root;
    private final Map<String, String> environment = new HashMap<>();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @BeforeEach
    void builtCheckout() {
        root = folder.resolve("my checkout");
        for (String file : new String[] {"host/target/host-0.1.0-SNAPSHOT.jar", "host/target/host-0.1.0-SNAPSHOT-sources.jar",
            "host/target/lib/picocli-4.7.7.jar", "host/target/lib/tornado-kernels-0.1.0-SNAPSHOT.jar",
            "simulator/target/simulator-0.1.0-SNAPSHOT.jar"}) {
            FakeSdk.write(root.resolve(file), "");
        }
        environment.put(Memory.VARIABLE, "12G");
    }

    private List<String> launch(String... arguments) {
        List<String> args = new ArrayList<>(List.of(root.toString()));
        args.addAll(List.of(arguments));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        err.reset();
        Launch.print(args.toArray(String[]::new), environment, new PrintStream(out, false, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8));
        String printed = out.toString(StandardCharsets.UTF_8);
        assertThat(printed).endsWith("\0");
        return Arrays.asList(printed.substring(0, printed.length() - 1).split("\0", -1));
    }

    private static String classPath(List<String> words) {
        return words.get(words.indexOf("-cp") + 1);
    }

    @Test
    void onTheJvm() {
        List<String> words = launch("run", "in file.npz", "", "--backend", "cpu");
        assertThat(words.getFirst()).isEqualTo("0");
        assertThat(words.get(1)).endsWith("/bin/java");
        assertThat(words).endsWith(CommandLine.MAIN, "run", "in file.npz", "", "--backend", "cpu");
        assertThat(classPath(words)).contains("host-0.1.0-SNAPSHOT.jar", "picocli-4.7.7.jar", "tornado-kernels",
                "simulator-0.1.0")
                .doesNotContain("sources");
        assertThat(words).noneMatch(word -> word.startsWith("-javaagent"));
        assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void theSimulatorHasItsAgent() {
        assertThat(launch("verify", "dir", "--backend=simulator"))
                .contains("-javaagent:" + root.resolve("simulator/target/simulator-0.1.0-SNAPSHOT.jar"))
                .contains("--add-exports=java.base/jdk.internal.vm=ALL-UNNAMED")
                .doesNotContain("-Dattention.stderr=9");
    }

    @Test
    void warningsAboutIncubatorModulesAreKeptOffWhereThereAreAny() {
        assertThat(launch("demo")).containsSequence("--add-modules", "jdk.incubator.vector").contains("-Dattention.stderr=9");
        assertThat(launch("--help")).doesNotContain("--add-modules", "-Dattention.stderr=9");
    }

    @ParameterizedTest
    @ValueSource(strings = {"demo", "devices", "run --backend tornado", "verify --backend=tornado:0:1",
            "run --backend auto", "tune"})
    void onTheSdk(String arguments) {
        environment.put("TORNADOVM_HOME", FakeSdk.in(folder.resolve("sdk")).toString());
        List<String> words = launch(arguments.split(" "));
        assertThat(words.getFirst()).isEqualTo("0");
        assertThat(words)
                .contains("--module-path", "-Dtornado.recover.bailout=False", "-Dtornado.device.memory=12288MB",
                        "--enable-native-access=ALL-UNNAMED", "--enable-native-access=tornado.drivers.opencl")
                .noneMatch(word -> word.startsWith("-javaagent"));
        assertThat(classPath(words)).contains("host-0.1.0-SNAPSHOT.jar").doesNotContain("simulator");
    }

    /** Its native library is loaded by a module of its own, which the JVM would warn about. */
    @Test
    void moduleOfCudnnHasNativeAccessWhereItIsStarted() {
        Path sdk = FakeSdk.in(folder.resolve("sdk"));
        environment.put("TORNADOVM_HOME", sdk.toString());
        assertThat(launch("demo")).doesNotContain("--enable-native-access=tornado.cudnn");
        FakeSdk.write(sdk.resolve("tornado-argfile.template"),
                FakeSdk.TEMPLATE.replace("tornado.drivers.opencl", "tornado.drivers.opencl,tornado.cudnn"));
        assertThat(launch("demo")).contains("--enable-native-access=tornado.cudnn");
    }

    @ParameterizedTest
    @ValueSource(strings = {"demo --backend simulator", "run x --backend=cpu", "verify d --backend reference", "doctor",
            "--version", "run --help"})
    void theSdkIsIgnoredWhereItIsNotUsed(String arguments) {
        environment.put("TORNADOVM_HOME", folder.resolve("none").toString());
        List<String> words = launch(arguments.split(" "));
        assertThat(words.getFirst()).isEqualTo("0");
        assertThat(words).doesNotContain("--module-path");
    }

    @Test
    void aWrongSdkIsOneLineAndExitCode3() {
        environment.put("TORNADOVM_HOME", folder.resolve("none").toString());
        assertThat(launch("demo")).containsExactly("3");
        assertThat(err.toString(StandardCharsets.UTF_8).lines()).singleElement().asString()
                .startsWith("attention: TORNADOVM_HOME=" + folder.resolve("none")
                + ": no such folder; install TornadoVM 5.2.0-jdk25");
    }

    @Test
    void anEmptySdkVariableIsNone() {
        environment.put("TORNADOVM_HOME", " ");
        assertThat(launch("demo")).doesNotContain("--module-path").first().isEqualTo("0");
    }

    @Test
    void optionsForTheJvm() {
        List<String> words = launch("-J-Dtornado.opencl.compiler.flags=-cl-mad-enable -w", "demo", "-J-Xmx1g");
        assertThat(words).contains("-Dtornado.opencl.compiler.flags=-cl-mad-enable -w", "-Xmx1g")
                .endsWith(CommandLine.MAIN, "demo");
    }

    @Test
    void notBuilt() {
        FakeSdk.delete(root.resolve("simulator/target/simulator-0.1.0-SNAPSHOT.jar"));
        assertThat(launch("demo")).containsExactly("3");
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("simulator is not built");
    }

    @ParameterizedTest
    @CsvSource({"64M, 67108864", "16g, 17179869184", "2T, 2199023255552", "123, 123", "4GB, 4294967296", "8 kb, -1", "lots, -1"})
    void sizes(String text, long bytes) {
        if (bytes > 0) {
            assertThat(Memory.parse(text)).isEqualTo(bytes);
        } else {
            environment.put(Memory.VARIABLE, text);
            environment.put("TORNADOVM_HOME", FakeSdk.in(folder.resolve("sdk")).toString());
            assertThat(launch("devices")).containsExactly("3");
            assertThat(err.toString(StandardCharsets.UTF_8)).contains("TORNADO_ATTENTION_DEVICE_MEMORY=" + text + " is no size");
        }
    }

    @Test
    void theLargestDeviceOfNvidiaSmiIsAskedForOnce() throws Exception {
        Path programs = Files.createDirectories(folder.resolve("bin"));
        Path smi = Files.writeString(programs.resolve("nvidia-smi"), "#!/bin/sh\necho 8192\necho 81559\n");
        Files.setPosixFilePermissions(smi, PosixFilePermissions.fromString("rwxr-xr-x"));
        Map<String, String> variables = Map.of("PATH", "/nowhere:" + programs);
        Path cache = folder.resolve("device-memory");
        assertThat(Memory.ofDevice(variables, cache)).isEqualTo(81559L << 20);
        Files.writeString(smi, "#!/bin/sh\nexit 1\n");
        assertThat(Memory.ofDevice(variables, cache)).isEqualTo(81559L << 20);
        Files.delete(cache);
        assertThat(Memory.ofDevice(variables, cache)).isLessThan(1L << 50).isPositive();
    }
}
