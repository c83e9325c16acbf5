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
    /** Keys taken together where one query reads them in place: enough that memory seldom waits for the softmax. */
    private static final int MOST_KEYS = 512;

    /** The same where several queries read them one after the other, all but the first out of a cache. */
    private static final int SHARED_KEYS = 64;

    /** The same where they are copied: the copies stay in the first-level cache. */
    private static final int FEW_KEYS = 16;

    /** From a multiple of this on, so many keys lie in neighboring rows, whatever {@link KeyRows} say. */
    private static final int NEIGHBORS = 16;


    private final AttentionSpec spec;
    private final int headDim;
    private final int padded;
    private final int bc;
    private final int rows;
    private final Runs runs;
    private final PairTables tables;
    private final RowDropout dropout;
    private final float[] a;
    private final RowSource keys;
    private final RowSource values;

    private int q;
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
        this.bc = !RowSource.inPlace(spec) ? FEW_KEYS : rows > 1 ? SHARED_KEYS : MOST_KEYS;
        this.runs = new Runs(spec);
        this.tables = new PairTables(spec, call);
        this.dropout = new RowDropout(spec, call);
        this.m = new float[rows];
        this.l = new float[rows];
        this.a = new float[layout(0) + Alignment.LINE];
        this.keys = new RowSource(spec, bc);
        this.values = new RowSource(spec, bc);
    }

    private int layout(int start) {
        int most = Math.ceilDiv(bc, COUNT) * COUNT;
        q = start;
        o = q + rows * STRIDE;
        scores = o + rows * STRIDE;
        lanes = scores + most;
        stage = lanes + most * COUNT;
        return stage + PackedRows.stage(1, headDim);
    }

    long bytes() {
        return (a.length + m.length + l.length) * (long) Float.BYTES + keys.bytes() + values.bytes();
    }

    /** Where the keys of an entry and key head are: the row of key {@code j} among all rows of k, and of v. */
    interface KeyRows {
        long row(int j);
    }

    /**
     * Attention of every query of a group over keys {@code j0 <= j < j1}, where they see them.
     *
     * @param where where keys are; up to 16 from a multiple of 16 on lie in neighboring rows
     * @param parts gets m, l and O, {@code headDim + 2} floats for each query, {@code step} floats apart
     * @param at index of the first
     */
    void run(Tensor qs, Tensor k, Tensor v, KeyRows where, int b, int g, int j0, int j1, float[] parts, int at, int step) {
        layout(Alignment.shift(a));
        keys.open(k);
        values.open(v);
        int group = spec.heads() / spec.kvHeads();
        long firstQuery = ((long) b * spec.heads() + (long) g * group) * spec.seqQ();
        for (int r = 0; r < rows; r++) {
            PackedRows.load(qs, firstQuery + r, 1, headDim, a, stage, q + r * STRIDE);
            PackedRows.scale(a, q + r * STRIDE, 1, headDim, (float) spec.scale());
            Arrays.fill(a, o + r * STRIDE, o + r * STRIDE + padded, 0f);
        }
        Arrays.fill(m, PanelSoftmax.NOTHING);
        Arrays.fill(l, 0f);
        for (int start = j0; start < j1; start += bc) {
            visit(where, b, g, start, Math.min(j1, start + bc));
        }
        keys.close();
        values.close();
        for (int r = 0; r < rows; r++) {
            parts[at + r * step] = m[r];
            parts[at + r * step + 1] = l[r];
            System.arraycopy(a, o + r * STRIDE, parts, at + r * step + 2, headDim);
        }
    }

    /** Lets each query go over what it sees of keys {@code j0 <= j < j1}. */
    private void visit(KeyRows where, int b, int g, int j0, int j1) {
        int fetchedFrom = 0;
        int fetchedTo = 0;
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
                    if (from < fetchedFrom || to > fetchedTo) {
                        fetch(where, from, to, (from - j0) * STRIDE);
                        fetchedFrom = from;
                        fetchedTo = to;
                    }
                    attend(where, b, h, i, (h - g * group) * spec.seqQ() + i, from, to - from, (from - j0) * STRIDE);
                }
            }
        }
    }

    private void fetch(KeyRows where, int from, int to, int skip) {
        int end;
        for (int j = from; j < to; j = end) {
            end = endOfNeighbors(where, j, to);
            int copy = skip + (j - from) * STRIDE;
            keys.fetch(where.row(j), end - j, copy);
            values.fetch(where.row(j), end - j, copy);
        }
    }

    /** The first key behind {@code j}, or {@code to}, whose row is not right behind that of the key before it. */
    private static int endOfNeighbors(KeyRows where, int j, int to) {
        long row = where.row(j);
        int end = Math.min(to, (j / NEIGHBORS + 1) * NEIGHBORS);
        while (end < to && where.row(end) == row + end - j) {
            end = Math.min(to, end + NEIGHBORS);
        }
        return end;
    }

    /** One query over {@code count} keys from {@code first} on; copies of them would start {@code skip} floats into the tile. */
    private void attend(KeyRows where, int b, int h, int i, int r, int first, int count, int skip) {
        // s = scale · K q
        Arrays.fill(a, lanes, lanes + count * COUNT, 0f);
        int n;
        for (int c = 0; c < count; c += n) {
            n = endOfNeighbors(where, first + c, first + count) - first - c;
            keys.dots(where.row(first + c), skip + c * STRIDE, a, q + r * STRIDE, lanes + c * COUNT, n);
        }
        LaneSums.of(a, lanes, scores, count);
        float largest = modify(h, (long) i + spec.diagonal() - first, count);
        if (tables.active()) {
            tables.alongKeys(a, b, h, i, first - scores, scores, scores + count, Float.NEGATIVE_INFINITY);
            largest = PanelSoftmax.NOTHING;
            for (int c = 0; c < count; c++) {
                largest = Math.max(largest, a[scores + c]);
            }
        }
        // m' = max(m, max s)
        if (largest > m[r] || Float.isNaN(largest)) {
            float alpha = (float) StrictMath.exp(m[r] - largest);
            l[r] *= alpha;
            PackedRows.scale(a, o + r * STRIDE, 1, headDim, alpha);
            m[r] = largest;
        }
        // p = exp(s - m), l += sum p, then dropout, O += pᵀ V
        Arrays.fill(a, scores + count, scores + Math.ceilDiv(count, COUNT) * COUNT, Float.NEGATIVE_INFINITY);
        FloatVector reference = FloatVector.broadcast(FLOATS, m[r]);
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int c = 0; c < count; c += COUNT) {
            FloatVector p = VectorExponential.exp(FloatVector.fromArray(FLOATS, a, scores + c).sub(reference));
            p.intoArray(a, scores + c);
            sum = sum.add(p);
        }
        sum.intoArray(a, lanes);
        l[r] += LaneSums.of(a, lanes);
        if (dropout.active()) {
            dropout.alongKeys(a, b, h, i, first - scores, scores, scores + count);
        }
        for (int c = 0; c < count; c += n) {
            n = endOfNeighbors(where, first + c, first + count) - first - c;
            values.add(where.row(first + c), skip + c * STRIDE, a, o + r * STRIDE, scores + c, n);
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
}
