package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import java.util.Arrays;

/**
 * Flash forward for one tile of queries: the queries stay, keys and values stream past, out and lse are written once.
 *
 * <p>All tile matrices have the queries along their rows: {@code qt}, {@code ot} are {@code [headDim][Br]}, {@code s}
 * (scores, then probabilities) is {@code [Bc][Br]}. One instance holds the scratch of one worker.
 */
final class FlashForward implements ForwardTile {
    private static final int BR = TileMath.RESIDENT;
    private static final int BC = TileMath.STREAMED;

    private final AttentionSpec spec;
    private final int headDim;
    private final Runs runs;
    private final TileMath math;
    private final ScoreModifier modifier;
    private final PairTables tables;
    private final RowDropout dropout;
    private final Transposed transposed;
    private final Scratch scratch = new Scratch();

    private final float[][] qt;
    private final float[][] ot;
    private final float[][] s;
    private final float[] kTile;
    private final float[] vTile;
    private final float[] m = scratch.floats(BR);
    private final float[] mNext = scratch.floats(BR);
    private final float[] l = scratch.floats(BR);
    private final float[] lTile = scratch.floats(BR);
    private final float[] alpha = scratch.floats(BR);
    private final TileRanges ranges;

    FlashForward(AttentionSpec spec, Call call, TileMath math) {
        this.spec = spec;
        this.headDim = spec.headDim();
        this.runs = new Runs(spec);
        this.ranges = new TileRanges(Band.of(spec), scratch);
        this.math = math;
        this.tables = new PairTables(spec, call);
        this.dropout = new RowDropout(spec, call);
        this.modifier = new ScoreModifier(spec, TileMath.RESIDENT, scratch);
        this.transposed = new Transposed(headDim, scratch.floats(headDim));
        this.qt = scratch.rows(headDim, BR);
        this.ot = scratch.rows(headDim, BR);
        this.s = scratch.rows(BC, BR);
        this.kTile = scratch.floats(BC * headDim);
        this.vTile = scratch.floats(BC * headDim);
    }

    @Override
    public long bytes() {
        return scratch.bytes();
    }

    @Override
    public void run(Tensor q, Tensor k, Tensor v, Tensor out, Tensor lse, int b, int h, int i0, int i1) {
        long firstQuery = ((long) b * spec.heads() + h) * spec.seqQ() + i0;
        long firstKey = ((long) b * spec.kvHeads() + spec.kvHead(h)) * spec.seqK();
        int br = i1 - i0;
        transposed.load(q, firstQuery, br, (float) spec.scale(), qt);
        // Nothing seen: m is finite, so that m - m' is never infinity - infinity; l = 0 stays until a visible pair adds to it.
        Arrays.fill(m, 0, br, -Float.MAX_VALUE);
        Arrays.fill(l, 0, br, 0f);
        for (float[] row : ot) {
            Arrays.fill(row, 0, br, 0f);
        }
        runs.ofKeys(b, h, i0, i1);
        for (int run = 0; run < runs.count(); run++) {
            for (int j0 = runs.start(run); j0 < runs.end(run); j0 += BC) {
                int bc = Math.min(BC, runs.end(run) - j0);
                k.read((firstKey + j0) * headDim, kTile, 0, bc * headDim);
                v.read((firstKey + j0) * headDim, vTile, 0, bc * headDim);
                visit(b, h, i0, br, j0, bc);
            }
        }
        epilogue(out, lse, firstQuery, br);
    }

    /** One tile of keys and values. */
    private void visit(int b, int h, int i0, int br, int j0, int bc) {
        ranges.ofKeys(j0, bc, i0, br);
        int[] from = ranges.from;
        int[] to = ranges.to;

        // S = scale · K Qᵀ (the scale is in qt)
        math.products(s, kTile, qt, bc, headDim, ranges.wideFrom, ranges.wideTo);
        if (modifier.active()) {
            for (int c = 0; c < bc; c++) {
                modifier.apply(s[c], h, (long) i0 + spec.diagonal() - (j0 + c), null, from[c], to[c]);
            }
        }

        if (tables.active()) {
            for (int c = 0; c < bc; c++) {
                tables.alongQueries(s[c], b, h, i0, j0 + c, from[c], to[c], PairTables.FINITE);
            }
        }

        // m' = max(m, max over c of S)
        System.arraycopy(m, 0, mNext, 0, br);
        for (int c = 0; c < bc; c++) {
            math.max(mNext, s[c], from[c], to[c]);
        }

        // P = exp(S - m'), l = exp(m - m') l + sum over c of P
        Arrays.fill(lTile, 0, br, 0f);
        for (int c = 0; c < bc; c++) {
            math.exp(s[c], mNext, from[c], to[c]);
            if (tables.active()) {
                tables.hideAlongQueries(s[c], b, h, i0, j0 + c, from[c], to[c]);
            }
            math.add(lTile, s[c], from[c], to[c]);
            if (dropout.active()) {
                dropout.alongQueries(s[c], b, h, i0, j0 + c, from[c], to[c]);
            }
        }
        if (!Arrays.equals(m, 0, br, mNext, 0, br)) {
            rescale(br);
        }
        math.add(l, lTile, 0, br);

        // O += Vᵀ P
        ranges.accumulate(math, ot, vTile, s, headDim);
    }

    /** A maximum moved: what was summed relative to the old one is brought to the new one, alpha = exp(m - m'). */
    private void rescale(int br) {
        System.arraycopy(m, 0, alpha, 0, br);
        math.exp(alpha, mNext, 0, br);
        math.multiply(l, alpha, 0, br);
        for (float[] row : ot) {
            math.multiply(row, alpha, 0, br);
        }
        System.arraycopy(mNext, 0, m, 0, br);
    }

    /** out = O / l and lse = m + ln l; a query that saw no key has l = 0 and gets out 0, lse -infinity. */
    private void epilogue(Tensor out, Tensor lse, long firstQuery, int br) {
        for (int r = 0; r < br; r++) {
            boolean empty = l[r] == 0f;
            alpha[r] = empty ? 0f : 1f / l[r];
            m[r] = empty ? Float.NEGATIVE_INFINITY : (float) (m[r] + Math.log(l[r]));
        }
        for (float[] row : ot) {
            math.multiply(row, alpha, 0, br);
        }
        transposed.store(ot, 1f, out, firstQuery, br);
        lse.write(m, 0, firstQuery, br);
    }
}
