package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.UsageException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code attention}: exact attention on any device, from the command line. Exit codes: see {@link Failure}. */
@Command(
        name = "attention",
        version = Main.VERSION,
        description = "Exact attention, forward and backward, as plain Java kernels: "
                + "on a GPU through TornadoVM, on the CPU, or simulated.",
        synopsisSubcommandLabel = "COMMAND",
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "0:done",
            "1:a check failed",
            "2:wrong usage, unreadable input, or output not writable",
            "3:no such backend, device, JDK or SDK",
            "4:device, compiler or memory failed",
            "70:a bug of tornado-attention"
        },
        footer = "scripts/attention hands -J<option> to the JVM, for example -J-Xmx8g.",
        mixinStandardHelpOptions = true)
public final class Main implements Runnable {
    /** Name and version, of both command lines. */
    public static final String VERSION = "tornado-attention 0.1.0";

    @Spec
    private CommandSpec spec;

    @Option(names = "--verbose", scope = ScopeType.INHERIT, description = "Show the stack trace of an error.")
    private boolean verbose;

    private Main() {}

    /** Runs the command line and ends the JVM with its exit code. */
    public static void main(String[] args) {
        StandardError.restore();
        Locale.setDefault(Locale.ROOT);
        Terminal terminal = Terminal.ofProcess();
        // stdout is for results alone; what TornadoVM has to say through System.out goes to stderr
        System.setOut(System.err);
        System.exit(run(terminal, args));
    }

    /** Runs the command line and returns its exit code. */
    static int run(Terminal terminal, String... args) {
        Main main = new Main();
        CommandLine line = new CommandLine(main);
        line.addSubcommand(new DemoCommand(terminal));
        line.addSubcommand(new RunCommand(terminal));
        line.addSubcommand(new VerifyCommand(terminal));
        line.addSubcommand(new DevicesCommand(terminal));
        line.addSubcommand(new DoctorCommand(terminal));
        line.addSubcommand(new TraceCommand(terminal));
        line.addSubcommand(new MapCommand(terminal));
        line.addSubcommand(new TuneCommand(terminal));
        line.getSubcommands().values().forEach(sub -> sub.getCommandSpec().mixinStandardHelpOptions(true).version(VERSION));
        line.setOut(new PrintWriter(terminal.out(), true, terminal.out().charset()));
        line.setErr(new PrintWriter(terminal.err(), true, terminal.err().charset()));
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setParameterExceptionHandler((e, arguments) -> report(terminal, usage(e), e, main.verbose));
        line.setExecutionExceptionHandler((e, command, parsed) -> report(terminal, Failure.of(e), e, main.verbose));
        try {
            return line.execute(withCausalValue(args));
        } catch (UsageException | Error e) {
            return report(terminal, Failure.of(e), e, main.verbose);
        }
    }

    /** Without a command there is nothing to do. */
    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(),
                "a command is missing: demo, run, verify, devices, doctor, trace, map or tune");
    }

    /**
     * {@code --causal} alone means its default value, so that {@code --causal IN.npz} does not swallow the file: options with an
     * optional value would take the next word.
     */
    private static String[] withCausalValue(String[] args) {
        List<String> words = new ArrayList<>();
        boolean options = true;
        for (int n = 0; n < args.length; n++) {
            options &= !args[n].equals("--");
            if (!options || !args[n].equals("--causal")) {
                words.add(args[n]);
                continue;
            }
            if (n + 1 < args.length && (args[n + 1].equals("top-left") || args[n + 1].equals("bottom-right"))) {
                throw new UsageException("--causal %s: write --causal=%s, with =".formatted(args[n + 1], args[n + 1]));
            }
            words.add("--causal=bottom-right");
        }
        return words.toArray(String[]::new);
    }

    private static Failure usage(ParameterException e) {
        String message = e.getMessage() == null ? "" : e.getMessage();
        String reason = message.lines().map(String::strip).reduce((a, b) -> a + "; " + b).orElse("wrong usage");
        return new Failure(Failure.USAGE,
                "%s (see %s --help)".formatted(reason, e.getCommandLine().getCommandSpec().qualifiedName()));
    }

    private static int report(Terminal terminal, Failure failure, Throwable cause, boolean verbose) {
        terminal.out().flush();
        terminal.err().println("attention: " + failure.line());
        if (verbose) {
            cause.printStackTrace(terminal.err());
        }
        return failure.exitCode();
    }
}
