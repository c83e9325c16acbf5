package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.WIDTH;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import java.util.Arrays;

/**
 * Flash forward for one tile of queries in vectors: a few panels of queries stay, one query a lane; keys and values stream past
 * and are packed once for all panels; out and lse are written once.
 *
 * <p>Matrices of a panel have the queries along their rows: {@code qt}, {@code ot} are {@code [headDim][WIDTH]}, {@code s}
 * (scores, then probabilities) is {@code [BC][WIDTH]}. Scores take no shuffles this way, and keys and values no transposition.
 * One instance holds the memory of one worker.
 */
final class VectorForward implements ForwardTile {
    /** Keys of a tile. */
    static final int BC = 64;

    private static final int HALF = WIDTH / 2;

    /** Scores are finite for sure if the bound on them is at most this. */
    private static final float SAFE = 1e37f;

    private final AttentionSpec spec;
    private final int headDim;
    private final int dims;
    private final int panels;
    private final Runs runs;
    private final Band band;
    private final VectorModifier modifier;
    private final PairTables tables;
    private final PanelDropout dropout;
    private final float biasBound;
    private final float[] a;
    private final float[] lseRow = new float[WIDTH];
    private final int[] from = new int[BC];
    private final int[] to = new int[BC];
    private final float[] qBound;

    /** Offsets in {@link #a}, found anew for each tile of queries, because the garbage collector may have moved the array. */
    private int qt;
    private int ot;
    private int s;
    private int kRows;
    private int vRows;
    private int stage;
    private int m;
    private int l;
    private int largest;
    private int alpha;

    /** For tiles of up to {@code panels} panels. */
    VectorForward(AttentionSpec spec, Call call, int panels) {
        this.spec = spec;
        this.headDim = spec.headDim();
        this.dims = Math.ceilDiv(headDim, PanelSums.DIMS) * PanelSums.DIMS;
        this.panels = panels;
        this.runs = new Runs(spec);
        this.band = Band.of(spec);
        this.modifier = new VectorModifier(spec);
        this.tables = new PairTables(spec, call);
        this.dropout = new PanelDropout(spec, call, BC);
        this.biasBound = modifier.largestBias();
        this.qBound = new float[panels];
        this.a = new float[layout(0) + Alignment.LINE];
    }

    /** Places everything behind each other, on cache lines if the start is; returns the end. */
    private int layout(int start) {
        int panel = panels * dims * WIDTH;
        qt = start;
        ot = qt + panel;
        s = ot + panel;
        kRows = s + BC * WIDTH;
        vRows = kRows + BC * PackedRows.STRIDE;
        m = vRows + BC * PackedRows.STRIDE;
        l = m + panels * WIDTH;
        largest = l + panels * WIDTH;
        alpha = largest + WIDTH;
        stage = alpha + WIDTH;
        return stage + PackedRows.stage(Math.max(BC, WIDTH), headDim);
    }

    @Override
    public long bytes() {
        return (a.length + lseRow.length + from.length + to.length + qBound.length) * (long) Float.BYTES + dropout.bytes();
    }

    @Override
    public void run(Tensor q, Tensor k, Tensor v, Tensor out, Tensor lse, int b, int h, int i0, int i1) {
        layout(Alignment.shift(a));
        long firstQuery = ((long) b * spec.heads() + h) * spec.seqQ();
        long firstKey = ((long) b * spec.kvHeads() + spec.kvHead(h)) * spec.seqK();
        int count = Math.ceilDiv(i1 - i0, WIDTH);
        for (int p = 0; p < count; p++) {
            loadQueries(q, firstQuery, i0 + p * WIDTH, Math.min(i1, i0 + (p + 1) * WIDTH), p);
        }
        Arrays.fill(a, ot, ot + count * dims * WIDTH, 0f);
        Arrays.fill(a, m, m + count * WIDTH, PanelSoftmax.NOTHING);
        Arrays.fill(a, l, l + count * WIDTH, 0f);
        runs.ofKeys(b, h, i0, i1);
        for (int run = 0; run < runs.count(); run++) {
            int end = runs.end(run);
            // Tiles end at multiples of BC, so that sums are the same whatever queries share a tile.
            for (int j0 = runs.start(run); j0 < end; j0 = Math.min(end, (j0 / BC + 1) * BC)) {
                visit(k, v, firstKey, b, h, i0, i1, j0, Math.min(end, (j0 / BC + 1) * BC));
            }
        }
        for (int p = 0; p < count; p++) {
            int first = i0 + p * WIDTH;
            epilogue(out, lse, firstQuery + first, Math.min(i1 - first, WIDTH), p);
        }
    }

    private void loadQueries(Tensor q, long firstQuery, int first, int end, int p) {
        // the rows of keys and values are still free
        PackedRows.load(q, firstQuery + first, end - first, headDim, a, stage, kRows);
        float largestQuery = PackedRows.largest(a, kRows, end - first, headDim);
        float scale = (float) spec.scale();
        PackedRows.transpose(a, kRows, end - first, headDim, dims, scale, qt + p * dims * WIDTH);
        qBound[p] = largestQuery * Math.abs(scale) * headDim;
    }

    /** Keys and values {@code j0 <= j < j1}, for every panel that sees any of them. */
    private void visit(Tensor k, Tensor v, long firstKey, int b, int h, int i0, int i1, int j0, int j1) {
        PackedRows.load(k, firstKey + j0, j1 - j0, headDim, a, stage, kRows);
        PackedRows.load(v, firstKey + j0, j1 - j0, headDim, a, stage, vRows);
        float kBound = PackedRows.largest(a, kRows, j1 - j0, headDim);
        for (int p = 0; i0 + p * WIDTH < i1; p++) {
            int first = i0 + p * WIDTH;
            int end = Math.min(i1, first + WIDTH);
            // the keys that the first and the last query of the panel see: together the panel's, in common the unmasked ones
            int start = band.firstKey(first, j0, j1);
            int stop = band.endKey(end - 1, j0, j1);
            if (start >= stop) {
                continue;
            }
            boolean safe = qBound[p] * kBound + biasBound < SAFE;
            boolean full = band.firstKey(end - 1, j0, j1) == j0 && band.endKey(first, j0, j1) == j1;
            if (full) {
                full(b, h, first, end, p, j0, j1, safe);
            } else {
                masked(b, h, first, end, p, j0, start, stop, safe);
            }
        }
    }

    /** A panel that sees all keys of the tile. */
    private void full(int b, int h, int first, int end, int p, int j0, int j1, boolean safe) {
        int rows = j1 - j0;
        // S = scale · K Qᵀ (the scale is in qt)
        PanelProducts.of(a, s, kRows, qt + p * dims * WIDTH, rows, dims);
        modify(b, h, first, end, j0, rows, safe);
        softmax(p, rows);
        PanelSoftmax.exponentials(a, s, rows, m + p * WIDTH, l + p * WIDTH);
        drop(b, h, first, j0, rows);
        // O += Vᵀ P
        PanelSums.add(a, ot + p * dims * WIDTH, vRows, s, rows, dims);
    }

    private void modify(int b, int h, int first, int end, int j0, int rows, boolean safe) {
        if (modifier.active()) {
            modifier.apply(a, s, rows, h, (long) first + spec.diagonal() - j0, -1);
        }
        if (!safe) {
            PanelSoftmax.spoil(a, s, rows);
        }
        if (tables.active()) {
            tables.panelOfQueries(a, s, rows, b, h, j0, first, end - first);
        }
    }

    /** P = Z ∘ P / (1 - dropout), once l has its sum. */
    private void drop(int b, int h, int first, int j0, int rows) {
        if (dropout.active()) {
            dropout.drawQueries(b, h, j0, rows, first);
            dropout.apply(a, s, rows);
        }
    }

    /** m' = max(m, max over the rows of S), and what was summed relative to m is brought to m'. */
    private void softmax(int p, int rows) {
        PanelSoftmax.maxima(a, s, rows, largest);
        if (PanelSoftmax.advance(a, m + p * WIDTH, largest, alpha)) {
            PanelSoftmax.scale(a, ot + p * dims * WIDTH, dims, alpha);
            PanelSoftmax.scale(a, l + p * WIDTH, 1, alpha);
        }
    }

    /** A panel whose queries see different keys, {@code start <= j < stop} together. */
    private void masked(int b, int h, int first, int end, int p, int j0, int start, int stop, boolean safe) {
        int rows = stop - start;
        int skipped = (start - j0) * PackedRows.STRIDE;
        for (int c = 0; c < rows; c++) {
            from[c] = band.firstQuery(start + c, first, end) - first;
            // lanes past the last query do no harm; visible, they leave whole vectors without a mask
            int limit = band.endQuery(start + c, first, end) - first;
            to[c] = limit == end - first ? WIDTH : limit;
        }
        // with a causal mask the lower half of the queries sees none of the later keys
        int both = Math.min(rows, rowsOfBothHalves(rows));
        int upper = rows - both;
        PanelProducts.of(a, s, kRows + skipped, qt + p * dims * WIDTH, both, dims);
        PanelProducts.ofHalf(a, s + both * WIDTH + HALF, kRows + skipped + both * PackedRows.STRIDE, qt + p * dims * WIDTH + HALF,
                upper, dims);
        modify(b, h, first, end, start, rows, safe);
        PanelSoftmax.hide(a, s, rows, from, to);
        softmax(p, rows);
        PanelSoftmax.exponentials(a, s, rows, m + p * WIDTH, l + p * WIDTH);
        drop(b, h, first, start, rows);
        if (PackedRows.largest(a, vRows + skipped, rows, headDim) < Float.POSITIVE_INFINITY) {
            PanelSums.add(a, ot + p * dims * WIDTH, vRows + skipped, s, both, dims);
            PanelSums.addHalf(a, ot + p * dims * WIDTH + HALF, vRows + skipped + both * PackedRows.STRIDE,
                    s + both * WIDTH + HALF, upper, dims);
        } else {
            PanelSums.addVisible(a, ot + p * dims * WIDTH, vRows + skipped, s, rows, dims, from, to);
        }
    }

    /**
     * Of the rows in {@link #from}, which never falls, how many the lower half of the lanes may see, rounded up for the
     * products.
     */
    private int rowsOfBothHalves(int rows) {
        int both = rows;
        while (both > 0 && from[both - 1] >= HALF) {
            both--;
        }
        return Math.ceilDiv(both, PanelProducts.ROWS) * PanelProducts.ROWS;
    }

    /** out = O / l and lse = m + ln l; a query that saw no key has l = 0 and gets out 0, lse -infinity. */
    private void epilogue(Tensor out, Tensor lse, long firstQuery, int count, int p) {
        for (int y = 0; y < WIDTH; y++) {
            float sum = a[l + p * WIDTH + y];
            boolean empty = sum == 0f;
            a[alpha + y] = empty ? 0f : 1f / sum;
            lseRow[y] = empty ? Float.NEGATIVE_INFINITY : (float) (a[m + p * WIDTH + y] + Math.log(sum));
        }
        PanelSoftmax.scale(a, ot + p * dims * WIDTH, dims, alpha);
        PackedRows.store(a, ot + p * dims * WIDTH, count, headDim, stage, out, firstQuery);
        lse.write(lseRow, 0, firstQuery, count);
    }
}
