package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Lines;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.cli.Failure;
import io.github.tornadoattention.host.cli.ProfilerTraffic;
import io.github.tornadoattention.host.cli.Terminal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Makes lines of what NVIDIA's profiler counted of one run of {@link ProfileBench}. Launches belong to the passes in the order in
 * which they ran: first those of the forward pass, then those of the backward pass, as many as the run wrote down. Kernels that
 * bring inputs to the device belong to neither. With more or fewer launches, or row dots at another place, a file
 * is of another run.
 */
@Command(name = "traffic", description = "Makes results of what Nsight Compute counted of one run of scripts/bench profile.")
public final class TrafficBench implements Callable<Integer> {
    /** Kernels of uploads: the mark behind the inputs, and conversions of 16-bit types. */
    private static final Set<String> UPLOADS = Set.of("arrived", "widenHalf", "widenBrain");
    private static final String ROW_DOTS = "rowDots";

    private final Terminal terminal;

    @Option(names = "--ncu", required = true, paramLabel = "FILE.csv",
            description = "The output of ncu --csv --metrics " + ProfilerTraffic.METRICS + " for that run.")
    private Path profile = Path.of("ncu.csv");

    @Option(names = "--run", required = true, paramLabel = "RUN.jsonl", description = "What the run wrote with --out.")
    private Path run = Path.of("run.jsonl");

    @Option(names = "--out", required = true, paramLabel = "FILE.jsonl", description = "Append results to this file.")
    private Path out = Path.of("r.jsonl");

    /** Prints to a terminal. */
    public TrafficBench(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        List<Result> passes = ResultsFile.read(run, terminal.err());
        if (passes.size() != 2 || !passes.stream().allMatch(Result::profiled) || !passes.get(0).is("direction", "forward")
                || !passes.get(1).is("direction", "backward") || passes.stream().anyMatch(r -> r.get("dram_bytes") != null)) {
            throw new UsageException("--run %s is not what one run of scripts/bench %s wrote".formatted(run, Result.PROFILE));
        }
        List<String> expected = new ArrayList<>(launches(passes.get(0)));
        int forward = expected.size();
        expected.addAll(launches(passes.get(1)));
        List<ProfilerTraffic.Launch> counted = ProfilerTraffic.read(profile).launches().stream()
                .filter(launch -> !UPLOADS.contains(name(launch)))
                .toList();
        requireSame(expected, counted);
        ResultsFile file = ResultsFile.append(out, terminal.err());
        Result both = Result.parse(passes.get(0).json()).with("direction", "both").with("kernels", expected)
                .with("bytes_model", sum(passes.get(0).get("bytes_model"), passes.get(1).get("bytes_model")));
        List<Result> results = List.of(
                filled(passes.get(0), counted.subList(0, forward)),
                filled(passes.get(1), counted.subList(forward, counted.size())),
                filled(both, counted));
        for (Result result : results) {
            file.append(result);
            terminal.print(Lines.of(result));
        }
        return Failure.DONE;
    }

    private static @Nullable Long sum(@Nullable Object a, @Nullable Object b) {
        return a instanceof Number first && b instanceof Number second ? first.longValue() + second.longValue() : null;
    }

    private static List<String> launches(Result pass) {
        return pass.get("kernels") instanceof List<?> kernels ? kernels.stream().map(String::valueOf).toList() : List.of();
    }

    /** The kernel's method, without the arguments that the profiler may write behind it. */
    private static String name(ProfilerTraffic.Launch launch) {
        return launch.kernel().replaceAll("\\(.*", "");
    }

    private void requireSame(List<String> expected, List<ProfilerTraffic.Launch> counted) {
        List<String> names = counted.stream().map(TrafficBench::name).toList();
        if (counted.size() != expected.size()) {
            throw new UsageException("%s has %d launches (%s), the run of %s had %d (%s)".formatted(profile, counted.size(),
                    String.join(", ", names), run,
                    expected.size(), String.join(", ", expected)));
        }
        int dots = first(expected);
        if (dots != first(names)) {
            throw new UsageException("%s is of another run than %s: its launches are %s, not %s".formatted(profile, run,
                    String.join(", ", names),
                    String.join(", ", expected)));
        }
        for (ProfilerTraffic.Launch launch : counted) {
            if (Double.isNaN(launch.dramBytes())) {
                throw new UsageException("%s lacks bytes of device memory for kernel %s; ncu's option is --metrics %s"
                        .formatted(profile, launch.kernel(),
                        ProfilerTraffic.METRICS));
            }
        }
    }

    private static int first(List<String> launches) {
        for (int n = 0; n < launches.size(); n++) {
            if (launches.get(n).contains(ROW_DOTS)) {
                return n;
            }
        }
        return -1;
    }

    private static Result filled(Result pass, List<ProfilerTraffic.Launch> launches) {
        double l2 = launches.stream().mapToDouble(ProfilerTraffic.Launch::l2Bytes).sum();
        return pass.with("dram_bytes", Math.round(launches.stream().mapToDouble(ProfilerTraffic.Launch::dramBytes).sum()))
                .with("l2_bytes", Double.isNaN(l2) ? null : Math.round(l2));
    }
}
