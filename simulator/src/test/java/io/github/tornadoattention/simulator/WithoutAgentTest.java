package io.github.tornadoattention.simulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.simulator.kernels.Barriers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Starts other JVMs: without the agent, and without the export that continuations need. */
class WithoutAgentTest {

    /** Runs two kernels, one of them wrong, and prints what became of it. */
    static final class Program {

        private Program() {
        }

        public static void main(String[] arguments) {
            IntArray out = new IntArray(10);
            Run.line(10, 5, g -> g.task("t", Barriers::ring, new KernelContext(), out, 3)
                    .transferToHost(DataTransferMode.EVERY_EXECUTION, out));
            System.out.println(Arrays.toString(out.toHeapArray()));
            System.out.println(Simulator.settings().scheduling());
            try {
                Run.line(4, 4, g -> g.task("t", Barriers::someReturn, new KernelContext(), out, 3));
            } catch (KernelFault fault) {
                System.out.println(fault.getMessage());
            }
        }
    }

    private static List<String> java(String... options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", "target/classes" + java.io.File.pathSeparator + "target/test-classes"
                + java.io.File.pathSeparator + System.getProperty("java.class.path"), Program.class.getName()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        List<String> lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        assertThat(process.waitFor()).as(String.join("\n", lines)).isZero();
        return lines;
    }

    @Test
    void itRunsOnVirtualThreadsAndSaysWhatItCannotSee() throws Exception {
        List<String> lines = java();
        assertThat(lines).hasSize(4);
        assertThat(lines.get(0)).startsWith("simulator: started without its agent");
        assertThat(lines.get(1)).isEqualTo("[3, 4, 0, 1, 2, 3, 4, 0, 1, 2]");
        assertThat(lines.get(2)).isEqualTo("VIRTUAL_THREADS");
        assertThat(lines.get(3)).startsWith("barrier divergence: 3 of 4 work-items wait").contains("kernel Barriers.someReturn")
                .contains("an unknown line");
    }

    @Test
    void theAgentExportsContinuationsByItself() throws Exception {
        String jar = Arrays.stream(Path.of("target").toFile().list()).filter(name -> name.matches("simulator-.*\\.jar")
                && !name.contains("sources") && !name.contains("javadoc")).findFirst().orElseThrow();
        List<String> lines = java("-javaagent:target/" + jar);
        assertThat(lines.subList(0, 2)).containsExactly("[3, 4, 0, 1, 2, 3, 4, 0, 1, 2]", "CONTINUATIONS");
        assertThat(lines.get(2)).contains(SourceLines.of("Barriers.someReturn", "some wait"));
    }
}
