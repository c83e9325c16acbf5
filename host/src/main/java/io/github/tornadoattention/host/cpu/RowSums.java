package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.COUNT;
import static io.github.tornadoattention.host.cpu.Lanes.FLOATS;
import static io.github.tornadoattention.host.cpu.Lanes.WIDTH;
import static io.github.tornadoattention.host.cpu.PackedRows.STRIDE;

import jdk.incubator.vector.FloatVector;

/**
 * {@code sum[x][d] += sum over y of weights[x][y] * rows[y][d]}: weights of a panel back onto rows, with neighboring head dims in
 * the lanes. The third product of a tile, which only the gradient of the queries needs.
 */
final class RowSums {
    /** Sums and weights have rows up to a multiple of this. */
    static final int ROWS = 4;

    private static final int SIX = 6;

    private RowSums() {}

    /**
     * Adds all of it.
     *
     * @param sum offset of the sums, rows {@link PackedRows#STRIDE} floats apart
     * @param sums rows of the sums, rounded up to a multiple of {@link #ROWS}
     * @param weights offset of the weights, {@code [sums][WIDTH]}
     * @param rows offset of the rows, {@link PackedRows#STRIDE} floats apart, zero up to a multiple of the vector length
     * @param count rows
     * @param headDim head dims, rounded up to a multiple of the vector length
     */
    static void add(float[] a, int sum, int sums, int weights, int rows, int count, int headDim) {
        int d = 0;
        if (Lanes.MANY_REGISTERS) {
            for (; d + WIDTH <= headDim; d += WIDTH) {
                addWide(a, sum + d, sums, weights, rows + d, count);
            }
        }
        for (; d + COUNT < headDim; d += 2 * COUNT) {
            for (int x = 0; x < sums; x += ROWS) {
                fourByTwo(a, sum + x * STRIDE + d, rows + d, weights + x * WIDTH, count);
            }
        }
        if (d < headDim) {
            for (int x = 0; x < sums; x += ROWS) {
                fourByOne(a, sum + x * STRIDE + d, rows + d, weights + x * WIDTH, count);
            }
        }
    }

    private static void addWide(float[] a, int sum, int sums, int weights, int rows, int count) {
        int sixes = PanelProducts.inSixes(Math.ceilDiv(sums, ROWS) * ROWS);
        int x = 0;
        for (; x < sixes; x += SIX) {
            six(a, sum + x * STRIDE, rows, weights + x * WIDTH, count);
        }
        for (; x < sums; x += ROWS) {
            four(a, sum + x * STRIDE, rows, weights + x * WIDTH, count);
        }
    }

    /**
     * The same for rows that are not finite, where {@code 0 * row} would be NaN: of weights row {@code x} only
     * {@code from[x] <= y < to[x]} count.
     */
    static void addVisible(float[] a, int sum, int sums, int weights, int rows, int headDim, int[] from, int[] to) {
        for (int x = 0; x < sums; x++) {
            for (int y = from[x]; y < to[x]; y++) {
                float w = a[weights + x * WIDTH + y];
                for (int d = 0; d < headDim; d++) {
                    a[sum + x * STRIDE + d] = Math.fma(w, a[rows + y * STRIDE + d], a[sum + x * STRIDE + d]);
                }
            }
        }
    }

    private static void six(float[] a, int sum, int rows, int weights, int count) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s01 = FloatVector.fromArray(FLOATS, a, sum + COUNT);
        FloatVector s02 = FloatVector.fromArray(FLOATS, a, sum + 2 * COUNT);
        FloatVector s03 = FloatVector.fromArray(FLOATS, a, sum + 3 * COUNT);
        FloatVector s10 = FloatVector.fromArray(FLOATS, a, sum + STRIDE);
        FloatVector s11 = FloatVector.fromArray(FLOATS, a, sum + STRIDE + COUNT);
        FloatVector s12 = FloatVector.fromArray(FLOATS, a, sum + STRIDE + 2 * COUNT);
        FloatVector s13 = FloatVector.fromArray(FLOATS, a, sum + STRIDE + 3 * COUNT);
        FloatVector s20 = FloatVector.fromArray(FLOATS, a, sum + 2 * STRIDE);
        FloatVector s21 = FloatVector.fromArray(FLOATS, a, sum + 2 * STRIDE + COUNT);
        FloatVector s22 = FloatVector.fromArray(FLOATS, a, sum + 2 * STRIDE + 2 * COUNT);
        FloatVector s23 = FloatVector.fromArray(FLOATS, a, sum + 2 * STRIDE + 3 * COUNT);
        FloatVector s30 = FloatVector.fromArray(FLOATS, a, sum + 3 * STRIDE);
        FloatVector s31 = FloatVector.fromArray(FLOATS, a, sum + 3 * STRIDE + COUNT);
        FloatVector s32 = FloatVector.fromArray(FLOATS, a, sum + 3 * STRIDE + 2 * COUNT);
        FloatVector s33 = FloatVector.fromArray(FLOATS, a, sum + 3 * STRIDE + 3 * COUNT);
        FloatVector s40 = FloatVector.fromArray(FLOATS, a, sum + 4 * STRIDE);
        FloatVector s41 = FloatVector.fromArray(FLOATS, a, sum + 4 * STRIDE + COUNT);
        FloatVector s42 = FloatVector.fromArray(FLOATS, a, sum + 4 * STRIDE + 2 * COUNT);
        FloatVector s43 = FloatVector.fromArray(FLOATS, a, sum + 4 * STRIDE + 3 * COUNT);
        FloatVector s50 = FloatVector.fromArray(FLOATS, a, sum + 5 * STRIDE);
        FloatVector s51 = FloatVector.fromArray(FLOATS, a, sum + 5 * STRIDE + COUNT);
        FloatVector s52 = FloatVector.fromArray(FLOATS, a, sum + 5 * STRIDE + 2 * COUNT);
        FloatVector s53 = FloatVector.fromArray(FLOATS, a, sum + 5 * STRIDE + 3 * COUNT);
        for (int n = 0; n < count; n++) {
            int y = rows + n * STRIDE;
            int w = weights + n;
            FloatVector y0 = FloatVector.fromArray(FLOATS, a, y);
            FloatVector y1 = FloatVector.fromArray(FLOATS, a, y + COUNT);
            FloatVector y2 = FloatVector.fromArray(FLOATS, a, y + 2 * COUNT);
            FloatVector y3 = FloatVector.fromArray(FLOATS, a, y + 3 * COUNT);
            FloatVector x = FloatVector.broadcast(FLOATS, a[w]);
            s00 = x.fma(y0, s00);
            s01 = x.fma(y1, s01);
            s02 = x.fma(y2, s02);
            s03 = x.fma(y3, s03);
            x = FloatVector.broadcast(FLOATS, a[w + WIDTH]);
            s10 = x.fma(y0, s10);
            s11 = x.fma(y1, s11);
            s12 = x.fma(y2, s12);
            s13 = x.fma(y3, s13);
            x = FloatVector.broadcast(FLOATS, a[w + 2 * WIDTH]);
            s20 = x.fma(y0, s20);
            s21 = x.fma(y1, s21);
            s22 = x.fma(y2, s22);
            s23 = x.fma(y3, s23);
            x = FloatVector.broadcast(FLOATS, a[w + 3 * WIDTH]);
            s30 = x.fma(y0, s30);
            s31 = x.fma(y1, s31);
            s32 = x.fma(y2, s32);
            s33 = x.fma(y3, s33);
            x = FloatVector.broadcast(FLOATS, a[w + 4 * WIDTH]);
            s40 = x.fma(y0, s40);
            s41 = x.fma(y1, s41);
            s42 = x.fma(y2, s42);
            s43 = x.fma(y3, s43);
            x = FloatVector.broadcast(FLOATS, a[w + 5 * WIDTH]);
            s50 = x.fma(y0, s50);
            s51 = x.fma(y1, s51);
            s52 = x.fma(y2, s52);
            s53 = x.fma(y3, s53);
        }
        s00.intoArray(a, sum);
        s01.intoArray(a, sum + COUNT);
        s02.intoArray(a, sum + 2 * COUNT);
        s03.intoArray(a, sum + 3 * COUNT);
        s10.intoArray(a, sum + STRIDE);
        s11.intoArray(a, sum + STRIDE + COUNT);
        s12.intoArray(a, sum + STRIDE + 2 * COUNT);
        s13.intoArray(a, sum + STRIDE + 3 * COUNT);
        s20.intoArray(a, sum + 2 * STRIDE);
        s21.intoArray(a, sum + 2 * STRIDE + COUNT);
        s22.intoArray(a, sum + 2 * STRIDE + 2 * COUNT);
        s23.intoArray(a, sum + 2 * STRIDE + 3 * COUNT);
        s30.intoArray(a, sum + 3 * STRIDE);
        s31.intoArray(a, sum + 3 * STRIDE + COUNT);
        s32.intoArray(a, sum + 3 * STRIDE + 2 * COUNT);
        s33.intoArray(a, sum + 3 * STRIDE + 3 * COUNT);
        s40.intoArray(a, sum + 4 * STRIDE);
        s41.intoArray(a, sum + 4 * STRIDE + COUNT);
        s42.intoArray(a, sum + 4 * STRIDE + 2 * COUNT);
        s43.intoArray(a, sum + 4 * STRIDE + 3 * COUNT);
        s50.intoArray(a, sum + 5 * STRIDE);
        s51.intoArray(a, sum + 5 * STRIDE + COUNT);
        s52.intoArray(a, sum + 5 * STRIDE + 2 * COUNT);
        s53.intoArray(a, sum + 5 * STRIDE + 3 * COUNT);
    }

    private static void four(float[] a, int sum, int rows, int weights, int count) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s01 = FloatVector.fromArray(FLOATS, a, sum + COUNT);
        FloatVector s02 = FloatVector.fromArray(FLOATS, a, sum + 2 * COUNT);
        FloatVector s03 = FloatVector.fromArray(FLOATS, a, sum + 3 * COUNT);
        FloatVector s10 = FloatVector.fromArray(FLOATS, a, sum + STRIDE);
        FloatVector s11 = FloatVector.fromArray(FLOATS, a, sum + STRIDE + COUNT);
        FloatVector s12 = FloatVector.fromArray(FLOATS, a, sum + STRIDE + 2 * COUNT);
        FloatVector s13 = FloatVector.fromArray(FLOATS, a, sum + STRIDE + 3 * COUNT);
        FloatVector s20 = FloatVector.fromArray(FLOATS, a, sum + 2 * STRIDE);
        FloatVector s21 = FloatVector.fromArray(FLOATS, a, sum + 2 * STRIDE + COUNT);
        FloatVector s22 = FloatVector.fromArray(FLOATS, a, sum + 2 * STRIDE + 2 * COUNT);
        FloatVector s23 = FloatVector.fromArray(FLOATS, a, sum + 2 * STRIDE + 3 * COUNT);
        FloatVector s30 = FloatVector.fromArray(FLOATS, a, sum + 3 * STRIDE);
        FloatVector s31 = FloatVector.fromArray(FLOATS, a, sum + 3 * STRIDE + COUNT);
        FloatVector s32 = FloatVector.fromArray(FLOATS, a, sum + 3 * STRIDE + 2 * COUNT);
        FloatVector s33 = FloatVector.fromArray(FLOATS, a, sum + 3 * STRIDE + 3 * COUNT);
        for (int n = 0; n < count; n++) {
            int y = rows + n * STRIDE;
            int w = weights + n;
            FloatVector y0 = FloatVector.fromArray(FLOATS, a, y);
            FloatVector y1 = FloatVector.fromArray(FLOATS, a, y + COUNT);
            FloatVector y2 = FloatVector.fromArray(FLOATS, a, y + 2 * COUNT);
            FloatVector y3 = FloatVector.fromArray(FLOATS, a, y + 3 * COUNT);
            FloatVector x = FloatVector.broadcast(FLOATS, a[w]);
            s00 = x.fma(y0, s00);
            s01 = x.fma(y1, s01);
            s02 = x.fma(y2, s02);
            s03 = x.fma(y3, s03);
            x = FloatVector.broadcast(FLOATS, a[w + WIDTH]);
            s10 = x.fma(y0, s10);
            s11 = x.fma(y1, s11);
            s12 = x.fma(y2, s12);
            s13 = x.fma(y3, s13);
            x = FloatVector.broadcast(FLOATS, a[w + 2 * WIDTH]);
            s20 = x.fma(y0, s20);
            s21 = x.fma(y1, s21);
            s22 = x.fma(y2, s22);
            s23 = x.fma(y3, s23);
            x = FloatVector.broadcast(FLOATS, a[w + 3 * WIDTH]);
            s30 = x.fma(y0, s30);
            s31 = x.fma(y1, s31);
            s32 = x.fma(y2, s32);
            s33 = x.fma(y3, s33);
        }
        s00.intoArray(a, sum);
        s01.intoArray(a, sum + COUNT);
        s02.intoArray(a, sum + 2 * COUNT);
        s03.intoArray(a, sum + 3 * COUNT);
        s10.intoArray(a, sum + STRIDE);
        s11.intoArray(a, sum + STRIDE + COUNT);
        s12.intoArray(a, sum + STRIDE + 2 * COUNT);
        s13.intoArray(a, sum + STRIDE + 3 * COUNT);
        s20.intoArray(a, sum + 2 * STRIDE);
        s21.intoArray(a, sum + 2 * STRIDE + COUNT);
        s22.intoArray(a, sum + 2 * STRIDE + 2 * COUNT);
        s23.intoArray(a, sum + 2 * STRIDE + 3 * COUNT);
        s30.intoArray(a, sum + 3 * STRIDE);
        s31.intoArray(a, sum + 3 * STRIDE + COUNT);
        s32.intoArray(a, sum + 3 * STRIDE + 2 * COUNT);
        s33.intoArray(a, sum + 3 * STRIDE + 3 * COUNT);
    }

    private static void fourByTwo(float[] a, int sum, int rows, int weights, int count) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s01 = FloatVector.fromArray(FLOATS, a, sum + COUNT);
        FloatVector s10 = FloatVector.fromArray(FLOATS, a, sum + STRIDE);
        FloatVector s11 = FloatVector.fromArray(FLOATS, a, sum + STRIDE + COUNT);
        FloatVector s20 = FloatVector.fromArray(FLOATS, a, sum + 2 * STRIDE);
        FloatVector s21 = FloatVector.fromArray(FLOATS, a, sum + 2 * STRIDE + COUNT);
        FloatVector s30 = FloatVector.fromArray(FLOATS, a, sum + 3 * STRIDE);
        FloatVector s31 = FloatVector.fromArray(FLOATS, a, sum + 3 * STRIDE + COUNT);
        for (int n = 0; n < count; n++) {
            int y = rows + n * STRIDE;
            int w = weights + n;
            FloatVector y0 = FloatVector.fromArray(FLOATS, a, y);
            FloatVector y1 = FloatVector.fromArray(FLOATS, a, y + COUNT);
            FloatVector x = FloatVector.broadcast(FLOATS, a[w]);
            s00 = x.fma(y0, s00);
            s01 = x.fma(y1, s01);
            x = FloatVector.broadcast(FLOATS, a[w + WIDTH]);
            s10 = x.fma(y0, s10);
            s11 = x.fma(y1, s11);
            x = FloatVector.broadcast(FLOATS, a[w + 2 * WIDTH]);
            s20 = x.fma(y0, s20);
            s21 = x.fma(y1, s21);
            x = FloatVector.broadcast(FLOATS, a[w + 3 * WIDTH]);
            s30 = x.fma(y0, s30);
            s31 = x.fma(y1, s31);
        }
        s00.intoArray(a, sum);
        s01.intoArray(a, sum + COUNT);
        s10.intoArray(a, sum + STRIDE);
        s11.intoArray(a, sum + STRIDE + COUNT);
        s20.intoArray(a, sum + 2 * STRIDE);
        s21.intoArray(a, sum + 2 * STRIDE + COUNT);
        s30.intoArray(a, sum + 3 * STRIDE);
        s31.intoArray(a, sum + 3 * STRIDE + COUNT);
    }

    private static void fourByOne(float[] a, int sum, int rows, int weights, int count) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s10 = FloatVector.fromArray(FLOATS, a, sum + STRIDE);
        FloatVector s20 = FloatVector.fromArray(FLOATS, a, sum + 2 * STRIDE);
        FloatVector s30 = FloatVector.fromArray(FLOATS, a, sum + 3 * STRIDE);
        for (int n = 0; n < count; n++) {
            int y = rows + n * STRIDE;
            int w = weights + n;
            FloatVector y0 = FloatVector.fromArray(FLOATS, a, y);
            FloatVector x = FloatVector.broadcast(FLOATS, a[w]);
            s00 = x.fma(y0, s00);
            x = FloatVector.broadcast(FLOATS, a[w + WIDTH]);
            s10 = x.fma(y0, s10);
            x = FloatVector.broadcast(FLOATS, a[w + 2 * WIDTH]);
            s20 = x.fma(y0, s20);
            x = FloatVector.broadcast(FLOATS, a[w + 3 * WIDTH]);
            s30 = x.fma(y0, s30);
        }
        s00.intoArray(a, sum);
        s10.intoArray(a, sum + STRIDE);
        s20.intoArray(a, sum + 2 * STRIDE);
        s30.intoArray(a, sum + 3 * STRIDE);
    }
}
