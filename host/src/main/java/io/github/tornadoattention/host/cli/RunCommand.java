package io.github.tornadoattention.host.cli;

import com.fasterxml.jackson.jr.ob.JSON;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.PackedAttention;
import io.github.tornadoattention.host.PackedSpec;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.npy.ArraySource;
import io.github.tornadoattention.host.npy.NpzWriter;
import io.github.tornadoattention.host.npy.OutputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code attention run}: attention of the arrays of a file, results to another file. */
@Command(name = "run", description = "Computes attention of the arrays q, k, v (and gradients, if there is dout) of a file.")
final class RunCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(arity = "0..1", paramLabel = "IN.npz",
            description = "Arrays q, k, v; optional dout, mask, bias, cu_seqlens (or cu_seqlens_q and cu_seqlens_k), block_mask, "
                    + "alibi_slopes, key_lengths.")
    private @Nullable Path input;

    @Option(names = "--out", paramLabel = "OUT.npz",
            description = "Where out, lse and, with dout, dq, dk, dv (and dbias, if there is a bias) go.")
    private @Nullable Path output;

    @Option(names = "--q", paramLabel = "Q.npy", description = "q from a file of its own, instead of IN.npz.")
    private @Nullable Path q;

    @Option(names = "--k", paramLabel = "K.npy", description = "k likewise.")
    private @Nullable Path k;

    @Option(names = "--v", paramLabel = "V.npy", description = "v likewise.")
    private @Nullable Path v;

    @Option(names = "--dout", paramLabel = "DOUT.npy", description = "dout likewise.")
    private @Nullable Path dOut;

    @Option(names = "--json", description = "Print the summary as one JSON object.")
    private boolean json;

    @Mixin
    private BackendFlags backendFlags;

    @Mixin
    private SpecFlags specFlags;

    RunCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        Options options = specFlags.options();
        Backend backend = backendFlags.backend();
        try (ArraySource source = source()) {
            Supplier<Summary> work = work(source, options, backend);
            if (output == null) {
                report(work.get());
            } else {
                requireNotAnInput(output);
                try (OutputFile file = OutputFile.open(output)) {
                    Summary summary = work.get();
                    file.commit(out -> NpzWriter.write(out, summary.arrays(), NpzWriter.Packing.STORED));
                    report(summary);
                }
            }
        }
        return Failure.DONE;
    }

    private ArraySource source() {
        Map<String, Path> files = new LinkedHashMap<>();
        putIfGiven(files, "q", q);
        putIfGiven(files, "k", k);
        putIfGiven(files, "v", v);
        putIfGiven(files, "dout", dOut);
        if (input != null && !files.isEmpty()) {
            throw new UsageException("give either %s or --q, --k, --v, not both".formatted(input));
        }
        if (input == null && files.isEmpty()) {
            throw new UsageException("no input: give IN.npz, or --q, --k and --v");
        }
        return input != null ? ArraySource.npz(input) : ArraySource.npy(files);
    }

    private static void putIfGiven(Map<String, Path> files, String name, @Nullable Path file) {
        if (file != null) {
            files.put(name, file);
        }
    }

    private void requireNotAnInput(Path file) throws IOException {
        for (Path given : new Path[] {input, q, k, v, dOut}) {
            if (given != null && Files.exists(file) && Files.isSameFile(given, file)) {
                throw new UsageException("--out %s is an input; results go to a file of their own".formatted(file));
            }
        }
    }

    /** What is to be done with the file; everything is checked before it is done. */
    private Supplier<Summary> work(ArraySource source, Options options, Backend backend) {
        if (PackedProblem.isPacked(source)) {
            PackedProblem packed = PackedProblem.of(source, specFlags.layout(), options);
            return () -> compute(packed, backend);
        }
        Problem problem = Problem.of(source, specFlags.layout(), options);
        return () -> compute(problem, backend);
    }

    private Summary compute(PackedProblem problem, Backend backend) {
        Map<String, Tensor> arrays = new LinkedHashMap<>();
        PackedSpec spec = problem.spec();
        try (PackedAttention attention = PackedAttention.on(backend.profiled(), spec, backendFlags.algorithm())) {
            Tensor gradient = problem.dOut();
            Forward forward = attention.forward(problem.inputs());
            arrays.put("out", forward.out().to(DType.FP32));
            arrays.put("lse", forward.lse());
            if (gradient == null) {
                return new Summary(spec.longest(), forward.report(), null, name(), arrays, spec);
            }
            Gradients gradients = attention.backward(gradient, forward);
            arrays.put("dq", gradients.dq().to(DType.FP32));
            arrays.put("dk", gradients.dk().to(DType.FP32));
            arrays.put("dv", gradients.dv().to(DType.FP32));
            return new Summary(spec.longest(), forward.report(), gradients.report(), name(), arrays, spec);
        }
    }

    private Summary compute(Problem problem, Backend backend) {
        boolean backward = problem.wantsGradients();
        Map<String, Tensor> arrays = new LinkedHashMap<>();
        try (Attention attention = Attention.on(backend.profiled(), problem.spec(), backendFlags.algorithm());
                Progress progress = Progress.of(terminal, "run", backward ? 3 : 2)) {
            progress.at("reading");
            AttentionInputs inputs = problem.inputs();
            Tensor gradient = problem.dOut();
            progress.step();
            progress.at("forward");
            Forward forward = attention.forward(inputs);
            arrays.put("out", written(forward.out()));
            arrays.put("lse", forward.lse());
            progress.step();
            if (gradient == null) {
                return new Summary(problem.spec(), forward.report(), null, name(), arrays);
            }
            progress.at("backward");
            Gradients gradients = attention.backward(gradient, forward);
            arrays.put("dq", written(gradients.dq()));
            arrays.put("dk", written(gradients.dk()));
            arrays.put("dv", written(gradients.dv()));
            Tensor dBias = gradients.dBias();
            if (dBias != null) {
                arrays.put("dbias", dBias);
            }
            progress.step();
            return new Summary(problem.spec(), forward.report(), gradients.report(), name(), arrays);
        }
    }

    /** A result as files hold it: in the layout of the inputs, float32 whatever was computed. */
    private Tensor written(Tensor result) {
        return specFlags.layout().fromLibrary(result).to(DType.FP32);
    }

    private @Nullable String name() {
        return output == null ? null : output.toString();
    }

    private void report(Summary summary) throws IOException {
        if (json) {
            terminal.print(JSON.std.with(JSON.Feature.WRITE_NULL_PROPERTIES).asString(summary.json()));
        } else {
            summary.lines().forEach(terminal::print);
        }
    }
}
