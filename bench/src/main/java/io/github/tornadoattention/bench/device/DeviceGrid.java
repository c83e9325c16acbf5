package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMasks;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.SpecBuilder;
import java.util.ArrayList;
import java.util.List;

/** What {@code scripts/bench device} measures on each kind of target. */
final class DeviceGrid {
    /** FlashAttention's own grid: batch * N is 16K, heads * head dim 2048 (arXiv 2307.08691, section 4.1). */
    static final int TOKENS = 1 << 14;
    private static final int HIDDEN = 2048;

    private static final int LONGEST_STANDARD = TOKENS / 4;
    static final int LONGEST = 65536;
    private static final int BLOCK = 64;
    private static final double[] DENSITIES = {0.5, 0.25, 0.125};
    private static final long SEED = 1;

    private DeviceGrid() {}

    static List<Job> jobs(Target target, boolean quick) {
        return switch (target.kind()) {
            case GPU -> quick ? quickGpu(target) : gpu(target);
            case OTHER_DEVICE -> tiny(target, quick ? new int[] {128} : new int[] {128, 512});
            case CPU -> cpu(target, quick);
            case SIMULATOR -> tiny(target, quick ? new int[] {64, 128} : new int[] {64, 128, 256});
        };
    }

    private static SpecBuilder sparse(int batch, int heads, int n, int d, double density) {
        return AttentionSpec.builder(batch, heads, n, d).blockMask(BlockMasks.random(n, n, BLOCK, density, SEED));
    }

    /** FlashAttention's own shape of a length. */
    static SpecBuilder tokens(int n, int d) {
        return AttentionSpec.builder(TOKENS / n, HIDDEN / d, n, d);
    }

    private static List<Job> gpu(Target target) {
        List<Job> jobs = new ArrayList<>(quickGpu(target));
        for (int d : new int[] {64, 128}) {
            for (int n = 512; n <= TOKENS; n *= 2) {
                jobs.add(Job.of(target, "flash", tokens(n, d).build()));
                jobs.add(Job.of(target, "flash", tokens(n, d).causal().build()));
            }
            for (int n = 512; n <= LONGEST_STANDARD; n *= 2) {
                jobs.add(Job.of(target, "standard", tokens(n, d).build()));
            }
        }
        for (int n = 512; n <= LONGEST_STANDARD; n *= 2) {
            jobs.add(Job.of(target, "standard", tokens(n, 64).causal().build()));
            jobs.add(Job.of(target, "standard", tokens(n, 64).dtype(DType.FP16).build()));
        }
        for (double density : DENSITIES) {
            jobs.add(Job.of(target, "block-sparse", sparse(1, 16, TOKENS, 64, density).build()));
            jobs.add(Job.of(target, "block-sparse", sparse(1, 16, TOKENS, 64, density).causal().build()));
            jobs.add(Job.of(target, "block-sparse", sparse(1, 16, TOKENS, 64, density).dtype(DType.FP16).build()));
        }
        halves(target, DType.FP16, jobs, 512, 1024, 2048, 4096, 8192, TOKENS);
        // where TornadoVM has no bfloat16 the host converts, and float32 kernels run
        if ("cuda".equals(target.driver())) {
            halves(target, DType.BF16, jobs, 1024, 4096, TOKENS);
        }
        jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 16, 4096, 64).causal().build()));
        jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 8, LONGEST, 64).dtype(DType.FP16).build()));
        jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 8, LONGEST, 64).build()));
        return Job.longOnesLast(jobs);
    }

    /** Flash attention of 16-bit numbers. */
    private static void halves(Target target, DType half, List<Job> jobs, int... lengths) {
        for (int d : new int[] {64, 128}) {
            for (int n : lengths) {
                jobs.add(Job.of(target, "flash", tokens(n, d).dtype(half).build()));
                jobs.add(Job.of(target, "flash", tokens(n, d).causal().dtype(half).build()));
            }
        }
    }

    private static List<Job> quickGpu(Target target) {
        List<Job> jobs = new ArrayList<>();
        for (int n : new int[] {512, 1024, 4096}) {
            jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 16, n, 64).build()));
            jobs.add(Job.of(target, "standard", AttentionSpec.builder(1, 16, n, 64).build()));
        }
        jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 16, 4096, 128).build()));
        jobs.add(Job.of(target, "block-sparse", sparse(1, 16, 4096, 64, 0.25).build()));
        jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 16, 4096, 64).dtype(DType.FP16).build()));
        return jobs;
    }

    private static List<Job> cpu(Target target, boolean quick) {
        List<Job> jobs = new ArrayList<>();
        for (int n = 128; n <= (quick ? 1024 : 4096); n *= 2) {
            jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 8, n, 64).build()));
            jobs.add(Job.of(target, "standard", AttentionSpec.builder(1, 8, n, 64).build()));
            if (!quick) {
                jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 8, n, 64).causal().build()));
                jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 8, n, 128).build()));
            }
        }
        for (double density : DENSITIES) {
            jobs.add(Job.of(target, "block-sparse", sparse(1, 8, quick ? 1024 : 4096, 64, density).build()));
        }
        return jobs;
    }

    /** For what is slow: a simulator, or a driver that compiles for a CPU. */
    private static List<Job> tiny(Target target, int[] lengths) {
        List<Job> jobs = new ArrayList<>();
        for (int n : lengths) {
            jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 1, n, 16).build()));
            jobs.add(Job.of(target, "standard", AttentionSpec.builder(1, 1, n, 16).build()));
            if (lengths.length > 1) {
                jobs.add(Job.of(target, "block-sparse", sparse(1, 1, 2 * n, 16, 0.5).build()));
            }
        }
        return jobs;
    }
}
