package io.github.tornadoattention.bench.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Commands under the IO model's figures are the shell's to run, and ask for the figures' points; what they print is trace's
 * affair.
 */
class TrafficCommandsTest {
    @TempDir
    Path folder;

    /** What each command calls, where scripts/attention shows its arguments in a line such as trace's totals. */
    private List<String> calls(String title) throws IOException, InterruptedException {
        Page page = new Page("t");
        TrafficSection.write(page);
        Page.Figure figure = page.pieces().stream().filter(Page.Figure.class::isInstance).map(Page.Figure.class::cast)
                .filter(one -> one.svg().contains("<title>" + title)).findFirst().orElseThrow();
        Path script = Files.createDirectories(folder.resolve("scripts")).resolve("attention");
        Files.writeString(script, "#!/bin/sh\necho forward $*\necho backward $*\n");
        assertThat(script.toFile().setExecutable(true)).isTrue();
        Process process = new ProcessBuilder("sh", "-c", figure.commands().getFirst()).directory(folder.toFile())
                .redirectErrorStream(true).start();
        List<String> lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        assertThat(process.waitFor()).isZero();
        return lines;
    }

    @Test
    void everyPointIsAskedFor() throws Exception {
        assertThat(calls("Theorem 2")).hasSize(8).startsWith("forward trace --shape 1,1,4096,64 --block 16,16")
                .endsWith("forward trace --shape 1,1,4096,64 --block 256,256");
        assertThat(calls("Theorem 5")).hasSize(8).startsWith("backward trace --shape 1,1,4096,64 --block 16,16")
                .endsWith("backward trace --shape 1,1,4096,64 --block 256,256");
        for (String pass : List.of("forward", "backward")) {
            assertThat(calls("Bytes against N, " + pass)).hasSize(10).startsWith(pass + " trace --shape 1,1,128,64")
                    .endsWith(pass + " trace --shape 1,1,65536,64");
        }
        assertThat(calls("Proposition 4")).hasSize(14)
                .startsWith("forward trace --shape 1,1,4096,64 --block 64,64 --density 0.03125",
                        "backward trace --shape 1,1,4096,64 --block 64,64 --density 0.03125")
                .endsWith("forward trace --shape 1,1,4096,64 --block 64,64 --density 1",
                        "backward trace --shape 1,1,4096,64 --block 64,64 --density 1");
    }
}
