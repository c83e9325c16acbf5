package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.COUNT;
import static io.github.tornadoattention.host.cpu.Lanes.FLOATS;
import static io.github.tornadoattention.host.cpu.Lanes.WIDTH;
import static io.github.tornadoattention.host.cpu.PackedRows.STRIDE;

import jdk.incubator.vector.FloatVector;

/**
 * {@code s[x][y] = sum over d of rows[x][d] * panel[d][y]}: rows as they lie in memory, a panel of items beside each other.
 *
 * <p>Six rows at a time: 24 sums stay in registers, and each step multiplies them by 4 loaded vectors and 6 broadcast numbers, so
 * that two loads a cycle keep two fused multiply-adds a cycle busy. Vector methods are called directly, not through methods of
 * our own: only the former are inlined whatever the size of the caller. Unrolling over d made it slower (registers spilled).
 */
final class PanelProducts {
    /** Numbers of rows are rounded up to a multiple of this. */
    static final int ROWS = 4;

    private static final int SIX = 6;

    private PanelProducts() {}

    /** Of {@code count} rows, a multiple of 4, how many are done six at a time; the rest goes four at a time. */
    static int inSixes(int count) {
        int over = count % SIX;
        return count - (over == 2 ? 2 * ROWS : over);
    }

    /**
     * All lanes of a panel.
     *
     * @param s offset of {@code s}, {@code [rows][WIDTH]}
     * @param rows offset of the rows, {@link PackedRows#STRIDE} floats apart
     * @param panel offset of the panel, {@code [dims][WIDTH]}
     * @param count rows, rounded up to a multiple of {@link #ROWS}
     */
    static void of(float[] a, int s, int rows, int panel, int count, int dims) {
        if (!Lanes.MANY_REGISTERS) {
            ofHalf(a, s, rows, panel, count, dims);
            ofHalf(a, s + 2 * COUNT, rows, panel + 2 * COUNT, count, dims);
            return;
        }
        int sixes = inSixes(Math.ceilDiv(count, ROWS) * ROWS);
        int x = 0;
        for (; x < sixes; x += SIX) {
            six(a, s + x * WIDTH, rows + x * STRIDE, panel, dims);
        }
        for (; x < count; x += ROWS) {
            four(a, s + x * WIDTH, rows + x * STRIDE, panel, dims);
        }
    }

    /** The lower or the upper half of the lanes only; offsets are those of the half. */
    static void ofHalf(float[] a, int s, int rows, int panel, int count, int dims) {
        for (int x = 0; x < count; x += ROWS) {
            fourHalf(a, s + x * WIDTH, rows + x * STRIDE, panel, dims);
        }
    }

    private static void six(float[] a, int s, int rows, int panel, int dims) {
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector s00 = zero;
        FloatVector s01 = zero;
        FloatVector s02 = zero;
        FloatVector s03 = zero;
        FloatVector s10 = zero;
        FloatVector s11 = zero;
        FloatVector s12 = zero;
        FloatVector s13 = zero;
        FloatVector s20 = zero;
        FloatVector s21 = zero;
        FloatVector s22 = zero;
        FloatVector s23 = zero;
        FloatVector s30 = zero;
        FloatVector s31 = zero;
        FloatVector s32 = zero;
        FloatVector s33 = zero;
        FloatVector s40 = zero;
        FloatVector s41 = zero;
        FloatVector s42 = zero;
        FloatVector s43 = zero;
        FloatVector s50 = zero;
        FloatVector s51 = zero;
        FloatVector s52 = zero;
        FloatVector s53 = zero;
        for (int d = 0; d < dims; d++) {
            int y = panel + d * WIDTH;
            int r = rows + d;
            FloatVector y0 = FloatVector.fromArray(FLOATS, a, y);
            FloatVector y1 = FloatVector.fromArray(FLOATS, a, y + COUNT);
            FloatVector y2 = FloatVector.fromArray(FLOATS, a, y + 2 * COUNT);
            FloatVector y3 = FloatVector.fromArray(FLOATS, a, y + 3 * COUNT);
            FloatVector x = FloatVector.broadcast(FLOATS, a[r]);
            s00 = x.fma(y0, s00);
            s01 = x.fma(y1, s01);
            s02 = x.fma(y2, s02);
            s03 = x.fma(y3, s03);
            x = FloatVector.broadcast(FLOATS, a[r + STRIDE]);
            s10 = x.fma(y0, s10);
            s11 = x.fma(y1, s11);
            s12 = x.fma(y2, s12);
            s13 = x.fma(y3, s13);
            x = FloatVector.broadcast(FLOATS, a[r + 2 * STRIDE]);
            s20 = x.fma(y0, s20);
            s21 = x.fma(y1, s21);
            s22 = x.fma(y2, s22);
            s23 = x.fma(y3, s23);
            x = FloatVector.broadcast(FLOATS, a[r + 3 * STRIDE]);
            s30 = x.fma(y0, s30);
            s31 = x.fma(y1, s31);
            s32 = x.fma(y2, s32);
            s33 = x.fma(y3, s33);
            x = FloatVector.broadcast(FLOATS, a[r + 4 * STRIDE]);
            s40 = x.fma(y0, s40);
            s41 = x.fma(y1, s41);
            s42 = x.fma(y2, s42);
            s43 = x.fma(y3, s43);
            x = FloatVector.broadcast(FLOATS, a[r + 5 * STRIDE]);
            s50 = x.fma(y0, s50);
            s51 = x.fma(y1, s51);
            s52 = x.fma(y2, s52);
            s53 = x.fma(y3, s53);
        }
        s00.intoArray(a, s);
        s01.intoArray(a, s + COUNT);
        s02.intoArray(a, s + 2 * COUNT);
        s03.intoArray(a, s + 3 * COUNT);
        s10.intoArray(a, s + WIDTH);
        s11.intoArray(a, s + WIDTH + COUNT);
        s12.intoArray(a, s + WIDTH + 2 * COUNT);
        s13.intoArray(a, s + WIDTH + 3 * COUNT);
        s20.intoArray(a, s + 2 * WIDTH);
        s21.intoArray(a, s + 2 * WIDTH + COUNT);
        s22.intoArray(a, s + 2 * WIDTH + 2 * COUNT);
        s23.intoArray(a, s + 2 * WIDTH + 3 * COUNT);
        s30.intoArray(a, s + 3 * WIDTH);
        s31.intoArray(a, s + 3 * WIDTH + COUNT);
        s32.intoArray(a, s + 3 * WIDTH + 2 * COUNT);
        s33.intoArray(a, s + 3 * WIDTH + 3 * COUNT);
        s40.intoArray(a, s + 4 * WIDTH);
        s41.intoArray(a, s + 4 * WIDTH + COUNT);
        s42.intoArray(a, s + 4 * WIDTH + 2 * COUNT);
        s43.intoArray(a, s + 4 * WIDTH + 3 * COUNT);
        s50.intoArray(a, s + 5 * WIDTH);
        s51.intoArray(a, s + 5 * WIDTH + COUNT);
        s52.intoArray(a, s + 5 * WIDTH + 2 * COUNT);
        s53.intoArray(a, s + 5 * WIDTH + 3 * COUNT);
    }

    private static void four(float[] a, int s, int rows, int panel, int dims) {
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector s00 = zero;
        FloatVector s01 = zero;
        FloatVector s02 = zero;
        FloatVector s03 = zero;
        FloatVector s10 = zero;
        FloatVector s11 = zero;
        FloatVector s12 = zero;
        FloatVector s13 = zero;
        FloatVector s20 = zero;
        FloatVector s21 = zero;
        FloatVector s22 = zero;
        FloatVector s23 = zero;
        FloatVector s30 = zero;
        FloatVector s31 = zero;
        FloatVector s32 = zero;
        FloatVector s33 = zero;
        for (int d = 0; d < dims; d++) {
            int y = panel + d * WIDTH;
            int r = rows + d;
            FloatVector y0 = FloatVector.fromArray(FLOATS, a, y);
            FloatVector y1 = FloatVector.fromArray(FLOATS, a, y + COUNT);
            FloatVector y2 = FloatVector.fromArray(FLOATS, a, y + 2 * COUNT);
            FloatVector y3 = FloatVector.fromArray(FLOATS, a, y + 3 * COUNT);
            FloatVector x = FloatVector.broadcast(FLOATS, a[r]);
            s00 = x.fma(y0, s00);
            s01 = x.fma(y1, s01);
            s02 = x.fma(y2, s02);
            s03 = x.fma(y3, s03);
            x = FloatVector.broadcast(FLOATS, a[r + STRIDE]);
            s10 = x.fma(y0, s10);
            s11 = x.fma(y1, s11);
            s12 = x.fma(y2, s12);
            s13 = x.fma(y3, s13);
            x = FloatVector.broadcast(FLOATS, a[r + 2 * STRIDE]);
            s20 = x.fma(y0, s20);
            s21 = x.fma(y1, s21);
            s22 = x.fma(y2, s22);
            s23 = x.fma(y3, s23);
            x = FloatVector.broadcast(FLOATS, a[r + 3 * STRIDE]);
            s30 = x.fma(y0, s30);
            s31 = x.fma(y1, s31);
            s32 = x.fma(y2, s32);
            s33 = x.fma(y3, s33);
        }
        s00.intoArray(a, s);
        s01.intoArray(a, s + COUNT);
        s02.intoArray(a, s + 2 * COUNT);
        s03.intoArray(a, s + 3 * COUNT);
        s10.intoArray(a, s + WIDTH);
        s11.intoArray(a, s + WIDTH + COUNT);
        s12.intoArray(a, s + WIDTH + 2 * COUNT);
        s13.intoArray(a, s + WIDTH + 3 * COUNT);
        s20.intoArray(a, s + 2 * WIDTH);
        s21.intoArray(a, s + 2 * WIDTH + COUNT);
        s22.intoArray(a, s + 2 * WIDTH + 2 * COUNT);
        s23.intoArray(a, s + 2 * WIDTH + 3 * COUNT);
        s30.intoArray(a, s + 3 * WIDTH);
        s31.intoArray(a, s + 3 * WIDTH + COUNT);
        s32.intoArray(a, s + 3 * WIDTH + 2 * COUNT);
        s33.intoArray(a, s + 3 * WIDTH + 3 * COUNT);
    }

    private static void fourHalf(float[] a, int s, int rows, int panel, int dims) {
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector s00 = zero;
        FloatVector s01 = zero;
        FloatVector s10 = zero;
        FloatVector s11 = zero;
        FloatVector s20 = zero;
        FloatVector s21 = zero;
        FloatVector s30 = zero;
        FloatVector s31 = zero;
        for (int d = 0; d < dims; d++) {
            int y = panel + d * WIDTH;
            int r = rows + d;
            FloatVector y0 = FloatVector.fromArray(FLOATS, a, y);
            FloatVector y1 = FloatVector.fromArray(FLOATS, a, y + COUNT);
            FloatVector x = FloatVector.broadcast(FLOATS, a[r]);
            s00 = x.fma(y0, s00);
            s01 = x.fma(y1, s01);
            x = FloatVector.broadcast(FLOATS, a[r + STRIDE]);
            s10 = x.fma(y0, s10);
            s11 = x.fma(y1, s11);
            x = FloatVector.broadcast(FLOATS, a[r + 2 * STRIDE]);
            s20 = x.fma(y0, s20);
            s21 = x.fma(y1, s21);
            x = FloatVector.broadcast(FLOATS, a[r + 3 * STRIDE]);
            s30 = x.fma(y0, s30);
            s31 = x.fma(y1, s31);
        }
        s00.intoArray(a, s);
        s01.intoArray(a, s + COUNT);
        s10.intoArray(a, s + WIDTH);
        s11.intoArray(a, s + WIDTH + COUNT);
        s20.intoArray(a, s + 2 * WIDTH);
        s21.intoArray(a, s + 2 * WIDTH + COUNT);
        s30.intoArray(a, s + 3 * WIDTH);
        s31.intoArray(a, s + 3 * WIDTH + COUNT);
    }
}
