package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.COUNT;
import static io.github.tornadoattention.host.cpu.Lanes.FLOATS;
import static io.github.tornadoattention.host.cpu.PackedRows.STRIDE;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention of few queries over one stretch of keys, with head dims in the lanes: a panel of queries would be nearly empty, and
 * reading keys and values is what costs. Keys and values are read once for all heads of a group and all queries. One instance
 * holds the memory of one worker.
 */
final class DecodeTile {
    /** Keys read together. */
    private static final int BC = 16;

    /** Keys multiplied together. */
    private static final int ROWS = 8;

    private final AttentionSpec spec;
    private final int headDim;
    private final int padded;
    private final int rows;
    private final Runs runs;
    private final RowDropout dropout;
    private final float[] a;

    private int q;
    private int kRows;
    private int vRows;
    private int scores;
    private int lanes;
    private int stage;
    private int o;
    private final float[] m;
    private final float[] l;

    DecodeTile(AttentionSpec spec, Call call) {
        this.spec = spec;
        this.headDim = spec.headDim();
        this.padded = Math.ceilDiv(headDim, COUNT) * COUNT;
        this.rows = spec.heads() / spec.kvHeads() * spec.seqQ();
        this.runs = new Runs(spec);
        this.dropout = new RowDropout(spec, call);
        this.m = new float[rows];
        this.l = new float[rows];
        this.a = new float[layout(0) + Alignment.LINE];
    }

    private int layout(int start) {
        q = start;
        o = q + rows * STRIDE;
        kRows = o + rows * STRIDE;
        vRows = kRows + (BC + ROWS) * STRIDE;
        scores = vRows + BC * STRIDE;
        lanes = scores + BC;
        stage = lanes + (BC + ROWS) * COUNT;
        return stage + PackedRows.stage(BC, headDim);
    }

    long bytes() {
        return (a.length + m.length + l.length) * (long) Float.BYTES;
    }

    /** Where the keys of an entry and key head are: the row of key {@code j} among all rows of k, and of v. */
    interface KeyRows {
        long row(int j);
    }

    /**
     * Attention of every query of a group over keys {@code j0 <= j < j1}, where they see them.
     *
     * @param keys where keys are; up to 16 from a multiple of 16 on lie in neighboring rows
     * @param parts gets m, l and O, {@code headDim + 2} floats for each query, {@code step} floats apart
     * @param at index of the first
     */
    void run(Tensor qs, Tensor k, Tensor v, KeyRows keys, int b, int g, int j0, int j1, float[] parts, int at, int step) {
        layout(Alignment.shift(a));
        int group = spec.heads() / spec.kvHeads();
        long firstQuery = ((long) b * spec.heads() + (long) g * group) * spec.seqQ();
        for (int r = 0; r < rows; r++) {
            PackedRows.load(qs, firstQuery + r, 1, headDim, a, stage, q + r * STRIDE);
            PackedRows.scale(a, q + r * STRIDE, 1, headDim, (float) spec.scale());
            Arrays.fill(a, o + r * STRIDE, o + r * STRIDE + padded, 0f);
        }
        Arrays.fill(m, PanelSoftmax.NOTHING);
        Arrays.fill(l, 0f);
        for (int start = j0; start < j1; start += BC) {
            visit(k, v, keys, b, g, start, Math.min(j1, start + BC));
        }
        for (int r = 0; r < rows; r++) {
            parts[at + r * step] = m[r];
            parts[at + r * step + 1] = l[r];
            System.arraycopy(a, o + r * STRIDE, parts, at + r * step + 2, headDim);
        }
    }

    /** Reads what any query sees of keys {@code j0 <= j < j1}, and lets each query go over what it sees. */
    private void visit(Tensor k, Tensor v, KeyRows keys, int b, int g, int j0, int j1) {
        int loadedFrom = 0;
        int loadedTo = 0;
        int group = spec.heads() / spec.kvHeads();
        for (int h = g * group; h < (g + 1) * group; h++) {
            for (int i = 0; i < spec.seqQ(); i++) {
                runs.ofKeys(b, h, i, i + 1);
                for (int run = 0; run < runs.count(); run++) {
                    int from = Math.max(j0, runs.start(run));
                    int to = Math.min(j1, runs.end(run));
                    if (from >= to) {
                        continue;
                    }
                    if (from < loadedFrom || to > loadedTo) {
                        PackedRows.load(k, keys.row(from), to - from, headDim, a, stage, kRows + (from - j0) * STRIDE);
                        PackedRows.load(v, keys.row(from), to - from, headDim, a, stage, vRows + (from - j0) * STRIDE);
                        loadedFrom = from;
                        loadedTo = to;
                    }
                    attend(b, h, i, (h - g * group) * spec.seqQ() + i, from, to - from, (from - j0) * STRIDE);
                }
            }
        }
    }

    /** One query over {@code count} keys from {@code first} on, the rows of which start {@code skip} floats into the tile. */
    private void attend(int b, int h, int i, int r, int first, int count, int skip) {
        // s = scale · K q
        dots(kRows + skip, q + r * STRIDE, count);
        float largest = modify(h, (long) i + spec.diagonal() - first, count);
        // m' = max(m, max s)
        if (largest > m[r] || Float.isNaN(largest)) {
            float alpha = (float) StrictMath.exp(m[r] - largest);
            l[r] *= alpha;
            PackedRows.scale(a, o + r * STRIDE, 1, headDim, alpha);
            m[r] = largest;
        }
        // p = exp(s - m), l += sum p, then dropout, O += pᵀ V
        FloatVector reference = FloatVector.broadcast(FLOATS, m[r]);
        for (int c = 0; c < count; c += COUNT) {
            VectorExponential.exp(FloatVector.fromArray(FLOATS, a, scores + c).sub(reference)).intoArray(a, scores + c);
        }
        float sum = 0;
        for (int c = 0; c < count; c++) {
            sum += a[scores + c];
        }
        l[r] += sum;
        if (dropout.active()) {
            dropout.alongKeys(a, b, h, i, first - scores, scores, scores + count);
        }
        for (int d = 0; d < padded; d += 4 * COUNT) {
            if (padded - d >= 4 * COUNT) {
                four(o + r * STRIDE + d, vRows + skip + d, count);
            } else {
                for (int rest = d; rest < padded; rest += COUNT) {
                    one(o + r * STRIDE + rest, vRows + skip + rest, count);
                }
            }
        }
    }

    /** Softcap and bias; returns the largest score, NaN if one is not finite. */
    private float modify(int h, long distance, int count) {
        float cap = (float) spec.softcap();
        float slope = spec.alibiSlope(h);
        if (cap != 0 || slope != 0) {
            for (int c = 0; c < count; c++) {
                float s = a[scores + c];
                s = cap == 0 ? s : (float) (cap * Math.tanh((double) s / cap));
                a[scores + c] = s - slope * Math.abs((float) (distance - c));
            }
        }
        Arrays.fill(a, scores + count, scores + Math.ceilDiv(count, COUNT) * COUNT, PanelSoftmax.NOTHING);
        FloatVector largest = FloatVector.broadcast(FLOATS, PanelSoftmax.NOTHING);
        for (int c = 0; c < count; c += COUNT) {
            FloatVector s = FloatVector.fromArray(FLOATS, a, scores + c);
            s = s.mul(0f).add(s);
            s.intoArray(a, scores + c);
            largest = largest.max(s);
        }
        return largest.reduceLanes(VectorOperators.MAX);
    }

    /** {@code scores[n] = rows[n] · x}, rounded up to eight rows: sums of lanes first, then across lanes in a fixed order. */
    private void dots(int rowsAt, int x, int count) {
        for (int n = 0; n < count; n += ROWS) {
            eight(rowsAt + n * STRIDE, x, lanes + n * COUNT);
        }
        for (int n = 0; n < count; n++) {
            int at = lanes + n * COUNT;
            float even = 0;
            float odd = 0;
            for (int lane = 0; lane < COUNT; lane += 2) {
                even += a[at + lane];
                odd += a[at + lane + 1];
            }
            a[scores + n] = even + odd;
        }
    }

    private void eight(int row, int x, int into) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        FloatVector s4 = s0;
        FloatVector s5 = s0;
        FloatVector s6 = s0;
        FloatVector s7 = s0;
        for (int d = 0; d < padded; d += COUNT) {
            FloatVector y = FloatVector.fromArray(FLOATS, a, x + d);
            int r = row + d;
            s0 = FloatVector.fromArray(FLOATS, a, r).fma(y, s0);
            s1 = FloatVector.fromArray(FLOATS, a, r + STRIDE).fma(y, s1);
            s2 = FloatVector.fromArray(FLOATS, a, r + 2 * STRIDE).fma(y, s2);
            s3 = FloatVector.fromArray(FLOATS, a, r + 3 * STRIDE).fma(y, s3);
            s4 = FloatVector.fromArray(FLOATS, a, r + 4 * STRIDE).fma(y, s4);
            s5 = FloatVector.fromArray(FLOATS, a, r + 5 * STRIDE).fma(y, s5);
            s6 = FloatVector.fromArray(FLOATS, a, r + 6 * STRIDE).fma(y, s6);
            s7 = FloatVector.fromArray(FLOATS, a, r + 7 * STRIDE).fma(y, s7);
        }
        s0.intoArray(a, into);
        s1.intoArray(a, into + COUNT);
        s2.intoArray(a, into + 2 * COUNT);
        s3.intoArray(a, into + 3 * COUNT);
        s4.intoArray(a, into + 4 * COUNT);
        s5.intoArray(a, into + 5 * COUNT);
        s6.intoArray(a, into + 6 * COUNT);
        s7.intoArray(a, into + 7 * COUNT);
    }

    private void four(int sum, int row, int count) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s1 = FloatVector.fromArray(FLOATS, a, sum + COUNT);
        FloatVector s2 = FloatVector.fromArray(FLOATS, a, sum + 2 * COUNT);
        FloatVector s3 = FloatVector.fromArray(FLOATS, a, sum + 3 * COUNT);
        for (int n = 0; n < count; n++) {
            FloatVector p = FloatVector.broadcast(FLOATS, a[scores + n]);
            int at = row + n * STRIDE;
            s0 = p.fma(FloatVector.fromArray(FLOATS, a, at), s0);
            s1 = p.fma(FloatVector.fromArray(FLOATS, a, at + COUNT), s1);
            s2 = p.fma(FloatVector.fromArray(FLOATS, a, at + 2 * COUNT), s2);
            s3 = p.fma(FloatVector.fromArray(FLOATS, a, at + 3 * COUNT), s3);
        }
        s0.intoArray(a, sum);
        s1.intoArray(a, sum + COUNT);
        s2.intoArray(a, sum + 2 * COUNT);
        s3.intoArray(a, sum + 3 * COUNT);
    }

    private void one(int sum, int row, int count) {
        FloatVector s = FloatVector.fromArray(FLOATS, a, sum);
        for (int n = 0; n < count; n++) {
            s = FloatVector.broadcast(FLOATS, a[scores + n]).fma(FloatVector.fromArray(FLOATS, a, row + n * STRIDE), s);
        }
        s.intoArray(a, sum);
    }
}
