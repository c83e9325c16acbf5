package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.tornado.TornadoBackend;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One attention to measure on one target; a result for each direction.
 *
 * @param algorithm as results name it: {@code standard}, {@code flash}, or flash attention of less than everything
 * @param block Br and Bc of the forward kernel, null for the tiles that the host chooses
 * @param directions {@code forward}, or that, {@code backward} and {@code both}
 */
record Job(Target target, String algorithm, AttentionSpec spec, @Nullable List<Integer> block, List<String> directions) {
    private static final double LONG = 2e13;
    static final List<String> ALL_DIRECTIONS = List.of("forward", "backward", "both");

    /** Forward and backward, with the host's tiles. */
    static Job of(Target target, String algorithm, AttentionSpec spec) {
        return new Job(target, algorithm, spec, null, ALL_DIRECTIONS);
    }

    /** The forward pass alone. */
    Job forward() {
        return new Job(target, algorithm, spec, block, List.of("forward"));
    }

    Algorithm how() {
        return algorithm.equals("standard") ? Algorithm.STANDARD : Algorithm.FLASH;
    }

    /** The result of a direction, before it is measured. */
    Result expected(String direction) {
        return target.describe(new Result()).with(spec).with("algorithm", algorithm).with("dtype", spec.dtype().toString())
                .with("direction", direction)
                .with("density", share()).with("block", block).with("units", units());
    }

    /** FLOPs of the forward pass, as if all ran at the rate of float32 flash attention: what decides which jobs take long. */
    double effort() {
        double rate = how() == Algorithm.STANDARD ? 0.1 : spec.dtype() == DType.FP32 ? 1 : 5;
        return 4.0 * spec.headDim() * spec.batch() * spec.heads() * spec.seqQ() * spec.seqK() * share() / rate;
    }

    /** Jobs that take seconds a run behind all others, the longest last. */
    static List<Job> longOnesLast(List<Job> jobs) {
        return jobs.stream().sorted(Comparator.comparingDouble(job -> Math.max(LONG, job.effort()))).toList();
    }

    /** What multiplies on a device: see {@link Result#FMA}; null where there is no device, or nobody tells. */
    @Nullable String units() {
        if (target.library() || !(target.backend() instanceof TornadoBackend device)) {
            return null;
        }
        return block == null && device.usesTensorCores(spec, how()) ? Result.TENSOR_CORES : Result.FMA;
    }

    /** Blocks that are set; of a window, the pairs that are visible. */
    private double share() {
        if (spec.blockMask() == null && (spec.windowLeft() >= 0 || spec.windowRight() >= 0) && spec.causal() == Causal.NONE) {
            return (double) spec.visiblePairs() / ((double) spec.batch() * spec.heads() * spec.seqQ() * spec.seqK());
        }
        return spec.blockMask() == null ? 1.0 : spec.blockMask().density();
    }

    @Override
    public String toString() {
        String place = target.driver() == null ? target.name() : target.name() + " " + target.driver();
        Result of = new Result().with(spec);
        return "%s %s %s%s%s%s%s".formatted(place, algorithm, of.shape(), of.options(" "),
                share() < 1 ? " density %.3f".formatted(share()) : "",
                spec.dtype() == DType.FP32 ? "" : " " + spec.dtype(), block == null ? "" : " tiles " + block);
    }
}
