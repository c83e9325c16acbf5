package io.github.tornadoattention.host.cpu;

/**
 * Adding multiples of rows to rows: the loops that take nearly all the time of the scalar code.
 *
 * <p>The JIT compiler vectorizes a loop over arrays of their own that share one index, if the body is small enough to
 * be unrolled and sums are fused with products. Seen on JDK 25, one core with AVX-512, 128 columns: one stored and four
 * source rows 33 GFLOP/s, two and four 48, four and four 54, but the last falls to 13 as soon as the body grows by a
 * little; two and four without fusing 18; one flat array with row offsets 7. So: two and four.
 */
final class RowUpdate {
    private static final boolean FUSED = FusedMultiplyAdd.FAST;

    private RowUpdate() {}

    /** {@code c[y] += sum over n of a[at + n] * b[row + n][y]}, for {@code count} rows. */
    static void addRows(float[] c, float[] a, int at, float[][] b, int row, int count, int from, int to) {
        int n = 0;
        for (; n + 4 <= count; n += 4) {
            addFour(c, b[row + n], b[row + n + 1], b[row + n + 2], b[row + n + 3],
                    a[at + n], a[at + n + 1], a[at + n + 2], a[at + n + 3], from, to);
        }
        for (; n < count; n++) {
            addOne(c, b[row + n], a[at + n], from, to);
        }
    }

    /** Twice {@link #addFour}: {@code c0} with the factors {@code a00 ..}, {@code c1} with {@code a10 ..}. */
    static void addFourToTwo(
            float[] c0, float[] c1, float[] b0, float[] b1, float[] b2, float[] b3,
            float a00, float a01, float a02, float a03, float a10, float a11, float a12, float a13, int from, int to) {
        if (!FUSED) {
            addFour(c0, b0, b1, b2, b3, a00, a01, a02, a03, from, to);
            addFour(c1, b0, b1, b2, b3, a10, a11, a12, a13, from, to);
            return;
        }
        for (int y = from; y < to; y++) {
            float x0 = b0[y];
            float x1 = b1[y];
            float x2 = b2[y];
            float x3 = b3[y];
            c0[y] = Math.fma(a03, x3, Math.fma(a02, x2, Math.fma(a01, x1, Math.fma(a00, x0, c0[y]))));
            c1[y] = Math.fma(a13, x3, Math.fma(a12, x2, Math.fma(a11, x1, Math.fma(a10, x0, c1[y]))));
        }
    }

    /** {@code c[y] += a0 * b0[y] + a1 * b1[y] + a2 * b2[y] + a3 * b3[y]}. */
    static void addFour(
            float[] c, float[] b0, float[] b1, float[] b2, float[] b3,
            float a0, float a1, float a2, float a3, int from, int to) {
        if (FUSED) {
            for (int y = from; y < to; y++) {
                c[y] = Math.fma(a3, b3[y], Math.fma(a2, b2[y], Math.fma(a1, b1[y], Math.fma(a0, b0[y], c[y]))));
            }
        } else {
            for (int y = from; y < to; y++) {
                c[y] = c[y] + a0 * b0[y] + a1 * b1[y] + a2 * b2[y] + a3 * b3[y];
            }
        }
    }

    /** {@code c[y] += a * b[y]}. */
    static void addOne(float[] c, float[] b, float a, int from, int to) {
        if (FUSED) {
            for (int y = from; y < to; y++) {
                c[y] = Math.fma(a, b[y], c[y]);
            }
        } else {
            for (int y = from; y < to; y++) {
                c[y] += a * b[y];
            }
        }
    }
}
