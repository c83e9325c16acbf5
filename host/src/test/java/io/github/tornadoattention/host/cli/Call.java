package io.github.tornadoattention.host.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** One call of the command line in this JVM: its exit code and what it printed. */
record Call(int exitCode, String out, String err) {
    static Call of(String... args) {
        return of(Map.of(), args);
    }

    static Call of(Map<String, String> environment, String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Terminal terminal = new Terminal(new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8), false, environment);
        int exitCode = Main.run(terminal, args);
        return new Call(exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** Requires success and nothing on stderr. */
    Call done() {
        assertThat(err).isEmpty();
        assertThat(exitCode).isEqualTo(Failure.DONE);
        return this;
    }

    /** Requires this exit code, nothing on stdout, and one line on stderr that holds these words. */
    void refused(int code, String... words) {
        assertThat(err.lines()).hasSize(1);
        assertThat(err).startsWith("attention: ").contains(words);
        assertThat(out).isEmpty();
        assertThat(exitCode).isEqualTo(code);
    }
}
