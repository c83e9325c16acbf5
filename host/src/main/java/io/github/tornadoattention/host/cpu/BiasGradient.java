package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Broadcast;
import io.github.tornadoattention.host.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Gradient of the bias: dS, summed over what shares an element. A task owns a tile of the bias and goes over every entry, head,
 * query and key that it stands for, in a fixed order, so that nothing is shared between tasks and memory is that of the bias.
 */
final class BiasGradient {
    private static final int BR = TileMath.STREAMED;

    private final AttentionSpec spec;
    private final int[] shape;
    private final Broadcast at;
    private final Tiles keyTiles;
    private final int queryTiles;

    BiasGradient(AttentionSpec spec, int[] shape, Tiles keyTiles) {
        this.spec = spec;
        this.shape = shape.clone();
        this.at = Broadcast.of(shape);
        this.keyTiles = keyTiles;
        this.queryTiles = Math.ceilDiv(spec.seqQ(), BR);
    }

    /** For the bias of a spec; null if it has none. */
    static @Nullable BiasGradient of(AttentionSpec spec, Tiles keyTiles) {
        int[] shape = spec.biasShape();
        return shape == null ? null : new BiasGradient(spec, shape, keyTiles);
    }

    /** How many tasks there are. */
    int tasks() {
        return Math.multiplyExact(shape[0] * shape[1],
                Math.multiplyExact(shape[2] == 1 ? 1 : queryTiles, shape[3] == 1 ? 1 : keyTiles.count()));
    }

    /** A worker's sum over a tile of the bias, {@code [rows or 1][keys or 1]}. */
    static float[] scratch() {
        return new float[BR * TileMath.RESIDENT];
    }

    /** Writes the elements of one task. */
    void run(BackwardTensors t, FlashBackwardKeys keys, BackwardScratch scratch, float[] sum, int task, Tensor dBias) {
        int ownK = shape[3] == 1 ? 1 : keyTiles.count();
        int ownQ = shape[2] == 1 ? 1 : queryTiles;
        int tileK = task % ownK;
        int tileQ = task / ownK % ownQ;
        int head = task / ownK / ownQ % shape[1];
        int entry = task / ownK / ownQ / shape[1];
        int q0 = tileQ * BR;
        int q1 = shape[2] == 1 ? spec.seqQ() : Math.min(spec.seqQ(), q0 + BR);
        Arrays.fill(sum, 0f);
        for (int b = entry; b < (shape[0] == 1 ? spec.batch() : entry + 1); b++) {
            for (int h = head; h < (shape[1] == 1 ? spec.heads() : head + 1); h++) {
                for (int k = tileK; k < (shape[3] == 1 ? keyTiles.count() : tileK + 1); k++) {
                    int count = Math.clamp(spec.keyLength(b) - keyTiles.start(k), 0, keyTiles.end(k) - keyTiles.start(k));
                    if (count > 0) {
                        keys.loadKeys(t, b, spec.kvHead(h), keyTiles.start(k), count);
                        add(t, keys, scratch, sum, b, h, q0, q1, keyTiles.start(k), count);
                    }
                }
            }
        }
        int width = shape[3] == 1 ? 1 : keyTiles.end(tileK) - keyTiles.start(tileK);
        for (int r = 0; r < (shape[2] == 1 ? 1 : q1 - q0); r++) {
            if (width > 0) {
                dBias.write(sum, r * TileMath.RESIDENT,
                        at.at(entry, head, q0 + r, shape[3] == 1 ? 0 : keyTiles.start(tileK)), width);
            }
        }
    }

    private void add(BackwardTensors t, FlashBackwardKeys keys, BackwardScratch scratch, float[] sum, int b, int h, int q0,
            int q1, int j0, int count) {
        Runs runs = new Runs(spec);
        runs.ofQueries(h, j0, j0 + count);
        for (int run = 0; run < runs.count(); run++) {
            int end = Math.min(q1, runs.end(run));
            for (int i0 = Math.max(q0, runs.start(run)); i0 < end; i0 += BR) {
                int br = Math.min(BR, end - i0);
                keys.scoreGradients(t, b, h, i0, br, j0, count);
                for (int r = 0; r < br; r++) {
                    int row = (shape[2] == 1 ? 0 : i0 - q0 + r) * TileMath.RESIDENT;
                    for (int y = scratch.ranges.from[r]; y < scratch.ranges.to[r]; y++) {
                        sum[row + (shape[3] == 1 ? 0 : y)] += scratch.dp[r][y];
                    }
                }
            }
        }
    }
}
