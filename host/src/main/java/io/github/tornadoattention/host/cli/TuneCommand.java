package io.github.tornadoattention.host.cli;

import com.fasterxml.jackson.jr.ob.JSON;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.tornado.TileTuner;
import io.github.tornadoattention.host.tornado.TornadoBackend;
import io.github.tornadoattention.host.tornado.TuningFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code attention tune}: measures the tilings of the flash kernels on this device, and keeps those that are faster than the
 * table's.
 */
@Command(name = "tune",
        description = "Measures the tilings of the flash kernels on a device and keeps the fastest for later runs.")
final class TuneCommand implements Callable<Integer> {
    private static final String NONE = "none";
    private static final String CAUSAL = "causal";

    private final Terminal terminal;

    @Option(names = "--backend", paramLabel = "B", defaultValue = "tornado",
            description = "tornado (the default), tornado:<driver>:<device> or simulator, which only shows how it goes.")
    private String backendName;

    @Option(names = "--head-dim", paramLabel = "D,...", defaultValue = "64,128", converter = SpecFlags.IntegersConverter.class,
            description = "Head dims; default 64,128.")
    private SpecFlags.Integers headDims;

    @Option(names = "--dtype", paramLabel = "TYPE,...",
            description = "fp32 for the float32 kernels, fp16 and bf16 for those on tensor cores; "
                    + "default: all that the device has.")
    private @Nullable String dtypes;

    @Option(names = "--mask", paramLabel = "M,...", defaultValue = "none,causal",
            description = "none, causal (for windows too), or the size of the blocks of a block mask; default none,causal.")
    private String masks;

    @Option(names = "--seq", paramLabel = "N",
            description = "Queries and keys; default 4096 on a GPU, 1024 with --quick, fewer elsewhere.")
    private @Nullable Integer seq;

    @Option(names = "--quick", description = "Shorter sequences.")
    private boolean quick;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Mixin
    private TuningFlags tuningFlags;

    TuneCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        requireSound();
        TuningFile file = tuningFlags.file();
        Backend backend = Backend.of(backendName);
        if (!(backend instanceof TornadoBackend device)) {
            throw new UsageException("backend %s has no tilings to tune; tornado and simulator have".formatted(backend.name()));
        }
        TileTuner tuner = device.tuner();
        List<TileTuner.Job> jobs = specs(tuner).stream().flatMap(spec -> tuner.jobs(spec).stream()).toList();
        if (file != null) {
            file.requireWritable();
        }
        if (!json) {
            terminal.print("backend %s on %s".formatted(backend.name(), backend.device()));
        }
        List<TileTuner.Outcome> outcomes = new ArrayList<>();
        try (Progress progress = Progress.of(terminal, "tune", jobs.stream().mapToInt(tuner::candidates).sum())) {
            for (TileTuner.Job job : jobs) {
                progress.at(job.kernel().getSimpleName());
                TileTuner.Outcome outcome = tuner.tune(job, tiling -> progress.step());
                if (file != null) {
                    tuner.keep(outcome, file);
                }
                outcomes.add(outcome);
                if (!json) {
                    lines(outcome).forEach(progress::print);
                }
            }
        }
        if (json) {
            terminal.print(JSON.std.with(JSON.Feature.WRITE_NULL_PROPERTIES).asString(json(backend, file, outcomes)));
        } else {
            terminal.print("");
            terminal.print(conclusion(file, outcomes.stream().filter(outcome -> outcome.chosen() != 0).count()));
        }
        return Failure.DONE;
    }

    private void requireSound() {
        for (int headDim : headDims.values()) {
            if (headDim < 1 || headDim > AttentionSpec.MAX_HEAD_DIM) {
                throw new UsageException("--head-dim %d, must be 1..%d".formatted(headDim, AttentionSpec.MAX_HEAD_DIM));
            }
        }
        if (seq != null && seq < 1) {
            throw new UsageException("--seq is %d, must be at least 1".formatted(seq));
        }
    }

    private List<AttentionSpec> specs(TileTuner tuner) {
        List<AttentionSpec> specs = new ArrayList<>();
        for (int headDim : headDims.values()) {
            for (DType dtype : dtypes(tuner, headDim)) {
                for (String mask : masks.split(",", -1)) {
                    specs.add(spec(tuner, headDim, dtype, mask.strip()));
                }
            }
        }
        return specs.stream().distinct().toList();
    }

    private List<DType> dtypes(TileTuner tuner, int headDim) {
        List<DType> types = new ArrayList<>();
        if (dtypes == null) {
            for (DType dtype : DType.values()) {
                if (dtype == DType.FP32 || tuner.hasTensorKernels(dtype, headDim)) {
                    types.add(dtype);
                }
            }
            return types;
        }
        for (String name : dtypes.split(",", -1)) {
            DType dtype = dtype(name.strip());
            if (dtype != DType.FP32 && !tuner.hasTensorKernels(dtype, headDim)) {
                throw new UsageException(("--dtype %s: no kernels of its own for head dim %d on this device, "
                        + "the float32 kernels compute it; "
                        + "--dtype fp32 tunes those").formatted(dtype, headDim));
            }
            types.add(dtype);
        }
        return types;
    }

    private static DType dtype(String name) {
        try {
            return DType.of(name);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--dtype: " + e.getMessage(), e);
        }
    }

    private AttentionSpec spec(TileTuner tuner, int headDim, DType dtype, String mask) {
        int blockSize = 0;
        if (!mask.equals(NONE) && !mask.equals(CAUSAL)) {
            try {
                blockSize = Integer.parseInt(mask);
            } catch (NumberFormatException e) {
                throw new UsageException("--mask: '%s' is none of none, causal and a block size".formatted(mask), e);
            }
            if (blockSize < 1) {
                throw new UsageException("--mask %d, a block size must be at least 1".formatted(blockSize));
            }
        }
        try {
            return tuner.shape(headDim, dtype, mask.equals(CAUSAL), blockSize, seq == null ? 0 : seq, quick);
        } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()), e);
        }
    }

    private static List<String> lines(TileTuner.Outcome outcome) {
        Table table = new Table().row("tiling", "time", "ratio", "");
        for (int n = 0; n < outcome.candidates().size(); n++) {
            TileTuner.Candidate candidate = outcome.candidates().get(n);
            if (candidate.failure() != null) {
                table.row(candidate.tiling(), "-", "-", candidate.failure());
                continue;
            }
            String remark = n == 0 ? "the table's" : "";
            table.row(candidate.tiling(), Numbers.time(Math.round(candidate.milliseconds() * 1e6)),
                    "%.2f".formatted(candidate.ratio()),
                    n == outcome.chosen() && n != 0 ? "faster" : remark);
        }
        List<String> lines = new ArrayList<>(List.of("", "%s, %s".formatted(outcome.job().kernel().getSimpleName(),
                words(outcome.job().spec()))));
        lines.addAll(table.lines());
        return lines;
    }

    private static String words(AttentionSpec spec) {
        return spec.dtype() == DType.FP32 ? spec + " fp32" : spec.toString();
    }

    private static String conclusion(@Nullable TuningFile file, long faster) {
        String found = faster == 0 ? "no tiling is faster than the table's by more than the spread"
                : faster == 1 ? "1 tiling is faster than the table's" :
                "%d tilings are faster than the table's".formatted(faster);
        if (file == null) {
            return found + "; nothing is kept";
        }
        return faster == 0 ? found : "%s; kept in %s, later runs use them".formatted(found, file.path());
    }

    private static Map<String, Object> json(Backend backend, @Nullable TuningFile file, List<TileTuner.Outcome> outcomes) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("backend", backend.name());
        json.put("device", backend.device());
        json.put("cache", file == null ? null : file.path().toString());
        List<Map<String, Object>> results = new ArrayList<>();
        for (TileTuner.Outcome outcome : outcomes) {
            AttentionSpec spec = outcome.job().spec();
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("kernel", outcome.job().kernel().getSimpleName());
            result.put("head_dim", spec.headDim());
            result.put("dtype", spec.dtype().toString());
            result.put("spec", spec.toString());
            result.put("chosen", outcome.candidates().get(outcome.chosen()).tiling());
            result.put("faster", outcome.chosen() != 0);
            result.put("candidates", outcome.candidates().stream().map(TuneCommand::json).toList());
            results.add(result);
        }
        json.put("results", results);
        return json;
    }

    private static Map<String, Object> json(TileTuner.Candidate candidate) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("tiling", candidate.tiling());
        json.put("ms", candidate.failure() == null ? candidate.milliseconds() : null);
        json.put("ratio", candidate.failure() == null ? candidate.ratio() : null);
        json.put("error", candidate.failure());
        return json;
    }
}
