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
        int d = 0;
        for (; dims - d >= 8 * COUNT; d += 8 * COUNT) {
            dotsOfEight(rows, at + (long) d * Float.BYTES, step, a, x + d, into, count);
        }
        for (; dims - d >= 4 * COUNT; d += 4 * COUNT) {
            dotsOfFour(rows, at + (long) d * Float.BYTES, step, a, x + d, into, count);
        }
        for (; d < dims; d += COUNT) {
            dotsOfOne(rows, at + (long) d * Float.BYTES, step, a, x + d, into, count);
        }
    }

    /**
     * {@code sum += weights · rows} over {@code count} rows.
     *
     * @param sum index in {@code a} of {@code dims} floats, whole vectors
     * @param weights index in {@code a} of {@code count} floats
     */
    static void add(MemorySegment rows, long at, long step, float[] a, int sum, int weights, int count, int dims) {
        int d = 0;
        for (; dims - d >= 8 * COUNT; d += 8 * COUNT) {
            addEight(rows, at + (long) d * Float.BYTES, step, a, sum + d, weights, count);
        }
        for (; dims - d >= 4 * COUNT; d += 4 * COUNT) {
            addFour(rows, at + (long) d * Float.BYTES, step, a, sum + d, weights, count);
        }
        for (; d < dims; d += COUNT) {
            addOne(rows, at + (long) d * Float.BYTES, step, a, sum + d, weights, count);
        }
    }

    private static void dotsOfEight(MemorySegment rows, long at, long step, float[] a, int x, int into, int count) {
        FloatVector x0 = FloatVector.fromArray(FLOATS, a, x);
        FloatVector x1 = FloatVector.fromArray(FLOATS, a, x + COUNT);
        FloatVector x2 = FloatVector.fromArray(FLOATS, a, x + 2 * COUNT);
        FloatVector x3 = FloatVector.fromArray(FLOATS, a, x + 3 * COUNT);
        FloatVector x4 = FloatVector.fromArray(FLOATS, a, x + 4 * COUNT);
        FloatVector x5 = FloatVector.fromArray(FLOATS, a, x + 5 * COUNT);
        FloatVector x6 = FloatVector.fromArray(FLOATS, a, x + 6 * COUNT);
        FloatVector x7 = FloatVector.fromArray(FLOATS, a, x + 7 * COUNT);
        for (int n = 0; n < count; n++) {
            FloatVector s = FloatVector.fromArray(FLOATS, a, into + n * COUNT);
            long row = at + n * step;
            s = FloatVector.fromMemorySegment(FLOATS, rows, row, NATIVE).fma(x0, s);
            s = FloatVector.fromMemorySegment(FLOATS, rows, row + BYTES, NATIVE).fma(x1, s);
            s = FloatVector.fromMemorySegment(FLOATS, rows, row + 2 * BYTES, NATIVE).fma(x2, s);
            s = FloatVector.fromMemorySegment(FLOATS, rows, row + 3 * BYTES, NATIVE).fma(x3, s);
            s = FloatVector.fromMemorySegment(FLOATS, rows, row + 4 * BYTES, NATIVE).fma(x4, s);
            s = FloatVector.fromMemorySegment(FLOATS, rows, row + 5 * BYTES, NATIVE).fma(x5, s);
            s = FloatVector.fromMemorySegment(FLOATS, rows, row + 6 * BYTES, NATIVE).fma(x6, s);
            s = FloatVector.fromMemorySegment(FLOATS, rows, row + 7 * BYTES, NATIVE).fma(x7, s);
            s.intoArray(a, into + n * COUNT);
        }
    }

    private static void dotsOfFour(MemorySegment rows, long at, long step, float[] a, int x, int into, int count) {
        FloatVector x0 = FloatVector.fromArray(FLOATS, a, x);
        FloatVector x1 = FloatVector.fromArray(FLOATS, a, x + COUNT);
        FloatVector x2 = FloatVector.fromArray(FLOATS, a, x + 2 * COUNT);
        FloatVector x3 = FloatVector.fromArray(FLOATS, a, x + 3 * COUNT);
        for (int n = 0; n < count; n++) {
            FloatVector s = FloatVector.fromArray(FLOATS, a, into + n * COUNT);
            long row = at + n * step;
            s = FloatVector.fromMemorySegment(FLOATS, rows, row, NATIVE).fma(x0, s);
            s = FloatVector.fromMemorySegment(FLOATS, rows, row + BYTES, NATIVE).fma(x1, s);
            s = FloatVector.fromMemorySegment(FLOATS, rows, row + 2 * BYTES, NATIVE).fma(x2, s);
            s = FloatVector.fromMemorySegment(FLOATS, rows, row + 3 * BYTES, NATIVE).fma(x3, s);
            s.intoArray(a, into + n * COUNT);
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

    private static void addEight(MemorySegment rows, long at, long step, float[] a, int sum, int weights, int count) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s1 = FloatVector.fromArray(FLOATS, a, sum + COUNT);
        FloatVector s2 = FloatVector.fromArray(FLOATS, a, sum + 2 * COUNT);
        FloatVector s3 = FloatVector.fromArray(FLOATS, a, sum + 3 * COUNT);
        FloatVector s4 = FloatVector.fromArray(FLOATS, a, sum + 4 * COUNT);
        FloatVector s5 = FloatVector.fromArray(FLOATS, a, sum + 5 * COUNT);
        FloatVector s6 = FloatVector.fromArray(FLOATS, a, sum + 6 * COUNT);
        FloatVector s7 = FloatVector.fromArray(FLOATS, a, sum + 7 * COUNT);
        for (int n = 0; n < count; n++) {
            FloatVector p = FloatVector.broadcast(FLOATS, a[weights + n]);
            long row = at + n * step;
            s0 = p.fma(FloatVector.fromMemorySegment(FLOATS, rows, row, NATIVE), s0);
            s1 = p.fma(FloatVector.fromMemorySegment(FLOATS, rows, row + BYTES, NATIVE), s1);
            s2 = p.fma(FloatVector.fromMemorySegment(FLOATS, rows, row + 2 * BYTES, NATIVE), s2);
            s3 = p.fma(FloatVector.fromMemorySegment(FLOATS, rows, row + 3 * BYTES, NATIVE), s3);
            s4 = p.fma(FloatVector.fromMemorySegment(FLOATS, rows, row + 4 * BYTES, NATIVE), s4);
            s5 = p.fma(FloatVector.fromMemorySegment(FLOATS, rows, row + 5 * BYTES, NATIVE), s5);
            s6 = p.fma(FloatVector.fromMemorySegment(FLOATS, rows, row + 6 * BYTES, NATIVE), s6);
            s7 = p.fma(FloatVector.fromMemorySegment(FLOATS, rows, row + 7 * BYTES, NATIVE), s7);
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

    private static void addFour(MemorySegment rows, long at, long step, float[] a, int sum, int weights, int count) {
        FloatVector s0 = FloatVector.fromArray(FLOATS, a, sum);
        FloatVector s1 = FloatVector.fromArray(FLOATS, a, sum + COUNT);
        FloatVector s2 = FloatVector.fromArray(FLOATS, a, sum + 2 * COUNT);
        FloatVector s3 = FloatVector.fromArray(FLOATS, a, sum + 3 * COUNT);
        for (int n = 0; n < count; n++) {
            FloatVector p = FloatVector.broadcast(FLOATS, a[weights + n]);
            long row = at + n * step;
            s0 = p.fma(FloatVector.fromMemorySegment(FLOATS, rows, row, NATIVE), s0);
            s1 = p.fma(FloatVector.fromMemorySegment(FLOATS, rows, row + BYTES, NATIVE), s1);
            s2 = p.fma(FloatVector.fromMemorySegment(FLOATS, rows, row + 2 * BYTES, NATIVE), s2);
            s3 = p.fma(FloatVector.fromMemorySegment(FLOATS, rows, row + 3 * BYTES, NATIVE), s3);
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
