package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
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
        return target.describe(new Result()).with(spec).with("algorithm", algorithm).with("dtype", spec.dtype().toString()).with("direction", direction)
                .with("density", share()).with("block", block);
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
        return "%s%s %s b%d h%d n%d d%d%s%s%s".formatted(target.name(), target.driver() == null ? "" : " " + target.driver(), algorithm, spec.batch(), spec.heads(), spec.seqQ(), spec.headDim(), spec.causal() == Causal.NONE ? "" : " causal",
                spec.dropout() > 0 ? " dropout" : "", spec.dtype() == DType.FP32 ? "" : " " + spec.dtype());
    }
}
