package io.github.tornadoattention.host.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How the scripts find a JDK 25: {@code scripts/lib.sh}, run by bash. */
class ScriptsTest {
    private static final Path LIBRARY = Path.of(System.getProperty("basedir", "."), "../scripts/lib.sh").normalize();

    @TempDir
    Path folder;

    private Path home(String name, String release, String... programs) throws IOException {
        Path home = folder.resolve(name);
        FakeSdk.write(home.resolve("release"), "IMPLEMENTOR=\"x\"\n" + release + "\nOS_NAME=\"Linux\"\n");
        for (String program : programs) {
            FakeSdk.write(home.resolve("bin/" + program), "#!/bin/sh\n");
            Files.setPosixFilePermissions(home.resolve("bin/" + program), PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        return home;
    }

    private String bash(String commands, String... environment) throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(Path.of("/bin/bash")) && Files.exists(LIBRARY));
        ProcessBuilder builder = new ProcessBuilder("/bin/bash", "-uc", ". '%s'; %s".formatted(LIBRARY, commands))
                .redirectErrorStream(true);
        for (int n = 0; n < environment.length; n += 2) {
            builder.environment().put(environment[n], environment[n + 1]);
        }
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return output.strip();
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '`', textBlock = """
            JAVA_VERSION="25.0.3", yes
            JAVA_VERSION="25",     yes
            JAVA_VERSION="26-ea",  yes
            JAVA_VERSION="24.0.2", no
            JAVA_VERSION="17.0.9", no
            JAVA_VERSION="1.8.0",  no
            JAVA_VERSION="",       no
            JAVA_VERSIONS="25",    no
            """)
    void theVersionIsThatOfTheReleaseFile(String release, String answer) throws Exception {
        Path home = home("a jdk", release, "java", "javac");
        assertThat(bash("is_java_25 '%s' && echo yes || echo no".formatted(home))).isEqualTo(answer);
    }

    @Test
    void noJavaNoJdk() throws Exception {
        assertThat(bash("is_java_25 '%s' || echo no".formatted(home("empty", "JAVA_VERSION=\"25\"")))).isEqualTo("no");
        assertThat(bash("is_java_25 /nowhere || echo no")).isEqualTo("no");
    }

    @Test
    void javaHomeComesFirstAndARunTimeWithoutCompilerLast() throws Exception {
        Path old = home("old", "JAVA_VERSION=\"17\"", "java", "javac");
        Path runTime = home("run-time", "JAVA_VERSION=\"25\"", "java");
        Path jdk = home("jdk", "JAVA_VERSION=\"25\"", "java", "javac");
        assertThat(bash("find_jdk; echo \"$JDK\"", "JAVA_HOME", jdk.toString())).isEqualTo(jdk.toString());
        assertThat(bash("find_jdk; echo \"$JDK\"", "JAVA_HOME", old.toString(), "JAVA_25_HOME", jdk.toString()))
                .isEqualTo(jdk.toString());
        assertThat(bash("find_jdk; echo \"$JDK\"", "JAVA_HOME", runTime.toString(), "JAVA_25_HOME", jdk.toString()))
                .isEqualTo(jdk.toString());
    }

    @Test
    void failuresAreOneLine() throws Exception {
        assertThat(bash("(fail 3 no such thing); echo $?")).isEqualTo("attention: no such thing\n3");
    }
}
