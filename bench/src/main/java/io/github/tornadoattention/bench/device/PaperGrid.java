package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.BlockMasks;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.tornado.TornadoBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The measurements of the FlashAttention paper (arXiv 2205.14135): its Figure 2, its Figure 3 and the tables of its appendix E.
 */
final class PaperGrid {
    private static final int BLOCK = 64;
    private static final double DROPOUT = 0.1;
    /** The key mask hides up to so many of the last keys, as in the benchmarks that were published with the paper. */
    private static final int MOST_HIDDEN = 20;
    private static final int LONGEST_WITH_OPTIONS = 16384;
    private static final int LONGEST_HALF = 16384;
    private static final double[] DENSITIES = {1, 0.75, 0.5, 0.25, 0.125, 0.0625};
    private static final long SEED = 1;

    private PaperGrid() {}

    static List<Job> jobs(Target target, boolean quick) {
        return switch (target.kind()) {
            case GPU -> of(target, new Sizes(16, 8, 64, quick ? 2048 : 65536, 64, 16, 1024, quick ? 2048 : 4096, 256));
            case CPU -> of(target, new Sizes(1, 8, 64, quick ? 512 : 4096, 1, 8, quick ? 512 : 1024, quick ? 1024 : 4096, 256));
            case OTHER_DEVICE, SIMULATOR -> of(target, new Sizes(1, 1, 16, quick ? 128 : 256, 1, 1, 128, 256, 64));
        };
    }

    /**
     * Batch, heads, head dim and longest sequence of the tables; batch, heads and N of the comparison; N where density varies;
     * keys that Linformer keeps and that a local window shows.
     */
    private record Sizes(int batch, int heads, int d, int longest, int batch2, int heads2, int n2, int sparseN, int keys) {
        /** The tables' attention of a length. */
        SpecBuilder spec(int n) {
            return AttentionSpec.builder(batch, heads, n, d);
        }
    }

    private static List<Job> of(Target target, Sizes s) {
        List<Job> jobs = new ArrayList<>();
        boolean gpu = target.kind() == Target.Kind.GPU;
        // Figure 2, left: GPT-2 medium's attention
        AttentionSpec medium = AttentionSpec.builder(s.batch2, s.heads2, s.n2, s.d).build();
        jobs.add(Job.of(target, "standard", medium));
        jobs.add(Job.of(target, "flash", medium));
        if (gpu) {
            jobs.add(Job.of(target, "flash", medium.withDtype(DType.FP16)));
            // the longest of the paper's standard attentions has 2^31 probabilities, too many for an array: half its batch
            AttentionSpec half = AttentionSpec.builder(s.batch / 2, s.heads, s.sparseN, s.d).build();
            jobs.add(Job.of(target, "standard", half));
            jobs.add(Job.of(target, "flash", half));
        }
        // appendix E: time and memory against N
        for (int n = 128; n <= s.longest; n *= 2) {
            jobs.add(Job.of(target, "standard", s.spec(n).build()));
            jobs.add(Job.of(target, "flash", s.spec(n).build()));
        }
        // Figure 2, right: time against density
        for (double density : DENSITIES) {
            BlockMask mask = BlockMasks.random(s.sparseN, s.sparseN, BLOCK, density, SEED);
            jobs.add(Job.of(target, "block-sparse", s.spec(s.sparseN).blockMask(mask).build()));
        }
        // Figure 2, middle: time against the size of tiles
        if (target.backend() instanceof TornadoBackend device) {
            for (List<Integer> block : device.forwardTiles(s.d)) {
                jobs.add(new Job(target, "flash", medium, block, List.of("forward")));
            }
        }
        // Figure 3 and the rest of appendix E
        for (int n = 128; n <= s.longest; n *= 2) {
            Job half = Job.of(target, "flash", s.spec(n).dtype(DType.FP16).build());
            // without tensor cores they take as long as float32
            if (gpu && (n <= LONGEST_HALF || Result.TENSOR_CORES.equals(half.units()))) {
                jobs.add(half);
            }
            if (n <= LONGEST_WITH_OPTIONS) {
                int[] lengths = keyLengths(s.batch, n);
                for (String algorithm : List.of("standard", "flash")) {
                    jobs.add(Job.of(target, algorithm, s.spec(n).dropout(DROPOUT).build()));
                    jobs.add(Job.of(target, algorithm, s.spec(n).keyLengths(lengths).build()));
                    jobs.add(Job.of(target, algorithm, s.spec(n).dropout(DROPOUT).keyLengths(lengths).build()));
                }
            }
            jobs.add(Job.of(target, "butterfly", s.spec(n).blockMask(BlockMasks.butterfly(n, n, BLOCK)).build()));
            if (n > s.keys) {
                jobs.add(Job.of(target, "local window", s.spec(n).window(s.keys / 2, s.keys / 2).build()));
                jobs.add(Linformer.of(target, s.spec(n).build(), s.keys));
                jobs.add(Linformer.eighth(target, s.spec(n).build()));
            }
        }
        return Job.longOnesLast(jobs);
    }

    /** For each entry of a batch how many of {@code n} keys exist. */
    private static int[] keyLengths(int batch, int n) {
        return new SplittableRandom(SEED).ints(batch, n - MOST_HIDDEN, n).toArray();
    }
}
