package io.github.tornadoattention.host.cpu;

import java.util.Arrays;

/**
 * Which resident items each streamed row of a tile sees: exactly ({@link #from}, {@link #to}), and widened to what is
 * fast to compute ({@link #wideFrom}, {@link #wideTo}): the same for {@link #PANEL} rows together, in whole vectors.
 *
 * <p>What lies in the wide range only is hidden. Products may be computed there, since each has a place of its own.
 * Sums over streamed rows may run over it after {@link #clearHidden} put zeros there, provided the streamed rows are
 * finite ({@code 0 * NaN} is NaN).
 */
final class TileRanges {
    /** Rows that share a wide range. */
    static final int PANEL = 4;

    private static final int LANES = 16;

    final int[] from;
    final int[] to;
    final int[] wideFrom;
    final int[] wideTo;
    private final Band band;
    private int rows;
    private int columns;
    private boolean full;

    TileRanges(Band band, Scratch scratch) {
        this.band = band;
        this.from = scratch.ints(TileMath.STREAMED);
        this.to = scratch.ints(TileMath.STREAMED);
        this.wideFrom = scratch.ints(TileMath.STREAMED);
        this.wideTo = scratch.ints(TileMath.STREAMED);
    }

    /** Keys {@code j0 .. j0 + bc - 1} stream past queries {@code i0 .. i0 + br - 1}. */
    void ofKeys(int j0, int bc, int i0, int br) {
        for (int c = 0; c < bc; c++) {
            from[c] = band.firstQuery(j0 + c, i0, i0 + br) - i0;
            to[c] = band.endQuery(j0 + c, i0, i0 + br) - i0;
        }
        widen(bc, br);
    }

    /** Queries {@code i0 .. i0 + br - 1} stream past keys {@code j0 .. j0 + bc - 1}. */
    void ofQueries(int i0, int br, int j0, int bc) {
        for (int r = 0; r < br; r++) {
            from[r] = band.firstKey(i0 + r, j0, j0 + bc) - j0;
            to[r] = band.endKey(i0 + r, j0, j0 + bc) - j0;
        }
        widen(br, bc);
    }

    private void widen(int streamed, int resident) {
        rows = streamed;
        columns = resident;
        full = true;
        for (int x = 0; x < rows; x++) {
            full &= from[x] == 0 && to[x] == columns;
        }
        if (full) {
            Arrays.fill(wideFrom, 0, rows, 0);
            Arrays.fill(wideTo, 0, rows, columns);
            return;
        }
        for (int panel = 0; panel < rows; panel += PANEL) {
            widenPanel(panel, Math.min(rows, panel + PANEL));
        }
    }

    private void widenPanel(int first, int end) {
        int low = columns;
        int high = 0;
        for (int x = first; x < end; x++) {
            if (from[x] < to[x]) {
                low = Math.min(low, from[x]);
                high = Math.max(high, to[x]);
            }
        }
        boolean empty = low >= high;
        Arrays.fill(wideFrom, first, end, empty ? 0 : low / LANES * LANES);
        Arrays.fill(wideTo, first, end, empty ? 0 : Math.min(columns, Math.ceilDiv(high, LANES) * LANES));
    }

    /** Whether every row sees every item. */
    boolean full() {
        return full;
    }

    /** Puts zeros where a tile matrix is hidden but inside the wide range. */
    void clearHidden(float[][] tile) {
        if (full) {
            return;
        }
        for (int x = 0; x < rows; x++) {
            if (from[x] < to[x]) {
                Arrays.fill(tile[x], wideFrom[x], from[x], 0f);
                Arrays.fill(tile[x], to[x], wideTo[x], 0f);
            } else {
                Arrays.fill(tile[x], wideFrom[x], wideTo[x], 0f);
            }
        }
    }

    /**
     * Adds {@code sum[d][y] += sum over x of streamed[x][d] * weights[x][y]} over what is visible; the weights are
     * cleared where they are hidden.
     */
    void accumulate(TileMath math, float[][] sum, float[] streamed, float[][] weights, int headDim) {
        clearHidden(weights);
        if (full || finite(streamed, rows * headDim)) {
            math.accumulate(sum, streamed, weights, rows, headDim, wideFrom, wideTo);
        } else {
            math.accumulate(sum, streamed, weights, rows, headDim, from, to);
        }
    }

    private static boolean finite(float[] values, int count) {
        float largest = 0;
        for (int n = 0; n < count; n++) {
            largest = Math.max(largest, Math.abs(values[n]));
        }
        return largest < Float.POSITIVE_INFINITY;
    }
}
