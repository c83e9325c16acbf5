package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.COUNT;
import static io.github.tornadoattention.host.cpu.Lanes.FLOATS;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/**
 * Products with rows as they lie in memory outside the heap. The same as {@link RowsInArray}: code that meets both kinds takes
 * 1.4 times as long.
 */
final class RowsInMemory {
    private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

    /** Bytes of a vector. */
    private static final long BYTES = (long) COUNT * Float.BYTES;

    private RowsInMemory() {}

    /**
     * {@code into[n] += rows[n] · x} lane by lane, a vector each, for {@code count} rows.
     *
     * @param rows where the rows are
     * @param at the first one's offset in bytes
     * @param step from row to row
     * @param x index in {@code a} of what they are multiplied by, {@code dims} floats, whole vectors
     * @param into index in {@code a} of the results
     */
    static void dots(MemorySegment rows, long at, long step, float[] a, int x, int into, int count, int dims) {
        int quarter = count / 4;
        int d = 0;
        for (; dims - d >= 8 * COUNT; d += 8 * COUNT) {
            dotsOfEight(rows, at + (long) d * Float.BYTES, step, a, x + d, into, quarter);
        }
        for (; dims - d >= 4 * COUNT; d += 4 * COUNT) {
            dotsOfFour(rows, at + (long) d * Float.BYTES, step, a, x + d, into, quarter);
        }
        for (; d < dims; d += COUNT) {
            dotsOfOne(rows, at + (long) d * Float.BYTES, step, a, x + d, into, 4 * quarter);
        }
        int rest = 4 * quarter;
        for (d = 0; rest < count && d < dims; d += COUNT) {
            dotsOfOne(rows, at + rest * step + (long) d * Float.BYTES, step, a, x + d, into + rest * COUNT, count - rest);
        }
    }

    /**
     * {@code sum += weights · rows} over {@code count} rows, in an order that depends on their number alone.
     *
     * @param sum index in {@code a} of {@code dims} floats, whole vectors
     * @param weights index in {@code a} of {@code count} floats
     */
    static void add(MemorySegment rows, long at, long step, float[] a, int sum, int weights, int count, int dims) {
        int quarter = count / 4;
        int d = 0;
        for (; dims - d >= 8 * COUNT; d += 8 * COUNT) {
            addEight(rows, at + (long) d * Float.BYTES, step, a, sum + d, weights, quarter);
        }
        for (; dims - d >= 4 * COUNT; d += 4 * COUNT) {
            addFour(rows, at + (long) d * Float.BYTES, step, a, sum + d, weights, quarter);
        }
        for (; d < dims; d += COUNT) {
            addOne(rows, at + (long) d * Float.BYTES, step, a, sum + d, weights, 4 * quarter);
        }
        int rest = 4 * quarter;
        for (d = 0; rest < count && d < dims; d += COUNT) {
            addOne(rows, at + rest * step + (long) d * Float.BYTES, step, a, sum + d, weights + rest, count - rest);
        }
    }

    private static void dotsOfEight(MemorySegment rows, long at, long step, float[] a, int x, int into, int quarter) {
        FloatVector x0 = FloatVector.fromArray(FLOATS, a, x);
        FloatVector x1 = FloatVector.fromArray(FLOATS, a, x + COUNT);
        FloatVector x2 = FloatVector.fromArray(FLOATS, a, x + 2 * COUNT);
        FloatVector x3 = FloatVector.fromArray(FLOATS, a, x + 3 * COUNT);
        FloatVector x4 = FloatVector.fromArray(FLOATS, a, x + 4 * COUNT);
        FloatVector x5 = FloatVector.fromArray(FLOATS, a, x + 5 * COUNT);
        FloatVector x6 = FloatVector.fromArray(FLOATS, a, x + 6 * COUNT);
        FloatVector x7 = FloatVector.fromArray(FLOATS, a, x + 7 * COUNT);
        long apart = quarter * step;
        for (int n = 0; n < quarter; n++) {
            long r0 = at + n * step;
            long r1 = r0 + apart;
            long r2 = r1 + apart;
            long r3 = r2 + apart;
            int y0 = into + n * COUNT;
            int y1 = y0 + quarter * COUNT;
            int y2 = y1 + quarter * COUNT;
            int y3 = y2 + quarter * COUNT;
            FloatVector s0 = FloatVector.fromArray(FLOATS, a, y0);
            FloatVector s1 = FloatVector.fromArray(FLOATS, a, y1);
            FloatVector s2 = FloatVector.fromArray(FLOATS, a, y2);
            FloatVector s3 = FloatVector.fromArray(FLOATS, a, y3);
            s0 = FloatVector.fromMemorySegment(FLOATS, rows, r0, NATIVE).fma(x0, s0);
            s1 = FloatVector.fromMemorySegment(FLOATS, rows, r1, NATIVE).fma(x0, s1);
            s2 = FloatVector.fromMemorySegment(FLOATS, rows, r2, NATIVE).fma(x0, s2);
            s3 = FloatVector.fromMemorySegment(FLOATS, rows, r3, NATIVE).fma(x0, s3);
            s0 = FloatVector.fromMemorySegment(FLOATS, rows, r0 + BYTES, NATIVE).fma(x1, s0);
            s1 = FloatVector.fromMemorySegment(FLOATS, rows, r1 + BYTES, NATIVE).fma(x1, s1);
            s2 = FloatVector.fromMemorySegment(FLOATS, rows, r2 + BYTES, NATIVE).fma(x1, s2);
            s3 = FloatVector.fromMemorySegment(FLOATS, rows, r3 + BYTES, NATIVE).fma(x1, s3);
            s0 = FloatVector.fromMemorySegment(FLOATS, rows, r0 + 2 * BYTES, NATIVE).fma(x2, s0);
            s1 = FloatVector.fromMemorySegment(FLOATS, rows, r1 + 2 * BYTES, NATIVE).fma(x2, s1);
            s2 = FloatVector.fromMemorySegment(FLOATS, rows, r2 + 2 * BYTES, NATIVE).fma(x2, s2);
            s3 = FloatVector.fromMemorySegment(FLOATS, rows, r3 + 2 * BYTES, NATIVE).fma(x2, s3);
            s0 = FloatVector.fromMemorySegment(FLOATS, rows, r0 + 3 * BYTES, NATIVE).fma(x3, s0);
            s1 = FloatVector.fromMemorySegment(FLOATS, rows, r1 + 3 * BYTES, NATIVE).fma(x3, s1);
            s2 = FloatVector.fromMemorySegment(FLOATS, rows, r2 + 3 * BYTES, NATIVE).fma(x3, s2);
            s3 = FloatVector.fromMemorySegment(FLOATS, rows, r3 + 3 * BYTES, NATIVE).fma(x3, s3);
            s0 = FloatVector.fromMemorySegment(FLOATS, rows, r0 + 4 * BYTES, NATIVE).fma(x4, s0);
            s1 = FloatVector.fromMemorySegment(FLOATS, rows, r1 + 4 * BYTES, NATIVE).fma(x4, s1);
            s2 = FloatVector.fromMemorySegment(FLOATS, rows, r2 + 4 * BYTES, NATIVE).fma(x4, s2);
            s3 = FloatVector.fromMemorySegment(FLOATS, rows, r3 + 4 * BYTES, NATIVE).fma(x4, s3);
            s0 = FloatVector.fromMemorySegment(FLOATS, rows, r0 + 5 * BYTES, NATIVE).fma(x5, s0);
            s1 = FloatVector.fromMemorySegment(FLOATS, rows, r1 + 5 * BYTES, NATIVE).fma(x5, s1);
            s2 = FloatVector.fromMemorySegment(FLOATS, rows, r2 + 5 * BYTES, NATIVE).fma(x5, s2);
            s3 = FloatVector.fromMemorySegment(FLOATS, rows, r3 + 5 * BYTES, NATIVE).fma(x5, s3);
            s0 = FloatVector.fromMemorySegment(FLOATS, rows, r0 + 6 * BYTES, NATIVE).fma(x6, s0);
            s1 = FloatVector.fromMemorySegment(FLOATS, rows, r1 + 6 * BYTES, NATIVE).fma(x6, s1);
            s2 = FloatVector.fromMemorySegment(FLOATS, rows, r2 + 6 * BYTES, NATIVE).fma(x6, s2);
            s3 = FloatVector.fromMemorySegment(FLOATS, rows, r3 + 6 * BYTES, NATIVE).fma(x6, s3);
            s0 = FloatVector.fromMemorySegment(FLOATS, rows, r0 + 7 * BYTES, NATIVE).fma(x7, s0);
            s1 = FloatVector.fromMemorySegment(FLOATS, rows, r1 + 7 * BYTES, NATIVE).fma(x7, s1);
            s2 = FloatVector.fromMemorySegment(FLOATS, rows, r2 + 7 * BYTES, NATIVE).fma(x7, s2);
            s3 = FloatVector.fromMemorySegment(FLOATS, rows, r3 + 7 * BYTES, NATIVE).fma(x7, s3);
            s0.intoArray(a, y0);
            s1.intoArray(a, y1);
            s2.intoArray(a, y2);
            s3.intoArray(a, y3);
        }
    }

    private static void dotsOfFour(MemorySegment rows, long at, long step, float[] a, int x, int into, int quarter) {
        FloatVector x0 = FloatVector.fromArray(FLOATS, a, x);
        FloatVector x1 = FloatVector.fromArray(FLOATS, a, x + COUNT);
        FloatVector x2 = FloatVector.fromArray(FLOATS, a, x + 2 * COUNT);
        FloatVector x3 = FloatVector.fromArray(FLOATS, a, x + 3 * COUNT);
        long apart = quarter * step;
        for (int n = 0; n < quarter; n++) {
            long r0 = at + n * step;
            long r1 = r0 + apart;
            long r2 = r1 + apart;
            long r3 = r2 + apart;
            int y0 = into + n * COUNT;
            int y1 = y0 + quarter * COUNT;
            int y2 = y1 + quarter * COUNT;
            int y3 = y2 + quarter * COUNT;
            FloatVector s0 = FloatVector.fromArray(FLOATS, a, y0);
            FloatVector s1 = FloatVector.fromArray(FLOATS, a, y1);
            FloatVector s2 = FloatVector.fromArray(FLOATS, a, y2);
            FloatVector s3 = FloatVector.fromArray(FLOATS, a, y3);
            s0 = FloatVector.fromMemorySegment(FLOATS, rows, r0, NATIVE).fma(x0, s0);
            s1 = FloatVector.fromMemorySegment(FLOATS, rows, r1, NATIVE).fma(x0, s1);
            s2 = FloatVector.fromMemorySegment(FLOATS, rows, r2, NATIVE).fma(x0, s2);
            s3 = FloatVector.fromMemorySegment(FLOATS, rows, r3, NATIVE).fma(x0, s3);
            s0 = FloatVector.fromMemorySegment(FLOATS, rows, r0 + BYTES, NATIVE).fma(x1, s0);
            s1 = FloatVector.fromMemorySegment(FLOATS, rows, r1 + BYTES, NATIVE).fma(x1, s1);
            s2 = FloatVector.fromMemorySegment(FLOATS, rows, r2 + BYTES, NATIVE).fma(x1, s2);
            s3 = FloatVector.fromMemorySegment(FLOATS, rows, r3 + BYTES, NATIVE).fma(x1, s3);
            s0 = FloatVector.fromMemorySegment(FLOATS, rows, r0 + 2 * BYTES, NATIVE).fma(x2, s0);
            s1 = FloatVector.fromMemorySegment(FLOATS, rows, r1 + 2 * BYTES, NATIVE).fma(x2, s1);
            s2 = FloatVector.fromMemorySegment(FLOATS, rows, r2 + 2 * BYTES, NATIVE).fma(x2, s2);
            s3 = FloatVector.fromMemorySegment(FLOATS, rows, r3 + 2 * BYTES, NATIVE).fma(x2, s3);
            s0 = FloatVector.fromMemorySegment(FLOATS, rows, r0 + 3 * BYTES, NATIVE).fma(x3, s0);
            s1 = FloatVector.fromMemorySegment(FLOATS, rows, r1 + 3 * BYTES, NATIVE).fma(x3, s1);
            s2 = FloatVector.fromMemorySegment(FLOATS, rows, r2 + 3 * BYTES, NATIVE).fma(x3, s2);
            s3 = FloatVector.fromMemorySegment(FLOATS, rows, r3 + 3 * BYTES, NATIVE).fma(x3, s3);
            s0.intoArray(a, y0);
            s1.intoArray(a, y1);
            s2.intoArray(a, y2);
            s3.intoArray(a, y3);
        }
    }

    private static void dotsOfOne(MemorySegment rows, long at, long step, float[] a, int x, int into, int count) {
        FloatVector x0 = FloatVector.fromArray(FLOATS, a, x);
        for (int n = 0; n < count; n++) {
            FloatVector s = FloatVector.fromArray(FLOATS, a, into + n * COUNT);
            long row = at + n * step;
            s = FloatVector.fromMemorySegment(FLOATS, rows, row, NATIVE).fma(x0, s);
            s.intoArray(a, into + n * COUNT);
        }
    }

    private static void addEight(MemorySegment rows, long at, long step, float[] a, int sum, int weights, int quarter) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s1 = FloatVector.fromArray(FLOATS, a, sum + COUNT);
        FloatVector s2 = FloatVector.fromArray(FLOATS, a, sum + 2 * COUNT);
        FloatVector s3 = FloatVector.fromArray(FLOATS, a, sum + 3 * COUNT);
        FloatVector s4 = FloatVector.fromArray(FLOATS, a, sum + 4 * COUNT);
        FloatVector s5 = FloatVector.fromArray(FLOATS, a, sum + 5 * COUNT);
        FloatVector s6 = FloatVector.fromArray(FLOATS, a, sum + 6 * COUNT);
        FloatVector s7 = FloatVector.fromArray(FLOATS, a, sum + 7 * COUNT);
        long apart = quarter * step;
        for (int n = 0; n < quarter; n++) {
            long r0 = at + n * step;
            long r1 = r0 + apart;
            long r2 = r1 + apart;
            long r3 = r2 + apart;
            FloatVector p0 = FloatVector.broadcast(FLOATS, a[weights + n]);
            FloatVector p1 = FloatVector.broadcast(FLOATS, a[weights + n + quarter]);
            FloatVector p2 = FloatVector.broadcast(FLOATS, a[weights + n + 2 * quarter]);
            FloatVector p3 = FloatVector.broadcast(FLOATS, a[weights + n + 3 * quarter]);
            s0 = p0.fma(FloatVector.fromMemorySegment(FLOATS, rows, r0, NATIVE), s0);
            s0 = p1.fma(FloatVector.fromMemorySegment(FLOATS, rows, r1, NATIVE), s0);
            s0 = p2.fma(FloatVector.fromMemorySegment(FLOATS, rows, r2, NATIVE), s0);
            s0 = p3.fma(FloatVector.fromMemorySegment(FLOATS, rows, r3, NATIVE), s0);
            s1 = p0.fma(FloatVector.fromMemorySegment(FLOATS, rows, r0 + BYTES, NATIVE), s1);
            s1 = p1.fma(FloatVector.fromMemorySegment(FLOATS, rows, r1 + BYTES, NATIVE), s1);
            s1 = p2.fma(FloatVector.fromMemorySegment(FLOATS, rows, r2 + BYTES, NATIVE), s1);
            s1 = p3.fma(FloatVector.fromMemorySegment(FLOATS, rows, r3 + BYTES, NATIVE), s1);
            s2 = p0.fma(FloatVector.fromMemorySegment(FLOATS, rows, r0 + 2 * BYTES, NATIVE), s2);
            s2 = p1.fma(FloatVector.fromMemorySegment(FLOATS, rows, r1 + 2 * BYTES, NATIVE), s2);
            s2 = p2.fma(FloatVector.fromMemorySegment(FLOATS, rows, r2 + 2 * BYTES, NATIVE), s2);
            s2 = p3.fma(FloatVector.fromMemorySegment(FLOATS, rows, r3 + 2 * BYTES, NATIVE), s2);
            s3 = p0.fma(FloatVector.fromMemorySegment(FLOATS, rows, r0 + 3 * BYTES, NATIVE), s3);
            s3 = p1.fma(FloatVector.fromMemorySegment(FLOATS, rows, r1 + 3 * BYTES, NATIVE), s3);
            s3 = p2.fma(FloatVector.fromMemorySegment(FLOATS, rows, r2 + 3 * BYTES, NATIVE), s3);
            s3 = p3.fma(FloatVector.fromMemorySegment(FLOATS, rows, r3 + 3 * BYTES, NATIVE), s3);
            s4 = p0.fma(FloatVector.fromMemorySegment(FLOATS, rows, r0 + 4 * BYTES, NATIVE), s4);
            s4 = p1.fma(FloatVector.fromMemorySegment(FLOATS, rows, r1 + 4 * BYTES, NATIVE), s4);
            s4 = p2.fma(FloatVector.fromMemorySegment(FLOATS, rows, r2 + 4 * BYTES, NATIVE), s4);
            s4 = p3.fma(FloatVector.fromMemorySegment(FLOATS, rows, r3 + 4 * BYTES, NATIVE), s4);
            s5 = p0.fma(FloatVector.fromMemorySegment(FLOATS, rows, r0 + 5 * BYTES, NATIVE), s5);
            s5 = p1.fma(FloatVector.fromMemorySegment(FLOATS, rows, r1 + 5 * BYTES, NATIVE), s5);
            s5 = p2.fma(FloatVector.fromMemorySegment(FLOATS, rows, r2 + 5 * BYTES, NATIVE), s5);
            s5 = p3.fma(FloatVector.fromMemorySegment(FLOATS, rows, r3 + 5 * BYTES, NATIVE), s5);
            s6 = p0.fma(FloatVector.fromMemorySegment(FLOATS, rows, r0 + 6 * BYTES, NATIVE), s6);
            s6 = p1.fma(FloatVector.fromMemorySegment(FLOATS, rows, r1 + 6 * BYTES, NATIVE), s6);
            s6 = p2.fma(FloatVector.fromMemorySegment(FLOATS, rows, r2 + 6 * BYTES, NATIVE), s6);
            s6 = p3.fma(FloatVector.fromMemorySegment(FLOATS, rows, r3 + 6 * BYTES, NATIVE), s6);
            s7 = p0.fma(FloatVector.fromMemorySegment(FLOATS, rows, r0 + 7 * BYTES, NATIVE), s7);
            s7 = p1.fma(FloatVector.fromMemorySegment(FLOATS, rows, r1 + 7 * BYTES, NATIVE), s7);
            s7 = p2.fma(FloatVector.fromMemorySegment(FLOATS, rows, r2 + 7 * BYTES, NATIVE), s7);
            s7 = p3.fma(FloatVector.fromMemorySegment(FLOATS, rows, r3 + 7 * BYTES, NATIVE), s7);
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

    private static void addFour(MemorySegment rows, long at, long step, float[] a, int sum, int weights, int quarter) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s1 = FloatVector.fromArray(FLOATS, a, sum + COUNT);
        FloatVector s2 = FloatVector.fromArray(FLOATS, a, sum + 2 * COUNT);
        FloatVector s3 = FloatVector.fromArray(FLOATS, a, sum + 3 * COUNT);
        long apart = quarter * step;
        for (int n = 0; n < quarter; n++) {
            long r0 = at + n * step;
            long r1 = r0 + apart;
            long r2 = r1 + apart;
            long r3 = r2 + apart;
            FloatVector p0 = FloatVector.broadcast(FLOATS, a[weights + n]);
            FloatVector p1 = FloatVector.broadcast(FLOATS, a[weights + n + quarter]);
            FloatVector p2 = FloatVector.broadcast(FLOATS, a[weights + n + 2 * quarter]);
            FloatVector p3 = FloatVector.broadcast(FLOATS, a[weights + n + 3 * quarter]);
            s0 = p0.fma(FloatVector.fromMemorySegment(FLOATS, rows, r0, NATIVE), s0);
            s0 = p1.fma(FloatVector.fromMemorySegment(FLOATS, rows, r1, NATIVE), s0);
            s0 = p2.fma(FloatVector.fromMemorySegment(FLOATS, rows, r2, NATIVE), s0);
            s0 = p3.fma(FloatVector.fromMemorySegment(FLOATS, rows, r3, NATIVE), s0);
            s1 = p0.fma(FloatVector.fromMemorySegment(FLOATS, rows, r0 + BYTES, NATIVE), s1);
            s1 = p1.fma(FloatVector.fromMemorySegment(FLOATS, rows, r1 + BYTES, NATIVE), s1);
            s1 = p2.fma(FloatVector.fromMemorySegment(FLOATS, rows, r2 + BYTES, NATIVE), s1);
            s1 = p3.fma(FloatVector.fromMemorySegment(FLOATS, rows, r3 + BYTES, NATIVE), s1);
            s2 = p0.fma(FloatVector.fromMemorySegment(FLOATS, rows, r0 + 2 * BYTES, NATIVE), s2);
            s2 = p1.fma(FloatVector.fromMemorySegment(FLOATS, rows, r1 + 2 * BYTES, NATIVE), s2);
            s2 = p2.fma(FloatVector.fromMemorySegment(FLOATS, rows, r2 + 2 * BYTES, NATIVE), s2);
            s2 = p3.fma(FloatVector.fromMemorySegment(FLOATS, rows, r3 + 2 * BYTES, NATIVE), s2);
            s3 = p0.fma(FloatVector.fromMemorySegment(FLOATS, rows, r0 + 3 * BYTES, NATIVE), s3);
            s3 = p1.fma(FloatVector.fromMemorySegment(FLOATS, rows, r1 + 3 * BYTES, NATIVE), s3);
            s3 = p2.fma(FloatVector.fromMemorySegment(FLOATS, rows, r2 + 3 * BYTES, NATIVE), s3);
            s3 = p3.fma(FloatVector.fromMemorySegment(FLOATS, rows, r3 + 3 * BYTES, NATIVE), s3);
        }
        s0.intoArray(a, sum);
        s1.intoArray(a, sum + COUNT);
        s2.intoArray(a, sum + 2 * COUNT);
        s3.intoArray(a, sum + 3 * COUNT);
    }

    private static void addOne(MemorySegment rows, long at, long step, float[] a, int sum, int weights, int count) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, a, sum);
        for (int n = 0; n < count; n++) {
            FloatVector p = FloatVector.broadcast(FLOATS, a[weights + n]);
            long row = at + n * step;
            s0 = p.fma(FloatVector.fromMemorySegment(FLOATS, rows, row, NATIVE), s0);
        }
        s0.intoArray(a, sum);
    }
}
