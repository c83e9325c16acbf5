package io.github.tornadoattention.bench.device;

import com.sun.management.OperatingSystemMXBean;
import io.github.tornadoattention.bench.GridFlags;
import io.github.tornadoattention.bench.Lines;
import io.github.tornadoattention.bench.Only;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import io.github.tornadoattention.bench.Versions;
import io.github.tornadoattention.host.cli.Failure;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.cli.Progress;
import io.github.tornadoattention.host.cli.Terminal;
import io.github.tornadoattention.host.tornado.Platform;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Works through a grid: leaves out what the file has or nobody asked for, measures, prints and appends the rest. */
final class JobRunner {
    private static final int FEWEST = 5;
    private static final int MOST = 30;

    private final Terminal terminal;
    private final GridFlags flags;
    private final Measurement measurement;
    private final String command;
    private final @Nullable ResultsFile file;
    private final Only only;
    private final Map<Target, Ceilings> ceilings = new HashMap<>();
    private final DeviceShare share;
    private int exitCode = Failure.DONE;

    /**
     * {@code runs}: exactly so many, null for as many as the time allows; {@code command}: the subcommand and the flags that a
     * result's {@code command} names beside {@code --only}.
     */
    JobRunner(Terminal terminal, GridFlags flags, DeviceFlags devices, @Nullable Integer runs, String command) {
        this.terminal = terminal;
        this.flags = flags;
        String floats = System.getProperty("attention.fp32");
        this.command = floats == null ? command : command + " -J-Dattention.fp32=" + floats;
        this.only = flags.only();
        Path lock = devices.lock(flags);
        boolean wall = devices.wall(flags);
        this.share = lock == null || flags.list() ? DeviceShare.alone() : DeviceShare.of(lock, memory());
        this.measurement = runs == null ? new Measurement(flags.seconds(flags.quick() ? 0.4 : 1), FEWEST, MOST, wall, share)
                : new Measurement(0, runs, runs, wall, share);
        Path out = flags.out();
        this.file = out == null ? null : ResultsFile.append(out, terminal.err());
    }

    /** Half of the machine's memory: what processes that share a device may fill with tensors together. */
    private static long memory() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
                ? system.getTotalMemorySize() / 2 : Long.MAX_VALUE;
    }

    /** Measures; the exit code says whether all results were right, and if they were whether all ran that fit. */
    int run(List<Target> targets, List<Job> grid) {
        if (grid.stream().noneMatch(this::asked)) {
            throw new UsageException("no measurement of the grid is what --only asks for");
        }
        List<Job> jobs = grid.stream().map(this::wanted).filter(job -> !job.directions().isEmpty()).distinct().toList();
        if (flags.list()) {
            jobs.forEach(job -> terminal.print("%s: %s".formatted(job, String.join(", ", job.directions()))));
            return Failure.DONE;
        }
        if (jobs.isEmpty()) {
            terminal.print("nothing to measure: the file has it all");
            return Failure.DONE;
        }
        long start = System.nanoTime();
        int done = 0;
        try (share; Progress progress = Progress.of(terminal, "bench", jobs.size())) {
            for (Target target : targets) {
                List<Job> there = jobs.stream().filter(job -> job.target().equals(target)).toList();
                if (there.isEmpty()) {
                    continue;
                }
                progress.at("ceilings");
                ceilings.put(target, ceilings(target, progress));
                for (Job job : there) {
                    if (System.nanoTime() - start > flags.minutes() * 60e9) {
                        progress.print("stopped after %s minutes, %d of %d measured; the same command goes on".formatted(
                                flags.minutes(), done, jobs.size()));
                        return exitCode;
                    }
                    progress.at(job.toString());
                    done += take(job, progress) ? 1 : 0;
                    progress.step();
                }
            }
        }
        if (share.shared()) {
            terminal.print("%d of %d measured; others have the rest, or had it".formatted(done, jobs.size()));
        }
        return exitCode;
    }

    /** Measures a job unless another process does, or did; says whether it was measured. */
    private boolean take(Job job, Progress progress) {
        try (DeviceShare.Hold claimed = share.claim(job.expected("").identity())) {
            if (claimed == null) {
                return false;
            }
            if (share.shared() && file != null) {
                file.refresh();
            }
            Job rest = wanted(job);
            if (rest.directions().isEmpty()) {
                return false;
            }
            try (DeviceShare.Hold room = share.memory(Bytes.toMeasure(rest))) {
                measure(rest, progress);
            }
            return true;
        }
    }

    private boolean asked(Job job) {
        return job.directions().stream().anyMatch(direction -> only.matches(job.expected(direction)));
    }

    /** A job with the directions that are asked for and missing; forward and backward together need each of them. */
    private Job wanted(Job job) {
        List<String> missing = job.directions().stream()
                .filter(direction -> only.matches(job.expected(direction)))
                .filter(direction -> file == null || !file.has(job.expected(direction)))
                .toList();
        if (missing.contains("both")) {
            missing = Job.ALL_DIRECTIONS;
        }
        return new Job(job.target(), job.algorithm(), job.spec(), job.block(), missing);
    }

    private Ceilings ceilings(Target target, Progress progress) {
        Platform.Device device = target.device();
        if (device == null || target.library() || target.kind() == Target.Kind.SIMULATOR
                || target.kind() != Target.Kind.GPU && flags.quick()) {
            return Ceilings.UNKNOWN;
        }
        try (DeviceShare.Hold turn = share.turn("ceilings " + target.describe(new Result()).identity())) {
            List<Result> results = new ArrayList<>();
            if (file != null) {
                file.refresh();
            }
            for (Result expected : CeilingBench.expected(target)) {
                if (file == null || !file.has(expected)) {
                    Result result = CeilingBench.of(target, device, share).measure(expected);
                    keep(result.with("command", "scripts/bench " + command), target, progress);
                    results.add(result);
                }
            }
            results.addAll(earlier());
            return CeilingBench.of(target, results);
        }
    }

    private List<Result> earlier() {
        Path out = flags.out();
        return out == null ? List.of() : ResultsFile.readQuietly(out);
    }

    private void measure(Job job, Progress progress) {
        for (Result result : measurement.of(job, ceilings.getOrDefault(job.target(), Ceilings.UNKNOWN))) {
            String fields = Only.of(result, "algorithm", "batch", "heads", "seq_q", "head_dim", "causal", "dropout", "key_mask",
                    "density", "dtype", "direction");
            result.with("command", "scripts/bench %s --only %s".formatted(command, fields.replace(" ", "\\ ")));
            if (file == null || !file.has(result)) {
                keep(result, job.target(), progress);
            }
            ended(result.text("error"));
        }
        // tensors are off-heap; what nobody holds any more goes before the next ones come
        System.gc();
    }

    /** What an error means for the exit code: wrong results come first; what does not fit is a result. */
    private void ended(String error) {
        if (error.startsWith(ResultsFile.WRONG)) {
            exitCode = Failure.CHECK_FAILED;
        } else if (!error.isEmpty() && !error.startsWith(ResultsFile.TOO_LARGE) && exitCode != Failure.CHECK_FAILED) {
            exitCode = error.startsWith(ResultsFile.BUG) ? Failure.BUG : Failure.DEVICE;
        }
    }

    private void keep(Result result, Target target, Progress progress) {
        Map<String, String> versions = target.device() == null ? Versions.ofJvm() : Versions.ofDevice(target.device());
        if (target.library()) {
            versions.put("cudnn", CudnnLibrary.here().version());
        }
        result.with("versions", versions).with("date", LocalDate.now(ZoneOffset.UTC).toString());
        if (file != null) {
            file.append(result);
        }
        progress.print(Lines.of(result));
    }
}
