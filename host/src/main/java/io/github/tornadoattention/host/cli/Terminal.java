package io.github.tornadoattention.host.cli;

import java.io.PrintStream;
import java.util.Map;

/**
 * Where a command reads and writes.
 *
 * @param out results
 * @param err errors and progress
 * @param interactive whether somebody watches {@code err}, so that progress may be drawn there
 * @param environment the environment's variables
 */
public record Terminal(PrintStream out, PrintStream err, boolean interactive, Map<String, String> environment) {
    /** Set by scripts/attention to 1 if stderr is a terminal, else to 0. */
    private static final String VARIABLE = "ATTENTION_TERMINAL";

    /** The process's own. */
    public static Terminal ofProcess() {
        String told = System.getenv(VARIABLE);
        boolean interactive = told == null ? System.console() != null && System.console().isTerminal() : told.equals("1");
        return new Terminal(System.out, System.err, interactive, System.getenv());
    }

    /** Prints a line of results. */
    public void print(String line) {
        out.println(line);
    }
}
