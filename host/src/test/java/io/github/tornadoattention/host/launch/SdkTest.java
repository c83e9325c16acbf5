package io.github.tornadoattention.host.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.File;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong with a TORNADOVM_HOME, one by one, and what becomes of a sound one's template. */
class SdkTest {
    @TempDir
    Path folder;

    private Path home;

    @BeforeEach
    void sound() {
        home = FakeSdk.in(folder.resolve("with blank/sdk"));
    }

    private void assertWrong(Path sdk, String what) {
        assertThatExceptionOfType(LaunchException.class)
                .isThrownBy(() -> Sdk.at(sdk))
                .withMessageStartingWith("TORNADOVM_HOME=" + sdk + ": ")
                .withMessageContainingAll(what, "set TORNADOVM_HOME")
                .satisfies(e -> assertThat(e.getMessage().lines()).hasSize(1));
    }

    @Test
    void soundSdk() {
        Sdk sdk = Sdk.at(home);
        assertThat(sdk.version()).isEqualTo("5.2.0-jdk25");
        assertThat(sdk.drivers()).containsExactly("opencl");
    }

    @Test
    void missingFolder() {
        assertWrong(folder.resolve("none"), "no such folder");
    }

    @Test
    void fileInsteadOfFolder() {
        assertWrong(home.resolve("tornado-argfile.template"), "not a folder");
    }

    @Test
    void noTemplate() {
        FakeSdk.delete(home.resolve("tornado-argfile.template"));
        assertWrong(home, "no tornado-argfile.template");
    }

    @Test
    void folderAboveTheSdk() {
        Path checkout = folder.resolve("TornadoVM");
        FakeSdk.in(checkout.resolve("bin/sdk"));
        assertWrong(checkout, "set TORNADOVM_HOME to " + checkout.resolve("bin/sdk"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"5.2.0-jdk21", "5.1.9-jdk25", "4.0.0-jdk25", "1.0", ""})
    void otherVersion(String version) {
        FakeSdk.write(home.resolve("etc/tornado.release"), "version=" + version + "\n");
        assertWrong(home, "it is TornadoVM " + version + ", 5.2.0-jdk25 is needed");
    }

    @ParameterizedTest
    @ValueSource(strings = {"5.2.0-jdk25", "5.2.1-jdk25", "5.3.0-jdk25-dev", "6.0.0-jdk25"})
    void thisVersionAndLaterOnes(String version) {
        FakeSdk.write(home.resolve("etc/tornado.release"), "version=" + version + "\n");
        assertThat(Sdk.at(home).version()).isEqualTo(version);
    }

    @Test
    void versionFromTheNameOfTheJar() {
        FakeSdk.delete(home.resolve("etc/tornado.release"));
        assertThat(Sdk.at(home).version()).isEqualTo("5.2.0-jdk25");
        FakeSdk.delete(home.resolve("share/java/tornado/tornado-api-5.2.0-jdk25.jar"));
        assertWrong(home, "share/java/tornado/tornado-api-*.jar is missing");
    }

    @Test
    void noDriver() {
        FakeSdk.delete(home.resolve("share/java/tornado/tornado-drivers-opencl-5.2.0-jdk25.jar"));
        assertWrong(home, "names driver opencl, but share/java/tornado/tornado-drivers-opencl-*.jar is missing");
        FakeSdk.delete(home.resolve("share/java/tornado/tornado-drivers-ptx-5.2.0-jdk25.jar"));
        assertWrong(home, "no driver (share/java/tornado/tornado-drivers-*.jar)");
    }

    @Test
    void templateWithoutDriver() {
        FakeSdk.write(home.resolve("tornado-argfile.template"), "-server\n--add-modules ALL-SYSTEM,tornado.drivers.common\n");
        assertWrong(home, "names no driver");
    }

    @Test
    void noNativeLibraries() {
        FakeSdk.delete(home.resolve("lib/libtornado-opencl.so"));
        FakeSdk.delete(home.resolve("lib"));
        assertWrong(home, "lib (the native libraries) is missing");
    }

    @Test
    void optionsPointToWhereTheSdkIs() {
        List<String> options = Sdk.at(home).jvmOptions();
        assertThat(options)
                .contains("-server", "-XX:+EnableJVMCI", "-Djava.library.path=" + home.resolve("lib"))
                .contains("--add-modules=ALL-SYSTEM,tornado.runtime,tornado.annotation,tornado.drivers.common,"
                        + "tornado.drivers.opencl")
                .contains("--add-exports=jdk.graal.compiler/jdk.graal.compiler.nodes.cfg=tornado.runtime,tornado.drivers.common")
                .containsSequence("--upgrade-module-path", home.resolve("share/java/graalJars").toString())
                .noneMatch(option -> option.contains("${"));
    }

    @Test
    void modulePathHoldsWhatIsNeededAndNothingElse() {
        List<String> options = Sdk.at(home).jvmOptions();
        String path = options.get(options.indexOf("--module-path") + 1);
        assertThat(path.split(File.pathSeparator))
                .extracting(jar -> Path.of(jar).getFileName().toString())
                .containsExactlyInAnyOrder("tornado-api-5.2.0-jdk25.jar", "tornado-runtime-5.2.0-jdk25.jar",
                        "tornado-drivers-common-5.2.0-jdk25.jar", "tornado-drivers-opencl-5.2.0-jdk25.jar",
                        "commons-math3-3.2.jar");
    }

    @Test
    void wordsOfAnArgfile() {
        assertThat(ArgfileTemplate.parse("-Dx=1 # note\n\"-Dy=a b\"\n-p 'c d' --add-exports=m/p=q\n  # all note\n-z"))
                .containsExactly(
                        new ArgfileTemplate.Option("-Dx=1", ""),
                        new ArgfileTemplate.Option("-Dy=a b", ""),
                        new ArgfileTemplate.Option("--module-path", "c d"),
                        new ArgfileTemplate.Option("--add-exports", "m/p=q"),
                        new ArgfileTemplate.Option("-z", ""));
    }
}
