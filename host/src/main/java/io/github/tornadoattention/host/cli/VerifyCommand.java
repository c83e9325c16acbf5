package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.Tolerance;
import io.github.tornadoattention.host.npy.ArraySource;
import io.github.tornadoattention.host.reference.Exact;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code attention verify}: runs cases with known results and says how far off each tensor is. */
@Command(name = "verify", description = "Runs every case of DIR/cases.json and compares with the results stored beside it.")
final class VerifyCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(paramLabel = "DIR", description = "A folder with cases.json and an .npz for each case.")
    private Path folder;

    @Option(names = "--case", paramLabel = "NAME", description = "Run only this case; may be given several times.")
    private List<String> names = new ArrayList<>();

    @Mixin
    private BackendFlags backendFlags;

    VerifyCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        Cases cases = Cases.read(folder);
        List<String> selected = cases.select(names);
        Backend backend = backendFlags.backend();
        int width = selected.stream().mapToInt(String::length).max().orElse(0);
        int passed = 0;
        try (Progress progress = Progress.of(terminal, "verify", selected.size())) {
            for (String name : selected) {
                progress.at(name);
                Verdict verdict = verdict(cases, name, backend);
                progress.print("%s %s  %s".formatted(
                        verdict.passed ? "ok  " : "FAIL", name + " ".repeat(width - name.length()), verdict.text));
                passed += verdict.passed ? 1 : 0;
                progress.step();
            }
        }
        terminal.print("backend %s on %s, %s attention".formatted(
                backend.name(), backend.device(), backendFlags.algorithm().name().toLowerCase(Locale.ROOT)));
        terminal.print("%d passed, %d failed".formatted(passed, selected.size() - passed));
        return passed == selected.size() ? Failure.DONE : Failure.CHECK_FAILED;
    }

    private record Verdict(boolean passed, String text) {}

    /** A case that cannot run has failed: the others still run. */
    private Verdict verdict(Cases cases, String name, Backend backend) {
        try (ArraySource source = ArraySource.npz(cases.file(name))) {
            Problem problem = Problem.of(source, Layout.BHND, cases.options(name));
            cases.requireSizes(name, problem.spec());
            return compare(source, problem, backend);
        } catch (RuntimeException | OutOfMemoryError e) {
            return new Verdict(false, Failure.of(e).line());
        }
    }

    private Verdict compare(ArraySource source, Problem problem, Backend backend) {
        AttentionSpec spec = problem.spec();
        AttentionInputs inputs = problem.inputs();
        Tensor dOut = problem.dOut();
        try (Attention attention = Attention.on(backend, spec, backendFlags.algorithm())) {
            Forward forward = attention.forward(inputs);
            Gradients gradients = dOut == null ? null : attention.backward(dOut, forward);
            Comparison comparison = Comparison.of(
                    spec, expected(source, dOut != null), forward, gradients, Tolerance.of(spec, inputs, dOut));
            return new Verdict(comparison.passed(), text(comparison, dOut != null));
        }
    }

    private static String text(Comparison comparison, boolean backward) {
        String errors = "out %s  lse %s".formatted(Numbers.error(comparison.outError()), Numbers.error(comparison.lseError()));
        if (backward) {
            errors += "  dq %s  dk %s  dv %s".formatted(Numbers.error(comparison.dqError()), Numbers.error(comparison.dkError()),
                    Numbers.error(comparison.dvError()));
        }
        return comparison.passed() ? errors : errors + "  " + comparison.firstFailure();
    }

    private static Exact expected(ArraySource source, boolean backward) {
        return new Exact(doubles(source, "out"), doubles(source, "lse"), backward ? doubles(source, "dq") : null,
                backward ? doubles(source, "dk") : null, backward ? doubles(source, "dv") : null,
                backward && source.has("bias") ? doubles(source, "dbias") : null);
    }

    private static double[] doubles(ArraySource source, String name) {
        float[] floats = source.floats(name).toArray();
        double[] doubles = new double[floats.length];
        for (int n = 0; n < floats.length; n++) {
            doubles[n] = floats[n];
        }
        return doubles;
    }
}
