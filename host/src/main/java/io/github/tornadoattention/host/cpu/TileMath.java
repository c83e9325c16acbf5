package io.github.tornadoattention.host.cpu;

/**
 * The arithmetic inside a tile: everything that costs time. Implementations differ in speed only.
 *
 * <p>A tile pairs a <em>resident</em> side, held transposed for the whole pass as {@code [headDim][y]} so that
 * neighboring {@code y} are neighboring floats, with a <em>streamed</em> side that arrives row by row as it lies in
 * memory, {@code [x][headDim]}. Tile matrices are {@code [x][y]}. For row {@code x} the columns {@code from[x] <= y <
 * to[x]} are computed; what lies outside is neither read nor written, which is how hidden pairs stay out of every sum.
 * No loop adds across {@code y}: a NaN stays in its own column.
 */
interface TileMath {
    /** The widest resident side, in items. */
    int RESIDENT = 128;

    /** The tallest streamed side, in rows. */
    int STREAMED = 64;

    /**
     * {@code s[x][y] = sum over d of streamed[x][d] * resident[d][y]}. The rows of a {@link TileRanges#PANEL} have the
     * same range.
     */
    void products(float[][] s, float[] streamed, float[][] resident, int rows, int headDim, int[] from, int[] to);

    /** {@code sum[d][y] += sum over x of streamed[x][d] * weights[x][y]}. */
    void accumulate(float[][] sum, float[] streamed, float[][] weights, int rows, int headDim, int[] from, int[] to);

    /** {@code max[y] = max(max[y], s[y])}; NaN wins. */
    void max(float[] max, float[] s, int from, int to);

    /** {@code s[y] = exp(s[y] - reference[y])}, NaN where {@code s} is not finite; 0 below the range of normal floats. */
    void exp(float[] s, float[] reference, int from, int to);

    /** {@code s[y] = exp(s[y] - reference)}, NaN where {@code s} is not finite; 0 below the range of normal floats. */
    void exp(float[] s, float reference, int from, int to);

    /** {@code sum[y] += x[y]}. */
    void add(float[] sum, float[] x, int from, int to);

    /** {@code x[y] *= factor[y]}. */
    void multiply(float[] x, float[] factor, int from, int to);

    /** {@code dp[y] = p[y] * (dp[y] - delta[y])}: the derivative of the softmax. */
    void softmaxGradient(float[] dp, float[] p, float[] delta, int from, int to);

    /** {@code dp[y] = p[y] * (dp[y] - delta)}: the derivative of the softmax. */
    void softmaxGradient(float[] dp, float[] p, float delta, int from, int to);
}
