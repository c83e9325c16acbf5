package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import java.util.Arrays;

/**
 * Flash backward for one tile of queries: the queries and their dO stay, keys and values stream past, dQ is written once.
 *
 * <p>All tile matrices have the queries along their rows: {@code qt}, {@code dOutT}, {@code dqt} are {@code
 * [headDim][Br]}, {@code p} and {@code dp} are {@code [Bc][Br]}.
 */
final class FlashBackwardQueries {
    private static final int BC = TileMath.STREAMED;

    private final AttentionSpec spec;
    private final int headDim;
    private final TileRanges ranges;
    private final Runs runs;
    private final TileMath math;
    private final BackwardScratch scratch;
    private final float[][] qt;
    private final float[][] dOutT;
    private final float[][] dqt;
    private final float[] kTile;
    private final float[] vTile;

    FlashBackwardQueries(AttentionSpec spec, TileMath math, BackwardScratch scratch) {
        this.spec = spec;
        this.headDim = spec.headDim();
        this.runs = new Runs(spec);
        this.math = math;
        this.scratch = scratch;
        this.ranges = scratch.ranges;
        this.qt = scratch.residentA;
        this.dOutT = scratch.residentB;
        this.dqt = scratch.sumA;
        this.kTile = scratch.streamedA;
        this.vTile = scratch.streamedB;
    }

    /** Writes dQ of queries {@code i0 <= i < i1} of entry {@code b}, head {@code h}. */
    void run(BackwardTensors t, int b, int h, int i0, int i1) {
        long firstQuery = ((long) b * spec.heads() + h) * spec.seqQ() + i0;
        long firstKey = ((long) b * spec.kvHeads() + spec.kvHead(h)) * spec.seqK();
        int br = i1 - i0;
        scratch.transposed.load(t.q(), firstQuery, br, (float) spec.scale(), qt);
        scratch.transposed.load(t.dOut(), firstQuery, br, 1f, dOutT);
        t.lse().read(firstQuery, scratch.lse, 0, br);
        BackwardTensors.emptyRows(scratch.lse, br);
        System.arraycopy(t.delta(), (int) firstQuery, scratch.delta, 0, br);
        for (float[] row : dqt) {
            Arrays.fill(row, 0, br, 0f);
        }
        runs.ofKeys(b, h, i0, i1);
        for (int run = 0; run < runs.count(); run++) {
            for (int j0 = runs.start(run); j0 < runs.end(run); j0 += BC) {
                int bc = Math.min(BC, runs.end(run) - j0);
                t.k().read((firstKey + j0) * headDim, kTile, 0, bc * headDim);
                t.v().read((firstKey + j0) * headDim, vTile, 0, bc * headDim);
                visit(b, h, i0, br, j0, bc);
            }
        }
        scratch.transposed.store(dqt, (float) spec.scale(), t.dq(), firstQuery, br);
    }

    /** One tile of keys and values. */
    private void visit(int b, int h, int i0, int br, int j0, int bc) {
        ranges.ofKeys(j0, bc, i0, br);
        int[] from = ranges.from;
        int[] to = ranges.to;
        float[][] p = scratch.p;
        float[][] dp = scratch.dp;
        float[][] slope = scratch.slope;

        // P = exp(scale · K Qᵀ - lse) (the scale is in qt)
        math.products(p, kTile, qt, bc, headDim, ranges.wideFrom, ranges.wideTo);
        for (int c = 0; c < bc; c++) {
            if (scratch.modifier.active()) {
                long distance = (long) i0 + spec.diagonal() - (j0 + c);
                scratch.modifier.apply(p[c], h, distance, slope == null ? null : slope[c], from[c], to[c]);
            }
            if (scratch.tables.active()) {
                scratch.tables.alongQueries(p[c], b, h, i0, j0 + c, from[c], to[c], PairTables.FINITE);
            }
            math.exp(p[c], scratch.lse, from[c], to[c]);
            if (scratch.tables.active()) {
                scratch.tables.hideAlongQueries(p[c], b, h, i0, j0 + c, from[c], to[c]);
            }
        }

        // dS = P ∘ (V dOᵀ - D), V dOᵀ times Z / (1 - dropout)
        math.products(dp, vTile, dOutT, bc, headDim, ranges.wideFrom, ranges.wideTo);
        for (int c = 0; c < bc; c++) {
            if (scratch.dropout.active()) {
                scratch.dropout.alongQueries(dp[c], b, h, i0, j0 + c, from[c], to[c]);
            }
            math.softmaxGradient(dp[c], p[c], scratch.delta, from[c], to[c]);
            if (slope != null) {
                math.multiply(dp[c], slope[c], from[c], to[c]);
            }
        }

        // dQ += Kᵀ dS (the scale follows when it is stored)
        ranges.accumulate(math, dqt, kTile, dp, headDim);
    }
}
