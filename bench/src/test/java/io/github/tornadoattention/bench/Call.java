package io.github.tornadoattention.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.cli.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** One call of the benchmarks' command line in this JVM: its exit code and what it printed. */
public record Call(int exitCode, String out, String err) {
    public static Call of(String... args) {
        return in(Map.of(), args);
    }

    /** With these variables of the environment. */
    public static Call in(Map<String, String> environment, String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Terminal terminal = new Terminal(new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8), false, environment);
        int exitCode = Main.run(terminal, args);
        return new Call(exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** Requires success and nothing on stderr. */
    public Call done() {
        assertThat(err).isEmpty();
        assertThat(exitCode).as(out).isZero();
        return this;
    }

    /** Requires this exit code, nothing on stdout, and one line on stderr that holds these words. */
    public void refused(int code, String... words) {
        assertThat(err.lines()).hasSize(1);
        assertThat(err).startsWith("bench: ").contains(words);
        assertThat(out).isEmpty();
        assertThat(exitCode).isEqualTo(code);
    }
}
