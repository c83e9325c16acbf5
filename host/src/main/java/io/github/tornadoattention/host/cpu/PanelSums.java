package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.COUNT;
import static io.github.tornadoattention.host.cpu.Lanes.FLOATS;
import static io.github.tornadoattention.host.cpu.Lanes.WIDTH;

import jdk.incubator.vector.FloatVector;

/**
 * {@code sum[d][y] += sum over x of rows[x][d] * weights[x][y]}: the other product of a tile, six head dims at a time, with the
 * same 24 sums in registers as {@link PanelProducts}.
 */
final class PanelSums {
    /** Rows are zero up to a multiple of this. */
    static final int DIMS = 4;

    private static final int SIX = 6;

    private PanelSums() {}

    /**
     * All lanes of a panel.
     *
     * @param sum offset of the sums, {@code [dims][WIDTH]}
     * @param rows offset of the rows, {@link PackedRows#STRIDE} floats apart
     * @param weights offset of the weights, {@code [count][WIDTH]}
     * @param count rows
     * @param dims head dims, a multiple of {@link #DIMS}
     */
    static void add(float[] a, int sum, int rows, int weights, int count, int dims) {
        if (!Lanes.MANY_REGISTERS) {
            addHalf(a, sum, rows, weights, count, dims);
            addHalf(a, sum + 2 * COUNT, rows, weights + 2 * COUNT, count, dims);
            return;
        }
        int sixes = PanelProducts.inSixes(dims);
        int d = 0;
        for (; d < sixes; d += SIX) {
            six(a, sum + d * WIDTH, rows + d, weights, count);
        }
        for (; d < dims; d += DIMS) {
            four(a, sum + d * WIDTH, rows + d, weights, count);
        }
    }

    /** The lower or the upper half of the lanes only; offsets are those of the half. */
    static void addHalf(float[] a, int sum, int rows, int weights, int count, int dims) {
        for (int d = 0; d < dims; d += DIMS) {
            fourHalf(a, sum + d * WIDTH, rows + d, weights, count);
        }
    }

    /**
     * The same for rows that are not finite, where {@code 0 * row} would be NaN: only lanes {@code from[n] <= y < to[n]} of row
     * {@code n} are read.
     */
    static void addVisible(float[] a, int sum, int rows, int weights, int count, int dims, int[] from, int[] to) {
        for (int n = 0; n < count; n++) {
            for (int d = 0; d < dims; d++) {
                float x = a[rows + n * PackedRows.STRIDE + d];
                for (int y = from[n]; y < to[n]; y++) {
                    a[sum + d * WIDTH + y] = Math.fma(x, a[weights + n * WIDTH + y], a[sum + d * WIDTH + y]);
                }
            }
        }
    }

    private static void six(float[] a, int sum, int rows, int weights, int count) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s01 = FloatVector.fromArray(FLOATS, a, sum + COUNT);
        FloatVector s02 = FloatVector.fromArray(FLOATS, a, sum + 2 * COUNT);
        FloatVector s03 = FloatVector.fromArray(FLOATS, a, sum + 3 * COUNT);
        FloatVector s10 = FloatVector.fromArray(FLOATS, a, sum + WIDTH);
        FloatVector s11 = FloatVector.fromArray(FLOATS, a, sum + WIDTH + COUNT);
        FloatVector s12 = FloatVector.fromArray(FLOATS, a, sum + WIDTH + 2 * COUNT);
        FloatVector s13 = FloatVector.fromArray(FLOATS, a, sum + WIDTH + 3 * COUNT);
        FloatVector s20 = FloatVector.fromArray(FLOATS, a, sum + 2 * WIDTH);
        FloatVector s21 = FloatVector.fromArray(FLOATS, a, sum + 2 * WIDTH + COUNT);
        FloatVector s22 = FloatVector.fromArray(FLOATS, a, sum + 2 * WIDTH + 2 * COUNT);
        FloatVector s23 = FloatVector.fromArray(FLOATS, a, sum + 2 * WIDTH + 3 * COUNT);
        FloatVector s30 = FloatVector.fromArray(FLOATS, a, sum + 3 * WIDTH);
        FloatVector s31 = FloatVector.fromArray(FLOATS, a, sum + 3 * WIDTH + COUNT);
        FloatVector s32 = FloatVector.fromArray(FLOATS, a, sum + 3 * WIDTH + 2 * COUNT);
        FloatVector s33 = FloatVector.fromArray(FLOATS, a, sum + 3 * WIDTH + 3 * COUNT);
        FloatVector s40 = FloatVector.fromArray(FLOATS, a, sum + 4 * WIDTH);
        FloatVector s41 = FloatVector.fromArray(FLOATS, a, sum + 4 * WIDTH + COUNT);
        FloatVector s42 = FloatVector.fromArray(FLOATS, a, sum + 4 * WIDTH + 2 * COUNT);
        FloatVector s43 = FloatVector.fromArray(FLOATS, a, sum + 4 * WIDTH + 3 * COUNT);
        FloatVector s50 = FloatVector.fromArray(FLOATS, a, sum + 5 * WIDTH);
        FloatVector s51 = FloatVector.fromArray(FLOATS, a, sum + 5 * WIDTH + COUNT);
        FloatVector s52 = FloatVector.fromArray(FLOATS, a, sum + 5 * WIDTH + 2 * COUNT);
        FloatVector s53 = FloatVector.fromArray(FLOATS, a, sum + 5 * WIDTH + 3 * COUNT);
        for (int n = 0; n < count; n++) {
            int y = weights + n * WIDTH;
            int r = rows + n * PackedRows.STRIDE;
            FloatVector y0 = FloatVector.fromArray(FLOATS, a, y);
            FloatVector y1 = FloatVector.fromArray(FLOATS, a, y + COUNT);
            FloatVector y2 = FloatVector.fromArray(FLOATS, a, y + 2 * COUNT);
            FloatVector y3 = FloatVector.fromArray(FLOATS, a, y + 3 * COUNT);
            FloatVector x = FloatVector.broadcast(FLOATS, a[r]);
            s00 = x.fma(y0, s00);
            s01 = x.fma(y1, s01);
            s02 = x.fma(y2, s02);
            s03 = x.fma(y3, s03);
            x = FloatVector.broadcast(FLOATS, a[r + 1]);
            s10 = x.fma(y0, s10);
            s11 = x.fma(y1, s11);
            s12 = x.fma(y2, s12);
            s13 = x.fma(y3, s13);
            x = FloatVector.broadcast(FLOATS, a[r + 2]);
            s20 = x.fma(y0, s20);
            s21 = x.fma(y1, s21);
            s22 = x.fma(y2, s22);
            s23 = x.fma(y3, s23);
            x = FloatVector.broadcast(FLOATS, a[r + 3]);
            s30 = x.fma(y0, s30);
            s31 = x.fma(y1, s31);
            s32 = x.fma(y2, s32);
            s33 = x.fma(y3, s33);
            x = FloatVector.broadcast(FLOATS, a[r + 4]);
            s40 = x.fma(y0, s40);
            s41 = x.fma(y1, s41);
            s42 = x.fma(y2, s42);
            s43 = x.fma(y3, s43);
            x = FloatVector.broadcast(FLOATS, a[r + 5]);
            s50 = x.fma(y0, s50);
            s51 = x.fma(y1, s51);
            s52 = x.fma(y2, s52);
            s53 = x.fma(y3, s53);
        }
        s00.intoArray(a, sum);
        s01.intoArray(a, sum + COUNT);
        s02.intoArray(a, sum + 2 * COUNT);
        s03.intoArray(a, sum + 3 * COUNT);
        s10.intoArray(a, sum + WIDTH);
        s11.intoArray(a, sum + WIDTH + COUNT);
        s12.intoArray(a, sum + WIDTH + 2 * COUNT);
        s13.intoArray(a, sum + WIDTH + 3 * COUNT);
        s20.intoArray(a, sum + 2 * WIDTH);
        s21.intoArray(a, sum + 2 * WIDTH + COUNT);
        s22.intoArray(a, sum + 2 * WIDTH + 2 * COUNT);
        s23.intoArray(a, sum + 2 * WIDTH + 3 * COUNT);
        s30.intoArray(a, sum + 3 * WIDTH);
        s31.intoArray(a, sum + 3 * WIDTH + COUNT);
        s32.intoArray(a, sum + 3 * WIDTH + 2 * COUNT);
        s33.intoArray(a, sum + 3 * WIDTH + 3 * COUNT);
        s40.intoArray(a, sum + 4 * WIDTH);
        s41.intoArray(a, sum + 4 * WIDTH + COUNT);
        s42.intoArray(a, sum + 4 * WIDTH + 2 * COUNT);
        s43.intoArray(a, sum + 4 * WIDTH + 3 * COUNT);
        s50.intoArray(a, sum + 5 * WIDTH);
        s51.intoArray(a, sum + 5 * WIDTH + COUNT);
        s52.intoArray(a, sum + 5 * WIDTH + 2 * COUNT);
        s53.intoArray(a, sum + 5 * WIDTH + 3 * COUNT);
    }

    private static void four(float[] a, int sum, int rows, int weights, int count) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s01 = FloatVector.fromArray(FLOATS, a, sum + COUNT);
        FloatVector s02 = FloatVector.fromArray(FLOATS, a, sum + 2 * COUNT);
        FloatVector s03 = FloatVector.fromArray(FLOATS, a, sum + 3 * COUNT);
        FloatVector s10 = FloatVector.fromArray(FLOATS, a, sum + WIDTH);
        FloatVector s11 = FloatVector.fromArray(FLOATS, a, sum + WIDTH + COUNT);
        FloatVector s12 = FloatVector.fromArray(FLOATS, a, sum + WIDTH + 2 * COUNT);
        FloatVector s13 = FloatVector.fromArray(FLOATS, a, sum + WIDTH + 3 * COUNT);
        FloatVector s20 = FloatVector.fromArray(FLOATS, a, sum + 2 * WIDTH);
        FloatVector s21 = FloatVector.fromArray(FLOATS, a, sum + 2 * WIDTH + COUNT);
        FloatVector s22 = FloatVector.fromArray(FLOATS, a, sum + 2 * WIDTH + 2 * COUNT);
        FloatVector s23 = FloatVector.fromArray(FLOATS, a, sum + 2 * WIDTH + 3 * COUNT);
        FloatVector s30 = FloatVector.fromArray(FLOATS, a, sum + 3 * WIDTH);
        FloatVector s31 = FloatVector.fromArray(FLOATS, a, sum + 3 * WIDTH + COUNT);
        FloatVector s32 = FloatVector.fromArray(FLOATS, a, sum + 3 * WIDTH + 2 * COUNT);
        FloatVector s33 = FloatVector.fromArray(FLOATS, a, sum + 3 * WIDTH + 3 * COUNT);
        for (int n = 0; n < count; n++) {
            int y = weights + n * WIDTH;
            int r = rows + n * PackedRows.STRIDE;
            FloatVector y0 = FloatVector.fromArray(FLOATS, a, y);
            FloatVector y1 = FloatVector.fromArray(FLOATS, a, y + COUNT);
            FloatVector y2 = FloatVector.fromArray(FLOATS, a, y + 2 * COUNT);
            FloatVector y3 = FloatVector.fromArray(FLOATS, a, y + 3 * COUNT);
            FloatVector x = FloatVector.broadcast(FLOATS, a[r]);
            s00 = x.fma(y0, s00);
            s01 = x.fma(y1, s01);
            s02 = x.fma(y2, s02);
            s03 = x.fma(y3, s03);
            x = FloatVector.broadcast(FLOATS, a[r + 1]);
            s10 = x.fma(y0, s10);
            s11 = x.fma(y1, s11);
            s12 = x.fma(y2, s12);
            s13 = x.fma(y3, s13);
            x = FloatVector.broadcast(FLOATS, a[r + 2]);
            s20 = x.fma(y0, s20);
            s21 = x.fma(y1, s21);
            s22 = x.fma(y2, s22);
            s23 = x.fma(y3, s23);
            x = FloatVector.broadcast(FLOATS, a[r + 3]);
            s30 = x.fma(y0, s30);
            s31 = x.fma(y1, s31);
            s32 = x.fma(y2, s32);
            s33 = x.fma(y3, s33);
        }
        s00.intoArray(a, sum);
        s01.intoArray(a, sum + COUNT);
        s02.intoArray(a, sum + 2 * COUNT);
        s03.intoArray(a, sum + 3 * COUNT);
        s10.intoArray(a, sum + WIDTH);
        s11.intoArray(a, sum + WIDTH + COUNT);
        s12.intoArray(a, sum + WIDTH + 2 * COUNT);
        s13.intoArray(a, sum + WIDTH + 3 * COUNT);
        s20.intoArray(a, sum + 2 * WIDTH);
        s21.intoArray(a, sum + 2 * WIDTH + COUNT);
        s22.intoArray(a, sum + 2 * WIDTH + 2 * COUNT);
        s23.intoArray(a, sum + 2 * WIDTH + 3 * COUNT);
        s30.intoArray(a, sum + 3 * WIDTH);
        s31.intoArray(a, sum + 3 * WIDTH + COUNT);
        s32.intoArray(a, sum + 3 * WIDTH + 2 * COUNT);
        s33.intoArray(a, sum + 3 * WIDTH + 3 * COUNT);
    }

    private static void fourHalf(float[] a, int sum, int rows, int weights, int count) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s01 = FloatVector.fromArray(FLOATS, a, sum + COUNT);
        FloatVector s10 = FloatVector.fromArray(FLOATS, a, sum + WIDTH);
        FloatVector s11 = FloatVector.fromArray(FLOATS, a, sum + WIDTH + COUNT);
        FloatVector s20 = FloatVector.fromArray(FLOATS, a, sum + 2 * WIDTH);
        FloatVector s21 = FloatVector.fromArray(FLOATS, a, sum + 2 * WIDTH + COUNT);
        FloatVector s30 = FloatVector.fromArray(FLOATS, a, sum + 3 * WIDTH);
        FloatVector s31 = FloatVector.fromArray(FLOATS, a, sum + 3 * WIDTH + COUNT);
        for (int n = 0; n < count; n++) {
            int y = weights + n * WIDTH;
            int r = rows + n * PackedRows.STRIDE;
            FloatVector y0 = FloatVector.fromArray(FLOATS, a, y);
            FloatVector y1 = FloatVector.fromArray(FLOATS, a, y + COUNT);
            FloatVector x = FloatVector.broadcast(FLOATS, a[r]);
            s00 = x.fma(y0, s00);
            s01 = x.fma(y1, s01);
            x = FloatVector.broadcast(FLOATS, a[r + 1]);
            s10 = x.fma(y0, s10);
            s11 = x.fma(y1, s11);
            x = FloatVector.broadcast(FLOATS, a[r + 2]);
            s20 = x.fma(y0, s20);
            s21 = x.fma(y1, s21);
            x = FloatVector.broadcast(FLOATS, a[r + 3]);
            s30 = x.fma(y0, s30);
            s31 = x.fma(y1, s31);
        }
        s00.intoArray(a, sum);
        s01.intoArray(a, sum + COUNT);
        s10.intoArray(a, sum + WIDTH);
        s11.intoArray(a, sum + WIDTH + COUNT);
        s20.intoArray(a, sum + 2 * WIDTH);
        s21.intoArray(a, sum + 2 * WIDTH + COUNT);
        s30.intoArray(a, sum + 3 * WIDTH);
        s31.intoArray(a, sum + 3 * WIDTH + COUNT);
    }
}
