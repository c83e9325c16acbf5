package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMasks;
import io.github.tornadoattention.host.DType;
import java.util.ArrayList;
import java.util.List;

/** What {@code scripts/bench device} measures on each kind of target. */
final class DeviceGrid {
    /** FlashAttention's own grid: batch * N is 16K, heads * head dim 2048 (arXiv 2307.08691, section 4.1). */
    private static final int TOKENS = 1 << 14;
    private static final int HIDDEN = 2048;

    private static final int LONGEST = 65536;
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

    private static AttentionSpec sparse(int batch, int heads, int n, int d, double density) {
        return AttentionSpec.builder(batch, heads, n, d).blockMask(BlockMasks.random(n, n, BLOCK, density, SEED)).build();
    }

    private static List<Job> gpu(Target target) {
        List<Job> jobs = new ArrayList<>(quickGpu(target));
        for (int d : new int[] {64, 128}) {
            for (int n = 512; n <= TOKENS; n *= 2) {
                jobs.add(Job.of(target, "flash", AttentionSpec.builder(TOKENS / n, HIDDEN / d, n, d).build()));
                jobs.add(Job.of(target, "flash", AttentionSpec.builder(TOKENS / n, HIDDEN / d, n, d).causal().build()));
            }
            for (int n = 512; n <= TOKENS / 4; n *= 2) {
                jobs.add(Job.of(target, "standard", AttentionSpec.builder(TOKENS / n, HIDDEN / d, n, d).build()));
            }
        }
        for (double density : DENSITIES) {
            jobs.add(Job.of(target, "block-sparse", sparse(1, 16, TOKENS, BLOCK, density)));
        }
        // where TornadoVM has no bfloat16 the host converts, and float32 kernels run
        for (DType half : "cuda".equals(target.driver()) ? new DType[] {DType.FP16, DType.BF16} : new DType[] {DType.FP16}) {
            for (int n : half == DType.FP16 ? new int[] {512, 1024, 2048, 4096, 8192, TOKENS} : new int[] {1024, 4096, TOKENS}) {
                jobs.add(Job.of(target, "flash", AttentionSpec.builder(TOKENS / n, HIDDEN / 64, n, 64).dtype(half).build()));
                jobs.add(Job.of(target, "flash", AttentionSpec.builder(TOKENS / n, HIDDEN / 64, n, 64).causal().dtype(half).build()));
            }
            jobs.add(Job.of(target, "flash", AttentionSpec.builder(4, HIDDEN / 128, 4096, 128).dtype(half).build()));
        }
        jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 16, 4096, 64).causal().build()));
        jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 8, LONGEST, 64).dtype(DType.FP16).build()));
        jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 8, LONGEST, 64).build()));
        return Job.longOnesLast(jobs);
    }

    private static List<Job> quickGpu(Target target) {
        List<Job> jobs = new ArrayList<>();
        for (int n : new int[] {512, 1024, 4096}) {
            jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 16, n, 64).build()));
            jobs.add(Job.of(target, "standard", AttentionSpec.builder(1, 16, n, 64).build()));
        }
        jobs.add(Job.of(target, "flash", AttentionSpec.builder(1, 16, 4096, 128).build()));
        jobs.add(Job.of(target, "block-sparse", sparse(1, 16, 4096, 64, 0.25)));
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
            jobs.add(Job.of(target, "block-sparse", sparse(1, 8, quick ? 1024 : 4096, 64, density)));
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
                jobs.add(Job.of(target, "block-sparse", sparse(1, 1, 2 * n, 16, 0.5)));
            }
        }
        return jobs;
    }
}
