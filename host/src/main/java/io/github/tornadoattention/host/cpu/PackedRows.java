package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.COUNT;
import static io.github.tornadoattention.host.cpu.Lanes.FLOATS;
import static io.github.tornadoattention.host.cpu.Lanes.WIDTH;

import io.github.tornadoattention.host.Tensor;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Moves items between a tensor and a worker's memory: as rows of fixed stride, or as panels with one item a lane. */
final class PackedRows {
    /** The longest row, and a vector more so that rows do not all fall into the same few sets of the cache. */
    static final int STRIDE = 256 + 16;

    private PackedRows() {}

    /** Floats that {@link #load} needs for a stage of this many items. */
    static int stage(int items, int headDim) {
        return items * headDim + COUNT;
    }

    /**
     * Copies items {@code first .. first + count - 1} into rows, zero from headDim to the next multiple of the vector length.
     *
     * @param stage offset of room for {@link #stage} floats
     * @param rows offset of the rows
     */
    static void load(Tensor tensor, long first, int count, int headDim, float[] a, int stage, int rows) {
        tensor.read(first * headDim, a, stage, count * headDim);
        int whole = headDim / COUNT * COUNT;
        for (int n = 0; n < count; n++) {
            int from = stage + n * headDim;
            int to = rows + n * STRIDE;
            for (int d = 0; d < whole; d += COUNT) {
                FloatVector.fromArray(FLOATS, a, from + d).intoArray(a, to + d);
            }
            if (whole < headDim) {
                FloatVector.zero(FLOATS).blend(FloatVector.fromArray(FLOATS, a, from + whole), Lanes.between(0, headDim - whole))
                        .intoArray(a, to + whole);
            }
        }
    }

    /**
     * The largest magnitude in {@code count} rows, NaN if any number is NaN; bits without sign have the order of the floats.
     */
    static float largest(float[] a, int rows, int count, int headDim) {
        IntVector most = IntVector.zero(Lanes.INTS);
        for (int n = 0; n < count; n++) {
            int row = rows + n * STRIDE;
            for (int d = 0; d < headDim; d += COUNT) {
                most = most.max(FloatVector.fromArray(FLOATS, a, row + d).reinterpretAsInts().and(Integer.MAX_VALUE));
            }
        }
        return Float.intBitsToFloat(most.reduceLanes(VectorOperators.MAX));
    }

    /** {@code panel[d][y] = factor * rows[y][d]} for {@code count} rows, 0 for the lanes and up to {@code dims} beyond them. */
    static void transpose(float[] a, int rows, int count, int headDim, int dims, float factor, int panel) {
        for (int d = 0; d < dims; d++) {
            int to = panel + d * WIDTH;
            int here = d < headDim ? count : 0;
            for (int y = 0; y < here; y++) {
                a[to + y] = factor * a[rows + d + y * STRIDE];
            }
            for (int y = here; y < WIDTH; y++) {
                a[to + y] = 0f;
            }
        }
    }

    /** Writes {@code item y = panel[.][y]} to the tensor, with the stage as room for {@link #stage} floats. */
    static void store(float[] a, int panel, int count, int headDim, int stage, Tensor tensor, long first) {
        for (int y = 0; y < count; y++) {
            for (int d = 0; d < headDim; d++) {
                a[stage + y * headDim + d] = a[panel + d * WIDTH + y];
            }
        }
        tensor.write(a, stage, first * headDim, count * headDim);
    }

    /** Whether every number of {@code count} rows is finite. */
    static boolean finite(float[] a, int rows, int count, int headDim) {
        return largest(a, rows, count, headDim) < Float.POSITIVE_INFINITY;
    }

    /** {@code rows = factor * rows}. */
    static void scale(float[] a, int rows, int count, int headDim, float factor) {
        for (int n = 0; n < count; n++) {
            int row = rows + n * STRIDE;
            for (int d = 0; d < headDim; d += COUNT) {
                FloatVector.fromArray(FLOATS, a, row + d).mul(factor).intoArray(a, row + d);
            }
        }
    }

    /** {@code into[at + n] = x[n] · y[n]} for {@code count} rows, with a vector of room at {@code stage}. */
    static void dots(float[] a, int x, int y, int count, int headDim, float[] into, int at, int stage) {
        for (int n = 0; n < count; n++) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int d = 0; d < headDim; d += COUNT) {
                sum = FloatVector.fromArray(FLOATS, a, x + n * STRIDE + d)
                        .fma(FloatVector.fromArray(FLOATS, a, y + n * STRIDE + d), sum);
            }
            // not reduceLanes, whose order of additions is another one in the interpreter
            sum.intoArray(a, stage);
            float total = 0;
            for (int lane = 0; lane < COUNT; lane++) {
                total += a[stage + lane];
            }
            into[at + n] = total;
        }
    }

    /** {@code panel[d][y] = 0} for {@code y >= first}. */
    static void clearLanes(float[] a, int panel, int dims, int first) {
        for (int d = 0; d < dims; d++) {
            for (int y = Math.max(0, first); y < WIDTH; y++) {
                a[panel + d * WIDTH + y] = 0f;
            }
        }
    }

    /**
     * Adds {@code factor} times the rows to items {@code first .. first + count - 1} of the tensor, with the stage as room for
     * {@link #stage} floats.
     */
    static void addTo(Tensor tensor, long first, int count, int headDim, float factor, float[] a, int stage, int rows) {
        tensor.read(first * headDim, a, stage, count * headDim);
        int whole = headDim / COUNT * COUNT;
        for (int n = 0; n < count; n++) {
            int to = stage + n * headDim;
            int from = rows + n * STRIDE;
            for (int d = 0; d < whole; d += COUNT) {
                FloatVector.fromArray(FLOATS, a, from + d)
                        .fma(FloatVector.broadcast(FLOATS, factor), FloatVector.fromArray(FLOATS, a, to + d))
                        .intoArray(a, to + d);
            }
            for (int d = whole; d < headDim; d++) {
                a[to + d] = Math.fma(a[from + d], factor, a[to + d]);
            }
        }
        tensor.write(a, stage, first * headDim, count * headDim);
    }
}
