package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.check.Tolerance;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code attention demo}: both algorithms on real activations, verified, with times, errors and memory. */
@Command(name = "demo",
        description = "Runs a layer of a trained GPT forward and backward by both algorithms, verifies it, and prints a table.")
final class DemoCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Option(names = "--backend", paramLabel = "B", defaultValue = "auto",
            description = "reference, cpu, simulator, tornado, tornado:<driver>:<device> or auto (the default).")
    private String backendName;

    @Mixin
    private TuningFlags tuningFlags;

    DemoCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        Backend backend = tuningFlags.on(Backend.of(backendName));
        DemoInput input = DemoInput.read();
        AttentionSpec spec = input.spec();
        terminal.print("layer 3 of a character-level GPT, %d characters of the King James text: %s".formatted(spec.seqQ(), spec));
        terminal.print("backend %s on %s".formatted(backend.name(), backend.device()));
        terminal.print("");
        List<DemoRow> rows = new ArrayList<>();
        Tolerance tolerance;
        try (Progress progress = Progress.of(terminal, "demo", 3)) {
            progress.at("float64");
            Exact exact = ReferenceAttention.forwardBackward(spec, input.q(), input.k(), input.v(), input.dOut());
            tolerance = Tolerance.of(spec, AttentionInputs.of(input.q(), input.k(), input.v()), input.dOut(), exact);
            progress.step();
            for (Algorithm algorithm : new Algorithm[] {Algorithm.STANDARD, Algorithm.FLASH}) {
                progress.at(name(algorithm));
                rows.add(DemoRow.of(backend, algorithm, input, exact, tolerance));
                progress.step();
            }
        }
        print(rows, spec, tolerance);
        return rows.stream().allMatch(DemoRow::passed) ? Failure.DONE : Failure.CHECK_FAILED;
    }

    private void print(List<DemoRow> rows, AttentionSpec spec, Tolerance tolerance) {
        double flops = spec.forwardFlops();
        Table table = new Table().row("algorithm", "forward", "", "backward", "", "error out", "error gradients", "extra memory");
        for (DemoRow row : rows) {
            // a wrong result has no speed
            long forward = row.passed() ? row.forwardNanos() : -1;
            long backward = row.passed() ? row.backwardNanos() : -1;
            table.row(name(row.algorithm()),
                    Numbers.time(forward), Numbers.rate(flops, forward),
                    Numbers.time(backward), Numbers.rate(Summary.BACKWARD_FLOPS * flops, backward),
                    Numbers.error(row.outError()), Numbers.error(row.gradientError()), Numbers.bytes(row.extraBytes()));
        }
        table.row("allowed", "", "", "", "", Numbers.error(tolerance.out()), Numbers.error(tolerance.gradient()), "");
        table.lines().forEach(terminal::print);
        terminal.print("");
        DemoRow flash = rows.getLast();
        terminal.print(("times: median of %d runs after warming up, %s; FLOPs: 4 x head dim for each visible pair forward, "
                + "2.5 times that backward").formatted(flash.runs(), flash.inKernels() ? "in kernels" : "from call to result"));
        terminal.print("memory beyond inputs and outputs: standard attention needs %.1f times that of flash attention"
                .formatted((double) rows.getFirst().extraBytes() / Math.max(1, flash.extraBytes())));
        rows.stream().filter(row -> !row.passed()).forEach(row ->
                terminal.print("WRONG: %s attention: %s".formatted(name(row.algorithm()), row.failure())));
        if (rows.stream().allMatch(DemoRow::passed)) {
            terminal.print("verified: out, lse, dq, dk and dv agree with float64, which was computed in this run");
        }
    }

    private static String name(Algorithm algorithm) {
        return algorithm.name().toLowerCase(Locale.ROOT);
    }
}
