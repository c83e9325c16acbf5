package io.github.tornadoattention.host.cpu;

import java.util.Arrays;

/**
 * Plain loops in a form that the JIT compiler turns into vector instructions by itself ({@link RowUpdate} says which
 * form that is).
 *
 * <p>Each worker has an instance of its own, for the scratch row inside.
 */
final class ScalarTileMath implements TileMath {
    /** Head dims multiplied in one sweep, so that their share of the resident side stays in the first-level cache. */
    private static final int HEAD_DIM_SWEEP = 64;

    private final float[] exponents;

    /** For rows of up to this many columns. */
    ScalarTileMath(int columns) {
        exponents = new float[columns];
    }

    @Override
    public void products(float[][] s, float[] streamed, float[][] resident, int rows, int headDim, int[] from, int[] to) {
        for (int x = 0; x < rows; x++) {
            Arrays.fill(s[x], from[x], to[x], 0f);
        }
        for (int sweep = 0; sweep < headDim; sweep += HEAD_DIM_SWEEP) {
            int dims = Math.min(HEAD_DIM_SWEEP, headDim - sweep);
            int x = 0;
            for (; x + 2 <= rows; x += 2) {
                productsOfTwo(s[x], s[x + 1], streamed, x * headDim + sweep, headDim, resident, sweep, dims, from[x], to[x]);
            }
            if (x < rows) {
                RowUpdate.addRows(s[x], streamed, x * headDim + sweep, resident, sweep, dims, from[x], to[x]);
            }
        }
    }

    private static void productsOfTwo(float[] s0, float[] s1, float[] streamed, int at, int headDim,
            float[][] resident, int first, int dims, int from, int to) {
        int n = 0;
        for (; n + 4 <= dims; n += 4) {
            int a0 = at + n;
            int a1 = a0 + headDim;
            int r = first + n;
            RowUpdate.addFourToTwo(s0, s1, resident[r], resident[r + 1], resident[r + 2], resident[r + 3],
                    streamed[a0], streamed[a0 + 1], streamed[a0 + 2], streamed[a0 + 3],
                    streamed[a1], streamed[a1 + 1], streamed[a1 + 2], streamed[a1 + 3], from, to);
        }
        for (; n < dims; n++) {
            RowUpdate.addOne(s0, resident[first + n], streamed[at + n], from, to);
            RowUpdate.addOne(s1, resident[first + n], streamed[at + headDim + n], from, to);
        }
    }

    @Override
    public void accumulate(float[][] sum, float[] streamed, float[][] weights, int rows, int headDim, int[] from, int[] to) {
        int x = 0;
        for (; x + 4 <= rows; x += 4) {
            // Four rows together where all of them see the column, each on its own left and right of that.
            int low = Math.max(Math.max(from[x], from[x + 1]), Math.max(from[x + 2], from[x + 3]));
            int high = Math.min(Math.min(to[x], to[x + 1]), Math.min(to[x + 2], to[x + 3]));
            if (low < high) {
                accumulateFour(sum, streamed, x * headDim, weights, x, headDim, low, high);
            } else {
                low = Integer.MAX_VALUE;
                high = Integer.MAX_VALUE;
            }
            for (int row = x; row < x + 4; row++) {
                accumulateOne(sum, streamed, row * headDim, weights[row], headDim, from[row], Math.min(low, to[row]));
                accumulateOne(sum, streamed, row * headDim, weights[row], headDim, Math.max(high, from[row]), to[row]);
            }
        }
        for (; x < rows; x++) {
            accumulateOne(sum, streamed, x * headDim, weights[x], headDim, from[x], to[x]);
        }
    }

    private static void accumulateFour(
            float[][] sum, float[] streamed, int at, float[][] weights, int x, int headDim, int from, int to) {
        float[] w0 = weights[x];
        float[] w1 = weights[x + 1];
        float[] w2 = weights[x + 2];
        float[] w3 = weights[x + 3];
        int d = 0;
        for (; d + 2 <= headDim; d += 2) {
            int a0 = at + d;
            int a1 = a0 + headDim;
            int a2 = a1 + headDim;
            int a3 = a2 + headDim;
            RowUpdate.addFourToTwo(sum[d], sum[d + 1], w0, w1, w2, w3,
                    streamed[a0], streamed[a1], streamed[a2], streamed[a3],
                    streamed[a0 + 1], streamed[a1 + 1], streamed[a2 + 1], streamed[a3 + 1], from, to);
        }
        if (d < headDim) {
            int a0 = at + d;
            RowUpdate.addFour(sum[d], w0, w1, w2, w3,
                    streamed[a0], streamed[a0 + headDim], streamed[a0 + 2 * headDim], streamed[a0 + 3 * headDim], from, to);
        }
    }

    private static void accumulateOne(
            float[][] sum, float[] streamed, int at, float[] weights, int headDim, int from, int to) {
        if (from < to) {
            for (int d = 0; d < headDim; d++) {
                RowUpdate.addOne(sum[d], weights, streamed[at + d], from, to);
            }
        }
    }

    @Override
    public void max(float[] max, float[] s, int from, int to) {
        for (int y = from; y < to; y++) {
            max[y] = Math.max(max[y], s[y]);
        }
    }

    @Override
    public void exp(float[] s, float[] reference, int from, int to) {
        for (int y = from; y < to; y++) {
            float x = s[y];
            s[y] = Math.min(Math.max(x - reference[y], Exponential.LOWEST), Exponential.HIGHEST) + 0f * x;
        }
        Exponential.of(s, exponents, from, to);
    }

    @Override
    public void exp(float[] s, float reference, int from, int to) {
        for (int y = from; y < to; y++) {
            float x = s[y];
            s[y] = Math.min(Math.max(x - reference, Exponential.LOWEST), Exponential.HIGHEST) + 0f * x;
        }
        Exponential.of(s, exponents, from, to);
    }

    @Override
    public void add(float[] sum, float[] x, int from, int to) {
        for (int y = from; y < to; y++) {
            sum[y] += x[y];
        }
    }

    @Override
    public void multiply(float[] x, float[] factor, int from, int to) {
        for (int y = from; y < to; y++) {
            x[y] *= factor[y];
        }
    }

    @Override
    public void softmaxGradient(float[] dp, float[] p, float[] delta, int from, int to) {
        for (int y = from; y < to; y++) {
            dp[y] = p[y] * (dp[y] - delta[y]);
        }
    }

    @Override
    public void softmaxGradient(float[] dp, float[] p, float delta, int from, int to) {
        for (int y = from; y < to; y++) {
            dp[y] = p[y] * (dp[y] - delta);
        }
    }
}
