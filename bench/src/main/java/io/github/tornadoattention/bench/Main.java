package io.github.tornadoattention.bench;

import io.github.tornadoattention.bench.device.DeviceBench;
import io.github.tornadoattention.bench.device.RandomChecks;
import io.github.tornadoattention.host.AttentionException;
import io.github.tornadoattention.host.cli.StandardError;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** What scripts/bench runs. Exit codes are those of the command line tool. */
@Command(name = "bench", mixinStandardHelpOptions = true, subcommands = {DeviceBench.class, RandomChecks.class},
        description = "Measures attention; every result is checked before its time is reported.")
public final class Main {
    private static final int BUG = 70;

    private Main() {}

    /** Runs a subcommand and ends the JVM. */
    public static void main(String[] args) {
        StandardError.restore();
        System.exit(new CommandLine(new Main()).setExecutionExceptionHandler((e, command, parsed) -> {
            System.err.println("bench: " + e.getMessage());
            return e instanceof AttentionException known ? known.exitCode() : BUG;
        }).execute(args));
    }
}
