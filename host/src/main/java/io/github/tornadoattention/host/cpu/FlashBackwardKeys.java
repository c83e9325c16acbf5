package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import java.util.Arrays;

/**
 * Flash backward for one tile of keys: keys and values stay, the queries of every head of the group stream past, dK and dV are
 * written once. No other tile adds to them, so the order of the sums is fixed.
 *
 * <p>All tile matrices have the keys along their rows: {@code kt}, {@code vt}, {@code dkt}, {@code dvt} are {@code
 * [headDim][Bc]}, {@code p} and {@code dp} are {@code [Br][Bc]}.
 */
final class FlashBackwardKeys {
    private static final int BR = TileMath.STREAMED;

    private final AttentionSpec spec;
    private final int headDim;
    private final TileRanges ranges;
    private final Runs runs;
    private final TileMath math;
    private final BackwardScratch scratch;
    private final float[][] kt;
    private final float[][] vt;
    private final float[][] dkt;
    private final float[][] dvt;
    private final float[] qTile;
    private final float[] dOutTile;

    FlashBackwardKeys(AttentionSpec spec, TileMath math, BackwardScratch scratch) {
        this.spec = spec;
        this.headDim = spec.headDim();
        this.runs = new Runs(spec);
        this.math = math;
        this.scratch = scratch;
        this.ranges = scratch.ranges;
        this.kt = scratch.residentA;
        this.vt = scratch.residentB;
        this.dkt = scratch.sumA;
        this.dvt = scratch.sumB;
        this.qTile = scratch.streamedA;
        this.dOutTile = scratch.streamedB;
    }

    /** Writes dK and dV of keys {@code j0 <= j < j1} of entry {@code b}, key/value head {@code g}. */
    void run(BackwardTensors t, int b, int g, int j0, int j1) {
        long firstKey = ((long) b * spec.kvHeads() + g) * spec.seqK() + j0;
        int existing = Math.clamp(spec.keyLength(b) - j0, 0, j1 - j0);
        for (int d = 0; d < headDim; d++) {
            Arrays.fill(dkt[d], 0, j1 - j0, 0f);
            Arrays.fill(dvt[d], 0, j1 - j0, 0f);
        }
        if (existing > 0) {
            loadKeys(t, b, g, j0, existing);
            int group = spec.heads() / spec.kvHeads();
            for (int h = g * group; h < (g + 1) * group; h++) {
                head(t, b, h, j0, existing);
            }
        }
        scratch.transposed.store(dkt, 1f, t.dk(), firstKey, j1 - j0);
        scratch.transposed.store(dvt, 1f, t.dv(), firstKey, j1 - j0);
    }

    /** Makes keys {@code j0 <= j < j0 + count}, which exist, with their values the ones that stay. */
    void loadKeys(BackwardTensors t, int b, int g, int j0, int count) {
        long firstKey = ((long) b * spec.kvHeads() + g) * spec.seqK() + j0;
        scratch.transposed.load(t.k(), firstKey, count, 1f, kt);
        scratch.transposed.load(t.v(), firstKey, count, 1f, vt);
    }

    private void head(BackwardTensors t, int b, int h, int j0, int bc) {
        runs.ofQueries(h, j0, j0 + bc);
        for (int run = 0; run < runs.count(); run++) {
            for (int i0 = runs.start(run); i0 < runs.end(run); i0 += BR) {
                int br = Math.min(BR, runs.end(run) - i0);
                scoreGradients(t, b, h, i0, br, j0, bc);
                sums(b, h, i0, br, j0);
            }
        }
    }

    /**
     * Computes P and dS of queries {@code i0 <= i < i0 + br}, at most {@link TileMath#STREAMED}, and the keys that stay, into the
     * rows of the scratch's {@code p} and {@code dp}; dS without softcap's derivative. What {@code ranges} hides is not written.
     */
    void scoreGradients(BackwardTensors t, int b, int h, int i0, int br, int j0, int bc) {
        long firstQuery = ((long) b * spec.heads() + h) * spec.seqQ();
        float scale = (float) spec.scale();
        t.q().read((firstQuery + i0) * headDim, qTile, 0, br * headDim);
        for (int n = 0; n < br * headDim; n++) {
            qTile[n] *= scale;
        }
        t.dOut().read((firstQuery + i0) * headDim, dOutTile, 0, br * headDim);
        t.lse().read(firstQuery + i0, scratch.lse, 0, br);
        BackwardTensors.emptyRows(scratch.lse, br);
        System.arraycopy(t.delta(), (int) firstQuery + i0, scratch.delta, 0, br);
        ranges.ofQueries(i0, br, j0, bc);
        int[] from = ranges.from;
        int[] to = ranges.to;
        float[][] p = scratch.p;
        float[][] dp = scratch.dp;
        float[][] slope = scratch.slope;

        // P = exp(scale · Q Kᵀ - lse)
        math.products(p, qTile, kt, br, headDim, ranges.wideFrom, ranges.wideTo);
        for (int r = 0; r < br; r++) {
            if (scratch.modifier.active()) {
                long distance = (long) j0 - (i0 + r) - spec.diagonal();
                scratch.modifier.apply(p[r], h, distance, slope == null ? null : slope[r], from[r], to[r]);
            }
            if (scratch.tables.active()) {
                scratch.tables.alongKeys(p[r], b, h, i0 + r, j0, from[r], to[r], PairTables.FINITE);
            }
            math.exp(p[r], scratch.lse[r], from[r], to[r]);
            if (scratch.tables.active()) {
                scratch.tables.hideAlongKeys(p[r], b, h, i0 + r, j0, from[r], to[r]);
            }
        }

        // dS = P ∘ (dO Vᵀ - D), dO Vᵀ times Z / (1 - dropout)
        math.products(dp, dOutTile, vt, br, headDim, ranges.wideFrom, ranges.wideTo);
        for (int r = 0; r < br; r++) {
            if (scratch.dropout.active()) {
                scratch.dropout.alongKeys(dp[r], b, h, i0 + r, j0, from[r], to[r]);
            }
            math.softmaxGradient(dp[r], p[r], scratch.delta[r], from[r], to[r]);
        }
    }

    private void sums(int b, int h, int i0, int br, int j0) {
        float[][] p = scratch.p;
        float[][] dp = scratch.dp;
        float[][] slope = scratch.slope;
        int[] from = ranges.from;
        int[] to = ranges.to;
        for (int r = 0; r < br; r++) {
            if (scratch.dropout.active()) {
                scratch.dropout.alongKeys(p[r], b, h, i0 + r, j0, from[r], to[r]);
            }
            if (slope != null) {
                math.multiply(dp[r], slope[r], from[r], to[r]);
            }
        }

        // dV += Pᵀ dO, P times Z / (1 - dropout)
        ranges.accumulate(math, dvt, dOutTile, p, headDim);

        // dK += scale · dSᵀ Q (the scale is in the tile of queries)
        ranges.accumulate(math, dkt, qTile, dp, headDim);
    }
}
