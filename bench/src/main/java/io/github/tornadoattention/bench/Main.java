package io.github.tornadoattention.bench;

import io.github.tornadoattention.bench.cpu.CpuBench;
import io.github.tornadoattention.bench.cpu.PeersBench;
import io.github.tornadoattention.bench.device.CudnnBench;
import io.github.tornadoattention.bench.device.DecodeBench;
import io.github.tornadoattention.bench.device.DeviceBench;
import io.github.tornadoattention.bench.device.PaperBench;
import io.github.tornadoattention.bench.device.ProfileBench;
import io.github.tornadoattention.bench.device.RandomChecks;
import io.github.tornadoattention.bench.device.TrafficBench;
import io.github.tornadoattention.bench.report.CompareCommand;
import io.github.tornadoattention.bench.report.ReportCommand;
import io.github.tornadoattention.host.cli.Failure;
import io.github.tornadoattention.host.cli.StandardError;
import io.github.tornadoattention.host.cli.Terminal;
import io.github.tornadoattention.host.tornado.TuningFile;
import java.io.PrintWriter;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** What scripts/bench runs. Exit codes are those of the command line tool, see {@link Failure}. */
@Command(name = "bench", version = Main.VERSION, mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND",
        description = "Measures attention; every result is compared with float64 before it is timed.",
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "0:done; what does not fit a device's memory is a result",
            "1:a result was wrong, or with --strict slower",
            "2:wrong usage, unreadable input, or output not writable",
            "3:no such backend, device, JDK or SDK",
            "4:device, compiler or memory failed",
            "70:a bug of tornado-attention"
        },
        footer = "scripts/bench hands -J<option> to the JVM, for example -J-Xmx8g.")
public final class Main implements Runnable {
    static final String VERSION = io.github.tornadoattention.host.cli.Main.VERSION;

    @Spec
    private CommandSpec spec;

    @Option(names = "--verbose", scope = ScopeType.INHERIT, description = "Show the stack trace of an error.")
    private boolean verbose;

    private Main() {}

    /** Runs a subcommand and ends the JVM. */
    public static void main(String[] args) {
        StandardError.restore();
        // results may not depend on a file of this machine
        System.setProperty(TuningFile.PROPERTY, "off");
        Locale.setDefault(Locale.ROOT);
        System.exit(run(Terminal.ofProcess(), args));
    }

    /** Runs a subcommand and returns the exit code. */
    static int run(Terminal terminal, String... args) {
        Main main = new Main();
        CommandLine line = new CommandLine(main);
        line.addSubcommand(new DeviceBench(terminal));
        line.addSubcommand(new PaperBench(terminal));
        line.addSubcommand(new CpuBench(terminal));
        line.addSubcommand(new PeersBench(terminal));
        line.addSubcommand(new CudnnBench(terminal));
        line.addSubcommand(new ReportCommand(terminal));
        line.addSubcommand(new CompareCommand(terminal));
        line.addSubcommand(new RandomChecks(terminal));
        line.addSubcommand(new DecodeBench(terminal));
        line.addSubcommand(new ProfileBench(terminal));
        line.addSubcommand(new TrafficBench(terminal));
        line.getSubcommands().values().forEach(sub -> sub.getCommandSpec().mixinStandardHelpOptions(true).version(VERSION));
        line.setOut(new PrintWriter(terminal.out(), true, terminal.out().charset()));
        line.setErr(new PrintWriter(terminal.err(), true, terminal.err().charset()));
        line.setParameterExceptionHandler((e, arguments) -> report(terminal, usage(e), e, main.verbose));
        line.setExecutionExceptionHandler((e, command, parsed) -> report(terminal, Failure.of(e), e, main.verbose));
        try {
            return line.execute(args);
        } catch (Error e) {
            return report(terminal, Failure.of(e), e, main.verbose);
        }
    }

    /** Without a command there is nothing to do. */
    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(),
                "a command is missing: %s".formatted(String.join(", ", spec.subcommands().keySet())));
    }

    private static Failure usage(ParameterException e) {
        String message = e.getMessage() == null ? "" : e.getMessage();
        String reason = message.lines().map(String::strip).reduce((a, b) -> a + "; " + b).orElse("wrong usage");
        return new Failure(Failure.USAGE,
                "%s (see %s --help)".formatted(reason, e.getCommandLine().getCommandSpec().qualifiedName()));
    }

    private static int report(Terminal terminal, Failure failure, Throwable cause, boolean verbose) {
        terminal.out().flush();
        terminal.err().println("bench: " + failure.line());
        if (verbose) {
            cause.printStackTrace(terminal.err());
        }
        return failure.exitCode();
    }
}
