package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.COUNT;
import static io.github.tornadoattention.host.cpu.Lanes.WIDTH;
import static io.github.tornadoattention.host.cpu.PackedRows.STRIDE;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import java.util.Arrays;

/**
 * Flash backward for one tile of keys in vectors, dQ included: keys and values stay, one key a lane, the queries of every head of
 * the group stream past, dK and dV are written once and dQ is added to in the order of the tiles. Five matrix products, against
 * seven in two passes.
 *
 * <p>Matrices of a panel have the keys along their rows: {@code kt}, {@code vt}, {@code dkt}, {@code dvt} are {@code
 * [headDim][WIDTH]}, {@code p} and {@code ds} are {@code [BR][WIDTH]}. One instance holds the memory of one worker.
 */
final class VectorBackward {
    /** Queries of a tile. */
    static final int BR = 64;

    private final AttentionSpec spec;
    private final float scale;
    private final int headDim;
    private final int dims;
    private final int panels;
    private final Runs runs;
    private final Band band;
    private final VectorModifier modifier;
    private final PairTables tables;
    private final PanelDropout dropout;
    private final float[] a;
    private final float[] lse = new float[BR];
    private final float[] delta = new float[BR];
    private final int[] from = new int[BR];
    private final int[] to = new int[BR];

    /** Offsets in {@link #a}, found anew for each tile of keys, because the garbage collector may have moved the array. */
    private int kt;
    private int vt;
    private int dkt;
    private int dvt;
    private int kRows;
    private int qRows;
    private int dOutRows;
    private int dqRows;
    private int p;
    private int ds;
    private int slopes;
    private int stage;

    /** For tiles of up to {@code panels} panels. */
    VectorBackward(AttentionSpec spec, Call call, int panels) {
        this.spec = spec;
        this.scale = (float) spec.scale();
        this.headDim = spec.headDim();
        this.dims = Math.ceilDiv(headDim, PanelSums.DIMS) * PanelSums.DIMS;
        this.panels = panels;
        this.runs = new Runs(spec);
        this.band = Band.of(spec);
        this.modifier = new VectorModifier(spec);
        this.tables = new PairTables(spec, call);
        this.dropout = new PanelDropout(spec, call, BR);
        this.a = new float[layout(0) + Alignment.LINE];
    }

    /** Places everything behind each other, on cache lines if the start is; returns the end. */
    private int layout(int start) {
        int panel = panels * dims * WIDTH;
        kt = start;
        vt = kt + panel;
        dkt = vt + panel;
        dvt = dkt + panel;
        kRows = dvt + panel;
        qRows = kRows + panels * WIDTH * STRIDE;
        dOutRows = qRows + BR * STRIDE;
        dqRows = dOutRows + BR * STRIDE;
        p = dqRows + BR * STRIDE;
        ds = p + BR * WIDTH;
        slopes = ds + BR * WIDTH;
        stage = slopes + (modifier.curved() ? BR * WIDTH : 0);
        return stage + PackedRows.stage(Math.max(BR, WIDTH), headDim);
    }

    long bytes() {
        return (a.length + lse.length + delta.length + from.length + to.length) * (long) Float.BYTES + dropout.bytes();
    }

    /** D = rowsum(dO ∘ O) for rows {@code first <= row < end} of {@code [batch * heads * seqQ]}. */
    void delta(BackwardTensors t, Tensor out, int first, int end) {
        layout(Alignment.shift(a));
        for (int row = first; row < end; row += BR) {
            int count = Math.min(BR, end - row);
            PackedRows.load(t.dOut(), row, count, headDim, a, stage, dOutRows);
            PackedRows.load(out, row, count, headDim, a, stage, qRows);
            PackedRows.dots(a, dOutRows, qRows, count, headDim, t.delta(), row, stage);
        }
    }

    /**
     * Writes dK and dV of keys {@code j0 <= j < j1} of entry {@code b}, key/value head {@code g}, and adds to dQ what they
     * contribute.
     *
     * @param row the entry and head, and
     * @param tile the number of the tile in the order of additions
     */
    void run(BackwardTensors t, int b, int g, int j0, int j1, OrderedTiles order, int row, int tile) {
        layout(Alignment.shift(a));
        long firstKey = ((long) b * spec.kvHeads() + g) * spec.seqK();
        int existing = Math.clamp(spec.keyLength(b) - j0, 0, j1 - j0);
        int count = Math.ceilDiv(j1 - j0, WIDTH);
        Arrays.fill(a, dkt, dkt + count * dims * WIDTH, 0f);
        Arrays.fill(a, dvt, dvt + count * dims * WIDTH, 0f);
        if (existing > 0) {
            loadKeys(t, firstKey + j0, existing);
            int group = spec.heads() / spec.kvHeads();
            for (int h = g * group; h < (g + 1) * group; h++) {
                head(t, b, h, j0, existing, order, row, tile);
            }
        }
        for (int n = 0; n < count; n++) {
            int items = Math.min(WIDTH, j1 - j0 - n * WIDTH);
            long first = firstKey + j0 + n * WIDTH;
            PackedRows.clearLanes(a, dkt + n * dims * WIDTH, dims, existing - n * WIDTH);
            PackedRows.clearLanes(a, dvt + n * dims * WIDTH, dims, existing - n * WIDTH);
            PackedRows.store(a, dkt + n * dims * WIDTH, items, headDim, stage, t.dk(), first);
            PackedRows.store(a, dvt + n * dims * WIDTH, items, headDim, stage, t.dv(), first);
        }
        order.finish(row, tile);
    }

    /** Keys as rows and as panels, values as panels. */
    private void loadKeys(BackwardTensors t, long firstKey, int existing) {
        for (int n = 0; n * WIDTH < existing; n++) {
            int items = Math.min(WIDTH, existing - n * WIDTH);
            int rows = kRows + n * WIDTH * STRIDE;
            // the rows of queries are still free
            PackedRows.load(t.v(), firstKey + n * WIDTH, items, headDim, a, stage, qRows);
            PackedRows.transpose(a, qRows, items, headDim, dims, 1f, vt + n * dims * WIDTH);
            PackedRows.load(t.k(), firstKey + n * WIDTH, items, headDim, a, stage, rows);
            PackedRows.transpose(a, rows, items, headDim, dims, 1f, kt + n * dims * WIDTH);
        }
    }

    private void head(BackwardTensors t, int b, int h, int j0, int bc, OrderedTiles order, int row, int tile) {
        long firstQuery = ((long) b * spec.heads() + h) * spec.seqQ();
        int firstPlace = h % (spec.heads() / spec.kvHeads()) * Math.ceilDiv(spec.seqQ(), BR);
        int place = -1;
        runs.ofQueries(h, j0, j0 + bc);
        for (int run = 0; run < runs.count(); run++) {
            int end = runs.end(run);
            for (int i0 = runs.start(run); i0 < end; i0 = Math.min(end, (i0 / BR + 1) * BR)) {
                int here = firstPlace + i0 / BR;
                if (place >= 0 && here != place) {
                    order.done(row, tile, place);
                }
                place = here;
                int br = Math.min(end, (i0 / BR + 1) * BR) - i0;
                visit(t, b, h, firstQuery, i0, br, j0, bc);
                order.await(row, tile, place);
                PackedRows.addTo(t.dq(), firstQuery + i0, br, headDim, scale, a, stage, dqRows);
            }
        }
        if (place >= 0) {
            order.done(row, tile, place);
        }
    }

    /** One tile of queries, for every panel that any of them sees. */
    private void visit(BackwardTensors t, int b, int h, long firstQuery, int i0, int br, int j0, int bc) {
        PackedRows.load(t.q(), firstQuery + i0, br, headDim, a, stage, qRows);
        // the same factor as in the forward pass, so that scores are the same to the last bit and never far above lse
        PackedRows.scale(a, qRows, br, headDim, scale);
        PackedRows.load(t.dOut(), firstQuery + i0, br, headDim, a, stage, dOutRows);
        t.lse().read(firstQuery + i0, lse, 0, br);
        BackwardTensors.emptyRows(lse, br);
        System.arraycopy(t.delta(), (int) firstQuery + i0, delta, 0, br);
        for (int r = 0; r < br; r++) {
            Arrays.fill(a, dqRows + r * STRIDE, dqRows + r * STRIDE + Math.ceilDiv(headDim, COUNT) * COUNT, 0f);
        }
        for (int n = 0; n * WIDTH < bc; n++) {
            int first = j0 + n * WIDTH;
            int end = Math.min(j0 + bc, first + WIDTH);
            int start = band.firstQuery(first, i0, i0 + br);
            int stop = band.endQuery(end - 1, i0, i0 + br);
            if (start < stop) {
                boolean full = band.firstQuery(end - 1, i0, i0 + br) == i0 && band.endQuery(first, i0, i0 + br) == i0 + br;
                panel(b, h, n, first, end, start, stop - start, start - i0, full);
            }
        }
    }

    /**
     * Keys {@code first <= j < end} of panel {@code n} beside queries {@code start .. start + rows - 1}, which begin {@code skip}
     * rows into the tile.
     */
    private void panel(int b, int h, int n, int first, int end, int start, int rows, int skip, boolean full) {
        int q = qRows + skip * STRIDE;
        int dOut = dOutRows + skip * STRIDE;
        int at = n * dims * WIDTH;
        // P = exp(scale · Q Kᵀ - lse) (the scale is in the rows)
        PanelProducts.of(a, p, q, kt + at, rows, dims);
        if (modifier.active()) {
            modifier.apply(a, p, rows, h, (long) first - start - spec.diagonal(), modifier.curved() ? slopes : -1);
        }
        if (tables.active()) {
            tables.panelOfKeys(a, p, rows, b, h, start, first, end - first);
        }
        PanelGradient.probabilities(a, p, rows, lse, skip);
        // dS = P ∘ (Z ∘ dO Vᵀ / (1 - dropout) - D), and P = Z ∘ P / (1 - dropout) for dV
        PanelProducts.of(a, ds, dOut, vt + at, rows, dims);
        if (dropout.active()) {
            dropout.drawKeys(b, h, start, rows, first);
            dropout.apply(a, ds, rows);
        }
        PanelGradient.scores(a, p, ds, rows, delta, skip);
        if (dropout.active()) {
            dropout.apply(a, p, rows);
        }
        if (modifier.curved()) {
            PanelGradient.multiply(a, ds, slopes, rows);
        }
        boolean finite = true;
        if (!full) {
            hide(first, end, start, rows);
            finite = PackedRows.finite(a, q, rows, headDim) && PackedRows.finite(a, dOut, rows, headDim)
                    && PackedRows.finite(a, kRows + n * WIDTH * STRIDE, end - first, headDim);
        }
        sums(n, at, q, dOut, dqRows + skip * STRIDE, rows, end - first, finite);
    }

    private void hide(int first, int end, int start, int rows) {
        for (int r = 0; r < rows; r++) {
            from[r] = band.firstKey(start + r, first, end) - first;
            to[r] = band.endKey(start + r, first, end) - first;
        }
        PanelGradient.hide(a, p, rows, from, to);
        PanelGradient.hide(a, ds, rows, from, to);
    }

    /** dV += Pᵀ dO, dK += scale · dSᵀ Q (the scale is in the rows), dQ += dS · K (the scale follows). */
    private void sums(int n, int at, int q, int dOut, int dq, int rows, int keys, boolean finite) {
        int k = kRows + n * WIDTH * STRIDE;
        if (finite) {
            PanelSums.add(a, dvt + at, dOut, p, rows, dims);
            PanelSums.add(a, dkt + at, q, ds, rows, dims);
            // rows come in fours there
            Arrays.fill(a, ds + rows * WIDTH, ds + Math.ceilDiv(rows, RowSums.ROWS) * RowSums.ROWS * WIDTH, 0f);
            RowSums.add(a, dq, rows, ds, k, keys, headDim);
        } else {
            PanelSums.addVisible(a, dvt + at, dOut, p, rows, dims, from, to);
            PanelSums.addVisible(a, dkt + at, q, ds, rows, dims, from, to);
            RowSums.addVisible(a, dq, rows, ds, k, headDim, from, to);
        }
    }
}
