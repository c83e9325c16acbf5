package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * The moves that every flash kernel is made of. TornadoVM inlines them; it can pass global and private arrays to an inlined
 * method but not local ones (their element addresses come out wrong), so reads and writes of local memory stand in the kernels
 * themselves.
 *
 * <p>Tiles in local memory are row-major, their rows padded by four: rows that neighboring work-items read start four banks
 * apart, and four neighboring elements load as one. Work-item (ty, tx) of a group of TY x TX owns the rows {@code ty + r * TY}
 * and, of scores, the columns {@code tx + c * TX}; of outputs it owns {@link #column}, runs of up to four neighbors.
 */
final class Tile {
    private Tile() {
    }

    /**
     * The column of a work-item in its group. Neighbors differ in column, the next pair in row, and so on: wide loads of local
     * memory are then shared by pairs of work-items whichever operand they read, which halves what the memory has to deliver.
     */
    static int x(int item, int threadsX) {
        return item % 2 + item / 4 % (threadsX / 2) * 2;
    }

    /** The row of a work-item in its group, see {@link #x}. */
    static int y(int item, int threadsX) {
        return item / 2 % 2 + item / (2 * threadsX) * 2;
    }

    /**
     * Fetches a work-item's columns {@code tx + c * threadsX} of a row that starts at {@code at} into row {@code r} of private
     * memory, times {@code factor}. Columns from {@code left} on become 0 and are not read, if there are any ({@code padded} is
     * not 0).
     */
    static void fetch(FloatArray from, int at, int left, int padded, int r, int columns, int tx, int threadsX,
            float factor, float[] fetched) {
        int start = at + tx; // so that the columns are constant offsets from one address
        for (int c = 0; c < columns; c++) {
            fetched[r * columns + c] = 0f;
            if (padded == 0 || tx + c * threadsX < left) {
                fetched[r * columns + c] = from.get(start + c * threadsX) * factor;
            }
        }
    }

    /**
     * Replaces what is not finite by 0 in fetched rows that dS is multiplied with: dS is NaN already for all pairs that such a
     * row makes NaN, and 0 for the others, which 0 times NaN would spoil.
     */
    static void keepFinite(float[] fetched, int length) {
        for (int i = 0; i < length; i++) {
            fetched[i] = fetched[i] - fetched[i] == 0f ? fetched[i] : 0f;
        }
    }

    /**
     * The output column that is number {@code c} of work-item {@code tx}: runs of {@code run} neighbors, work-items side by side.
     */
    static int column(int tx, int c, int run, int threadsX) {
        return tx * run + (c / run) * threadsX * run + c % run;
    }

    /** The longest of 4, 2, 1 that divides the number of output columns a work-item owns. */
    static int run(int columns) {
        return columns % 4 == 0 ? 4 : (columns % 2 == 0 ? 2 : 1);
    }

    /** {@code s[first + c] += x . y[c]}, vectors of four. */
    static void dot(float[] s, int first, int columns, float[] x, float[] y) {
        for (int e = 0; e < 4; e++) {
            for (int c = 0; c < columns; c++) {
                s[first + c] = s[first + c] + x[e] * y[c * 4 + e];
            }
        }
    }

    /** {@code o[first + c] += sum over e of x[e] * y[e][c]}: four rows of V at a time. */
    static void combine(float[] o, int first, int columns, float[] x, float[] y) {
        for (int e = 0; e < 4; e++) {
            for (int c = 0; c < columns; c++) {
                o[first + c] = o[first + c] + x[e] * y[e * columns + c];
            }
        }
    }

    static void clear(float[] x, int length) {
        for (int i = 0; i < length; i++) {
            x[i] = 0f;
        }
    }
}
