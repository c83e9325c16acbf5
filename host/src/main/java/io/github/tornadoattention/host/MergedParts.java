package io.github.tornadoattention.host;

import java.util.Arrays;

/**
 * Attention over parts of the keys, merged on the host: {@code lse = log sum exp(lse_s)} and {@code out = sum exp(lse_s - lse)
 * out_s}. A part that is empty for a query, its lse negative infinity, changes nothing; nothing but empty parts is empty, out 0.
 * Parts are added in the order in which they come, in double precision.
 */
public final class MergedParts {
    private final int headDim;
    private final double[] m;
    private final double[] l;
    private final double[] sum;

    /** Nothing yet, for so many queries over all heads. */
    public MergedParts(int rows, int headDim) {
        this.headDim = headDim;
        this.m = new double[rows];
        this.l = new double[rows];
        this.sum = new double[Math.multiplyExact(rows, headDim)];
        Arrays.fill(m, Double.NEGATIVE_INFINITY);
    }

    /** Bytes of memory that this holds. */
    public long bytes() {
        return (m.length + l.length + (long) sum.length) * Double.BYTES;
    }

    /**
     * Adds the part of one query.
     *
     * @param row which query
     * @param out the part's out, {@code headDim} elements from {@code at} on
     * @param lse the part's lse
     */
    public void add(int row, float[] out, int at, float lse) {
        if (lse == Float.NEGATIVE_INFINITY) {
            return;
        }
        double most = l[row] == 0 ? lse : Math.max(m[row], lse);
        double old = l[row] == 0 ? 0 : Math.exp(m[row] - most);
        double weight = Math.exp(lse - most);
        m[row] = most;
        l[row] = l[row] * old + weight;
        for (int d = 0; d < headDim; d++) {
            sum[row * headDim + d] = sum[row * headDim + d] * old + weight * out[at + d];
        }
    }

    /** The merged lse of a query. */
    public float lse(int row) {
        return l[row] == 0 ? Float.NEGATIVE_INFINITY : (float) (m[row] + Math.log(l[row]));
    }

    /** Writes the merged out of a query, {@code headDim} elements from {@code at} on. */
    public void out(int row, float[] into, int at) {
        for (int d = 0; d < headDim; d++) {
            into[at + d] = l[row] == 0 ? 0f : (float) (sum[row * headDim + d] / l[row]);
        }
    }
}
