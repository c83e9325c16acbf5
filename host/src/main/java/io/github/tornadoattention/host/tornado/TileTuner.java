package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionException;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMasks;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.kernels.FlashBackwardKeys;
import io.github.tornadoattention.kernels.FlashBackwardQueries;
import io.github.tornadoattention.kernels.FlashForward;
import io.github.tornadoattention.kernels.SplitBackwardKeys;
import io.github.tornadoattention.kernels.SplitBackwardQueries;
import io.github.tornadoattention.kernels.SplitForward;
import io.github.tornadoattention.kernels.TensorBackwardQueries;
import io.github.tornadoattention.kernels.TensorForward;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Finds the fastest tiling of each flash kernel on a device: all that fit are measured, and one takes the place of the table's if
 * it is faster by more than the spread of the times, twice.
 */
public final class TileTuner {
    /** A smaller gain is not worth leaving the table's order. */
    static final double LEAST_GAIN = 0.03;

    private static final List<Class<?>> FLOATS = List.of(FlashForward.class, FlashBackwardQueries.class, FlashBackwardKeys.class);
    private static final List<Class<?>> SPLITS = List.of(SplitForward.class, SplitBackwardQueries.class, SplitBackwardKeys.class);
    private static final double MASK_DENSITY = 0.5;

    private final Platform.Device device;
    private final Stopwatch stopwatch;

    /** Times one tiling of one kernel. */
    interface Stopwatch {
        /**
         * Runs the pass of a spec to which the kernel belongs, the other kernels with the table's tilings.
         *
         * @throws AttentionException if it does not run, or is wrong
         */
        Timing time(AttentionSpec spec, Class<?> kernel, Tiling tiling);
    }

    /**
     * Times of several runs.
     *
     * @param median in nanoseconds
     * @param spread half the way from the 10th to the 90th percentile, as a share of the median
     */
    record Timing(double median, double spread) {
        static Timing of(long... nanos) {
            long[] sorted = nanos.clone();
            Arrays.sort(sorted);
            double median = sorted[sorted.length / 2];
            long low = sorted[(int) Math.round(0.1 * (sorted.length - 1))];
            long high = sorted[(int) Math.round(0.9 * (sorted.length - 1))];
            return new Timing(median, (high - low) / 2.0 / Math.max(1, median));
        }

        /** Whether this is faster than the spread of both explains. */
        boolean beats(Timing other) {
            return median < (1 - Math.max(LEAST_GAIN, Math.max(spread, other.spread))) * other.median;
        }
    }

    /** One kernel, and what it computes while it is timed. */
    public record Job(AttentionSpec spec, Class<?> kernel) {}

    /**
     * A tiling that was tried.
     *
     * @param tiling in words
     * @param milliseconds median of its pass, NaN if it failed
     * @param ratio that over the time with the table's tiling
     * @param failure why it has no time, null if it has one
     */
    public record Candidate(String tiling, double milliseconds, double ratio, @Nullable String failure) {}

    /** What came out of a job: the candidates, the table's first, and which of them is the best; 0 leaves the table's. */
    public static final class Outcome {
        private final Job job;
        private final List<Candidate> candidates;
        private final Tiling best;
        private final int chosen;

        private Outcome(Job job, List<Candidate> candidates, Tiling best, int chosen) {
            this.job = job;
            this.candidates = List.copyOf(candidates);
            this.best = best;
            this.chosen = chosen;
        }

        /** What was done. */
        public Job job() {
            return job;
        }

        /** All that was tried. */
        public List<Candidate> candidates() {
            return candidates;
        }

        /** The place of the best among the candidates. */
        public int chosen() {
            return chosen;
        }
    }

    TileTuner(Platform.Device device, Stopwatch stopwatch) {
        this.device = device;
        this.stopwatch = stopwatch;
    }

    /**
     * Whether 16-bit tensors of this type have kernels of their own on this device: head dims that are multiples of 16, up to
     * 128.
     */
    public boolean hasTensorKernels(DType dtype, int headDim) {
        return TensorPlan.takes(device, AttentionSpec.builder(1, 1, 1, headDim).dtype(dtype).build());
    }

    /**
     * The attention that is timed.
     *
     * @param causal whether later keys are hidden
     * @param blockSize size of the blocks of a block mask, 0 = none
     * @param seq queries and keys, 0 = as many as keep this device busy for a moment
     * @param quick whether a smaller one will do
     * @throws UsageException if no kernels take blocks of this size
     */
    public AttentionSpec shape(int headDim, DType dtype, boolean causal, int blockSize, int seq, boolean quick) {
        int usual = device.gpu() ? quick ? 1024 : 4096 : device.simulated() ? quick ? 64 : 128 : quick ? 128 : 512;
        int length = seq == 0 ? usual : seq;
        SpecBuilder builder = AttentionSpec.builder(1, device.gpu() ? 16 : 1, length, headDim).dtype(dtype)
                .causal(causal ? Causal.BOTTOM_RIGHT : Causal.NONE);
        if (blockSize != 0) {
            builder.blockMask(BlockMasks.random(length, length, blockSize, MASK_DENSITY, 1));
        }
        AttentionSpec spec = builder.build();
        for (Class<?> kernel : kernels(spec)) {
            if (fitting(spec, kernel).isEmpty()) {
                throw new UsageException("%s has no tile that divides blocks of %d and fits head dim %d on this device"
                        .formatted(kernel.getSimpleName(), blockSize, headDim));
            }
        }
        return spec;
    }

    /** Of float32, those on tensor cores as well where they are used; what these do not compute is left to the others. */
    private List<Class<?>> kernels(AttentionSpec spec) {
        if (TensorPlan.takes(device, spec)) {
            return List.of(TensorForward.class, TensorBackwardQueries.class, TensorPlan.keysKernel(spec.headDim()));
        }
        return KernelChoice.onTensorCores(device, spec, Algorithm.FLASH)
                ? Stream.concat(SPLITS.stream(), FLOATS.stream()).toList() : FLOATS;
    }

    /** Whether a kernel computes float32 on tensor cores. */
    static boolean splits(Class<?> kernel) {
        return SPLITS.contains(kernel);
    }

    /** The jobs of a spec: one for each flash kernel of both passes. */
    public List<Job> jobs(AttentionSpec spec) {
        return kernels(spec).stream().map(kernel -> new Job(spec, kernel)).toList();
    }

    /** How many tilings a job tries. */
    public int candidates(Job job) {
        return fitting(job.spec, job.kernel).size();
    }

    private List<Tiling> fitting(AttentionSpec spec, Class<?> kernel) {
        return TileTable.fitting(kernel, spec.headDim(), TuningKey.blockSize(spec), device.limits());
    }

    /**
     * Measures a job.
     *
     * @param done called with each tiling that was tried
     * @throws AttentionException if the table's tiling does not run; others that do not are among the candidates
     */
    public Outcome tune(Job job, Consumer<String> done) {
        List<Tiling> tilings = fitting(job.spec, job.kernel);
        List<Candidate> candidates = new ArrayList<>();
        Timing table = stopwatch.time(job.spec, job.kernel, tilings.getFirst());
        candidates.add(new Candidate(tilings.getFirst().toString(), table.median / 1e6, 1, null));
        done.accept(tilings.getFirst().toString());
        Timing best = table;
        int chosen = 0;
        for (int n = 1; n < tilings.size(); n++) {
            Tiling tiling = tilings.get(n);
            try {
                Timing timing = stopwatch.time(job.spec, job.kernel, tiling);
                candidates.add(new Candidate(tiling.toString(), timing.median / 1e6, timing.median / table.median, null));
                if (timing.median < best.median) {
                    best = timing;
                    chosen = n;
                }
            } catch (AttentionException e) {
                candidates.add(new Candidate(tiling.toString(), Double.NaN, Double.NaN, e.getMessage()));
            }
            done.accept(tiling.toString());
        }
        boolean faster = chosen != 0 && best.beats(table)
                // again: a device's clock may have gone up since the table's turn
                && stopwatch.time(job.spec, job.kernel, tilings.get(chosen)).beats(stopwatch.time(job.spec, job.kernel,
                        tilings.getFirst()));
        return new Outcome(job, candidates, faster ? tilings.get(chosen) : tilings.getFirst(), faster ? chosen : 0);
    }

    /**
     * Puts the best tiling of a job into a file, or takes an older one out where the table's is the best.
     *
     * @throws UsageException if the file cannot be written, or holds something else
     */
    public void keep(Outcome outcome, TuningFile file) {
        Job job = outcome.job;
        TuningKey key = TuningKey.of(device, job.kernel, job.spec, TuningKey.blockSize(job.spec));
        file.replace(key, outcome.chosen == 0 ? null : TuningFile.Entry.of(key, outcome.best,
                outcome.candidates.get(outcome.chosen).milliseconds,
                outcome.candidates.getFirst().milliseconds, LocalDate.now(ZoneOffset.UTC).toString()));
    }
}
