package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.COUNT;
import static io.github.tornadoattention.host.cpu.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/**
 * Products with rows as they lie in a Java array. Apart from {@link RowsInMemory} so that each sees one kind of memory only.
 *
 * <p>Rows are taken from four places at a time, each quarter's next one: the processor fetches ahead within a page and finds the
 * next page late, which costs less while three others are on their way. Up to three rows at the end follow one by one.
 */
final class RowsInArray {
    private RowsInArray() {}

    /**
     * {@code into[n] += rows[n] · x} lane by lane, a vector each, for {@code count} rows.
     *
     * @param rows where the rows are
     * @param at the first one's index
     * @param step from row to row
     * @param x index in {@code a} of what they are multiplied by, {@code dims} floats, whole vectors
     * @param into index in {@code a} of the results
     */
    static void dots(float[] rows, int at, int step, float[] a, int x, int into, int count, int dims) {
        int quarter = count / 4;
        int d = 0;
        for (; dims - d >= 8 * COUNT; d += 8 * COUNT) {
            dotsOfEight(rows, at + d, step, a, x + d, into, quarter);
        }
        for (; dims - d >= 4 * COUNT; d += 4 * COUNT) {
            dotsOfFour(rows, at + d, step, a, x + d, into, quarter);
        }
        for (; d < dims; d += COUNT) {
            dotsOfOne(rows, at + d, step, a, x + d, into, 4 * quarter);
        }
        int rest = 4 * quarter;
        for (d = 0; rest < count && d < dims; d += COUNT) {
            dotsOfOne(rows, at + rest * step + d, step, a, x + d, into + rest * COUNT, count - rest);
        }
    }

    /**
     * {@code sum += weights · rows} over {@code count} rows, in an order that depends on their number alone.
     *
     * @param sum index in {@code a} of {@code dims} floats, whole vectors
     * @param weights index in {@code a} of {@code count} floats
     */
    static void add(float[] rows, int at, int step, float[] a, int sum, int weights, int count, int dims) {
        int quarter = count / 4;
        int d = 0;
        for (; dims - d >= 8 * COUNT; d += 8 * COUNT) {
            addEight(rows, at + d, step, a, sum + d, weights, quarter);
        }
        for (; dims - d >= 4 * COUNT; d += 4 * COUNT) {
            addFour(rows, at + d, step, a, sum + d, weights, quarter);
        }
        for (; d < dims; d += COUNT) {
            addOne(rows, at + d, step, a, sum + d, weights, 4 * quarter);
        }
        int rest = 4 * quarter;
        for (d = 0; rest < count && d < dims; d += COUNT) {
            addOne(rows, at + rest * step + d, step, a, sum + d, weights + rest, count - rest);
        }
    }

    private static void dotsOfEight(float[] rows, int at, int step, float[] a, int x, int into, int quarter) {
        FloatVector x0 = FloatVector.fromArray(FLOATS, a, x);
        FloatVector x1 = FloatVector.fromArray(FLOATS, a, x + COUNT);
        FloatVector x2 = FloatVector.fromArray(FLOATS, a, x + 2 * COUNT);
        FloatVector x3 = FloatVector.fromArray(FLOATS, a, x + 3 * COUNT);
        FloatVector x4 = FloatVector.fromArray(FLOATS, a, x + 4 * COUNT);
        FloatVector x5 = FloatVector.fromArray(FLOATS, a, x + 5 * COUNT);
        FloatVector x6 = FloatVector.fromArray(FLOATS, a, x + 6 * COUNT);
        FloatVector x7 = FloatVector.fromArray(FLOATS, a, x + 7 * COUNT);
        int apart = quarter * step;
        for (int n = 0; n < quarter; n++) {
            int r0 = at + n * step;
            int r1 = r0 + apart;
            int r2 = r1 + apart;
            int r3 = r2 + apart;
            int y0 = into + n * COUNT;
            int y1 = y0 + quarter * COUNT;
            int y2 = y1 + quarter * COUNT;
            int y3 = y2 + quarter * COUNT;
            FloatVector s0 = FloatVector.fromArray(FLOATS, a, y0);
            FloatVector s1 = FloatVector.fromArray(FLOATS, a, y1);
            FloatVector s2 = FloatVector.fromArray(FLOATS, a, y2);
            FloatVector s3 = FloatVector.fromArray(FLOATS, a, y3);
            s0 = FloatVector.fromArray(FLOATS, rows, r0).fma(x0, s0);
            s1 = FloatVector.fromArray(FLOATS, rows, r1).fma(x0, s1);
            s2 = FloatVector.fromArray(FLOATS, rows, r2).fma(x0, s2);
            s3 = FloatVector.fromArray(FLOATS, rows, r3).fma(x0, s3);
            s0 = FloatVector.fromArray(FLOATS, rows, r0 + COUNT).fma(x1, s0);
            s1 = FloatVector.fromArray(FLOATS, rows, r1 + COUNT).fma(x1, s1);
            s2 = FloatVector.fromArray(FLOATS, rows, r2 + COUNT).fma(x1, s2);
            s3 = FloatVector.fromArray(FLOATS, rows, r3 + COUNT).fma(x1, s3);
            s0 = FloatVector.fromArray(FLOATS, rows, r0 + 2 * COUNT).fma(x2, s0);
            s1 = FloatVector.fromArray(FLOATS, rows, r1 + 2 * COUNT).fma(x2, s1);
            s2 = FloatVector.fromArray(FLOATS, rows, r2 + 2 * COUNT).fma(x2, s2);
            s3 = FloatVector.fromArray(FLOATS, rows, r3 + 2 * COUNT).fma(x2, s3);
            s0 = FloatVector.fromArray(FLOATS, rows, r0 + 3 * COUNT).fma(x3, s0);
            s1 = FloatVector.fromArray(FLOATS, rows, r1 + 3 * COUNT).fma(x3, s1);
            s2 = FloatVector.fromArray(FLOATS, rows, r2 + 3 * COUNT).fma(x3, s2);
            s3 = FloatVector.fromArray(FLOATS, rows, r3 + 3 * COUNT).fma(x3, s3);
            s0 = FloatVector.fromArray(FLOATS, rows, r0 + 4 * COUNT).fma(x4, s0);
            s1 = FloatVector.fromArray(FLOATS, rows, r1 + 4 * COUNT).fma(x4, s1);
            s2 = FloatVector.fromArray(FLOATS, rows, r2 + 4 * COUNT).fma(x4, s2);
            s3 = FloatVector.fromArray(FLOATS, rows, r3 + 4 * COUNT).fma(x4, s3);
            s0 = FloatVector.fromArray(FLOATS, rows, r0 + 5 * COUNT).fma(x5, s0);
            s1 = FloatVector.fromArray(FLOATS, rows, r1 + 5 * COUNT).fma(x5, s1);
            s2 = FloatVector.fromArray(FLOATS, rows, r2 + 5 * COUNT).fma(x5, s2);
            s3 = FloatVector.fromArray(FLOATS, rows, r3 + 5 * COUNT).fma(x5, s3);
            s0 = FloatVector.fromArray(FLOATS, rows, r0 + 6 * COUNT).fma(x6, s0);
            s1 = FloatVector.fromArray(FLOATS, rows, r1 + 6 * COUNT).fma(x6, s1);
            s2 = FloatVector.fromArray(FLOATS, rows, r2 + 6 * COUNT).fma(x6, s2);
            s3 = FloatVector.fromArray(FLOATS, rows, r3 + 6 * COUNT).fma(x6, s3);
            s0 = FloatVector.fromArray(FLOATS, rows, r0 + 7 * COUNT).fma(x7, s0);
            s1 = FloatVector.fromArray(FLOATS, rows, r1 + 7 * COUNT).fma(x7, s1);
            s2 = FloatVector.fromArray(FLOATS, rows, r2 + 7 * COUNT).fma(x7, s2);
            s3 = FloatVector.fromArray(FLOATS, rows, r3 + 7 * COUNT).fma(x7, s3);
            s0.intoArray(a, y0);
            s1.intoArray(a, y1);
            s2.intoArray(a, y2);
            s3.intoArray(a, y3);
        }
    }

    private static void dotsOfFour(float[] rows, int at, int step, float[] a, int x, int into, int quarter) {
        FloatVector x0 = FloatVector.fromArray(FLOATS, a, x);
        FloatVector x1 = FloatVector.fromArray(FLOATS, a, x + COUNT);
        FloatVector x2 = FloatVector.fromArray(FLOATS, a, x + 2 * COUNT);
        FloatVector x3 = FloatVector.fromArray(FLOATS, a, x + 3 * COUNT);
        int apart = quarter * step;
        for (int n = 0; n < quarter; n++) {
            int r0 = at + n * step;
            int r1 = r0 + apart;
            int r2 = r1 + apart;
            int r3 = r2 + apart;
            int y0 = into + n * COUNT;
            int y1 = y0 + quarter * COUNT;
            int y2 = y1 + quarter * COUNT;
            int y3 = y2 + quarter * COUNT;
            FloatVector s0 = FloatVector.fromArray(FLOATS, a, y0);
            FloatVector s1 = FloatVector.fromArray(FLOATS, a, y1);
            FloatVector s2 = FloatVector.fromArray(FLOATS, a, y2);
            FloatVector s3 = FloatVector.fromArray(FLOATS, a, y3);
            s0 = FloatVector.fromArray(FLOATS, rows, r0).fma(x0, s0);
            s1 = FloatVector.fromArray(FLOATS, rows, r1).fma(x0, s1);
            s2 = FloatVector.fromArray(FLOATS, rows, r2).fma(x0, s2);
            s3 = FloatVector.fromArray(FLOATS, rows, r3).fma(x0, s3);
            s0 = FloatVector.fromArray(FLOATS, rows, r0 + COUNT).fma(x1, s0);
            s1 = FloatVector.fromArray(FLOATS, rows, r1 + COUNT).fma(x1, s1);
            s2 = FloatVector.fromArray(FLOATS, rows, r2 + COUNT).fma(x1, s2);
            s3 = FloatVector.fromArray(FLOATS, rows, r3 + COUNT).fma(x1, s3);
            s0 = FloatVector.fromArray(FLOATS, rows, r0 + 2 * COUNT).fma(x2, s0);
            s1 = FloatVector.fromArray(FLOATS, rows, r1 + 2 * COUNT).fma(x2, s1);
            s2 = FloatVector.fromArray(FLOATS, rows, r2 + 2 * COUNT).fma(x2, s2);
            s3 = FloatVector.fromArray(FLOATS, rows, r3 + 2 * COUNT).fma(x2, s3);
            s0 = FloatVector.fromArray(FLOATS, rows, r0 + 3 * COUNT).fma(x3, s0);
            s1 = FloatVector.fromArray(FLOATS, rows, r1 + 3 * COUNT).fma(x3, s1);
            s2 = FloatVector.fromArray(FLOATS, rows, r2 + 3 * COUNT).fma(x3, s2);
            s3 = FloatVector.fromArray(FLOATS, rows, r3 + 3 * COUNT).fma(x3, s3);
            s0.intoArray(a, y0);
            s1.intoArray(a, y1);
            s2.intoArray(a, y2);
            s3.intoArray(a, y3);
        }
    }

    private static void dotsOfOne(float[] rows, int at, int step, float[] a, int x, int into, int count) {
        FloatVector x0 = FloatVector.fromArray(FLOATS, a, x);
        for (int n = 0; n < count; n++) {
            FloatVector s = FloatVector.fromArray(FLOATS, a, into + n * COUNT);
            int row = at + n * step;
            s = FloatVector.fromArray(FLOATS, rows, row).fma(x0, s);
            s.intoArray(a, into + n * COUNT);
        }
    }

    private static void addEight(float[] rows, int at, int step, float[] a, int sum, int weights, int quarter) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s1 = FloatVector.fromArray(FLOATS, a, sum + COUNT);
        FloatVector s2 = FloatVector.fromArray(FLOATS, a, sum + 2 * COUNT);
        FloatVector s3 = FloatVector.fromArray(FLOATS, a, sum + 3 * COUNT);
        FloatVector s4 = FloatVector.fromArray(FLOATS, a, sum + 4 * COUNT);
        FloatVector s5 = FloatVector.fromArray(FLOATS, a, sum + 5 * COUNT);
        FloatVector s6 = FloatVector.fromArray(FLOATS, a, sum + 6 * COUNT);
        FloatVector s7 = FloatVector.fromArray(FLOATS, a, sum + 7 * COUNT);
        int apart = quarter * step;
        for (int n = 0; n < quarter; n++) {
            int r0 = at + n * step;
            int r1 = r0 + apart;
            int r2 = r1 + apart;
            int r3 = r2 + apart;
            FloatVector p0 = FloatVector.broadcast(FLOATS, a[weights + n]);
            FloatVector p1 = FloatVector.broadcast(FLOATS, a[weights + n + quarter]);
            FloatVector p2 = FloatVector.broadcast(FLOATS, a[weights + n + 2 * quarter]);
            FloatVector p3 = FloatVector.broadcast(FLOATS, a[weights + n + 3 * quarter]);
            s0 = p0.fma(FloatVector.fromArray(FLOATS, rows, r0), s0);
            s0 = p1.fma(FloatVector.fromArray(FLOATS, rows, r1), s0);
            s0 = p2.fma(FloatVector.fromArray(FLOATS, rows, r2), s0);
            s0 = p3.fma(FloatVector.fromArray(FLOATS, rows, r3), s0);
            s1 = p0.fma(FloatVector.fromArray(FLOATS, rows, r0 + COUNT), s1);
            s1 = p1.fma(FloatVector.fromArray(FLOATS, rows, r1 + COUNT), s1);
            s1 = p2.fma(FloatVector.fromArray(FLOATS, rows, r2 + COUNT), s1);
            s1 = p3.fma(FloatVector.fromArray(FLOATS, rows, r3 + COUNT), s1);
            s2 = p0.fma(FloatVector.fromArray(FLOATS, rows, r0 + 2 * COUNT), s2);
            s2 = p1.fma(FloatVector.fromArray(FLOATS, rows, r1 + 2 * COUNT), s2);
            s2 = p2.fma(FloatVector.fromArray(FLOATS, rows, r2 + 2 * COUNT), s2);
            s2 = p3.fma(FloatVector.fromArray(FLOATS, rows, r3 + 2 * COUNT), s2);
            s3 = p0.fma(FloatVector.fromArray(FLOATS, rows, r0 + 3 * COUNT), s3);
            s3 = p1.fma(FloatVector.fromArray(FLOATS, rows, r1 + 3 * COUNT), s3);
            s3 = p2.fma(FloatVector.fromArray(FLOATS, rows, r2 + 3 * COUNT), s3);
            s3 = p3.fma(FloatVector.fromArray(FLOATS, rows, r3 + 3 * COUNT), s3);
            s4 = p0.fma(FloatVector.fromArray(FLOATS, rows, r0 + 4 * COUNT), s4);
            s4 = p1.fma(FloatVector.fromArray(FLOATS, rows, r1 + 4 * COUNT), s4);
            s4 = p2.fma(FloatVector.fromArray(FLOATS, rows, r2 + 4 * COUNT), s4);
            s4 = p3.fma(FloatVector.fromArray(FLOATS, rows, r3 + 4 * COUNT), s4);
            s5 = p0.fma(FloatVector.fromArray(FLOATS, rows, r0 + 5 * COUNT), s5);
            s5 = p1.fma(FloatVector.fromArray(FLOATS, rows, r1 + 5 * COUNT), s5);
            s5 = p2.fma(FloatVector.fromArray(FLOATS, rows, r2 + 5 * COUNT), s5);
            s5 = p3.fma(FloatVector.fromArray(FLOATS, rows, r3 + 5 * COUNT), s5);
            s6 = p0.fma(FloatVector.fromArray(FLOATS, rows, r0 + 6 * COUNT), s6);
            s6 = p1.fma(FloatVector.fromArray(FLOATS, rows, r1 + 6 * COUNT), s6);
            s6 = p2.fma(FloatVector.fromArray(FLOATS, rows, r2 + 6 * COUNT), s6);
            s6 = p3.fma(FloatVector.fromArray(FLOATS, rows, r3 + 6 * COUNT), s6);
            s7 = p0.fma(FloatVector.fromArray(FLOATS, rows, r0 + 7 * COUNT), s7);
            s7 = p1.fma(FloatVector.fromArray(FLOATS, rows, r1 + 7 * COUNT), s7);
            s7 = p2.fma(FloatVector.fromArray(FLOATS, rows, r2 + 7 * COUNT), s7);
            s7 = p3.fma(FloatVector.fromArray(FLOATS, rows, r3 + 7 * COUNT), s7);
        }
        s0.intoArray(a, sum);
        s1.intoArray(a, sum + COUNT);
        s2.intoArray(a, sum + 2 * COUNT);
        s3.intoArray(a, sum + 3 * COUNT);
        s4.intoArray(a, sum + 4 * COUNT);
        s5.intoArray(a, sum + 5 * COUNT);
        s6.intoArray(a, sum + 6 * COUNT);
        s7.intoArray(a, sum + 7 * COUNT);
    }

    private static void addFour(float[] rows, int at, int step, float[] a, int sum, int weights, int quarter) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s1 = FloatVector.fromArray(FLOATS, a, sum + COUNT);
        FloatVector s2 = FloatVector.fromArray(FLOATS, a, sum + 2 * COUNT);
        FloatVector s3 = FloatVector.fromArray(FLOATS, a, sum + 3 * COUNT);
        int apart = quarter * step;
        for (int n = 0; n < quarter; n++) {
            int r0 = at + n * step;
            int r1 = r0 + apart;
            int r2 = r1 + apart;
            int r3 = r2 + apart;
            FloatVector p0 = FloatVector.broadcast(FLOATS, a[weights + n]);
            FloatVector p1 = FloatVector.broadcast(FLOATS, a[weights + n + quarter]);
            FloatVector p2 = FloatVector.broadcast(FLOATS, a[weights + n + 2 * quarter]);
            FloatVector p3 = FloatVector.broadcast(FLOATS, a[weights + n + 3 * quarter]);
            s0 = p0.fma(FloatVector.fromArray(FLOATS, rows, r0), s0);
            s0 = p1.fma(FloatVector.fromArray(FLOATS, rows, r1), s0);
            s0 = p2.fma(FloatVector.fromArray(FLOATS, rows, r2), s0);
            s0 = p3.fma(FloatVector.fromArray(FLOATS, rows, r3), s0);
            s1 = p0.fma(FloatVector.fromArray(FLOATS, rows, r0 + COUNT), s1);
            s1 = p1.fma(FloatVector.fromArray(FLOATS, rows, r1 + COUNT), s1);
            s1 = p2.fma(FloatVector.fromArray(FLOATS, rows, r2 + COUNT), s1);
            s1 = p3.fma(FloatVector.fromArray(FLOATS, rows, r3 + COUNT), s1);
            s2 = p0.fma(FloatVector.fromArray(FLOATS, rows, r0 + 2 * COUNT), s2);
            s2 = p1.fma(FloatVector.fromArray(FLOATS, rows, r1 + 2 * COUNT), s2);
            s2 = p2.fma(FloatVector.fromArray(FLOATS, rows, r2 + 2 * COUNT), s2);
            s2 = p3.fma(FloatVector.fromArray(FLOATS, rows, r3 + 2 * COUNT), s2);
            s3 = p0.fma(FloatVector.fromArray(FLOATS, rows, r0 + 3 * COUNT), s3);
            s3 = p1.fma(FloatVector.fromArray(FLOATS, rows, r1 + 3 * COUNT), s3);
            s3 = p2.fma(FloatVector.fromArray(FLOATS, rows, r2 + 3 * COUNT), s3);
            s3 = p3.fma(FloatVector.fromArray(FLOATS, rows, r3 + 3 * COUNT), s3);
        }
        s0.intoArray(a, sum);
        s1.intoArray(a, sum + COUNT);
        s2.intoArray(a, sum + 2 * COUNT);
        s3.intoArray(a, sum + 3 * COUNT);
    }

    private static void addOne(float[] rows, int at, int step, float[] a, int sum, int weights, int count) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, a, sum);
        for (int n = 0; n < count; n++) {
            FloatVector p = FloatVector.broadcast(FLOATS, a[weights + n]);
            int row = at + n * step;
            s0 = p.fma(FloatVector.fromArray(FLOATS, rows, row), s0);
        }
        s0.intoArray(a, sum);
    }
}
