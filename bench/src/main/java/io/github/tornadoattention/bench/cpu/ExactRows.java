package io.github.tornadoattention.bench.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import java.util.SplittableRandom;

/** A few rows of out and dQ in float64, where all of them would take minutes. */
final class ExactRows {
    private static final int ROWS = 12;

    private final AttentionSpec spec;
    private final float[] q;
    private final float[] k;
    private final float[] v;
    private final float[] dOut;
    private final SplittableRandom random = new SplittableRandom(7);

    ExactRows(AttentionSpec spec, Tensor q, Tensor k, Tensor v, Tensor dOut) {
        this.spec = spec;
        this.q = q.toArray();
        this.k = k.toArray();
        this.v = v.toArray();
        this.dOut = dOut.toArray();
    }

    /** The largest error of out in some rows, or of dQ if that is given. */
    double error(float[] result, boolean gradient) {
        double worst = 0;
        for (int n = 0; n < ROWS; n++) {
            int b = random.nextInt(spec.batch());
            int h = random.nextInt(spec.heads());
            int i = n == 0 ? spec.seqQ() - 1 : random.nextInt(spec.seqQ());
            int row = ((b * spec.heads() + h) * spec.seqQ() + i) * spec.headDim();
            double[] exact = gradient ? gradient(b, h, i, row) : output(b, h, i, row);
            for (int d = 0; d < spec.headDim(); d++) {
                double off = Math.abs(exact[d] - result[row + d]);
                worst = off <= worst ? worst : off;
            }
        }
        return worst;
    }

    private int keys(int b, int h) {
        return (b * spec.kvHeads() + spec.kvHead(h)) * spec.seqK() * spec.headDim();
    }

    private double dot(float[] x, int i, float[] y, int j) {
        double sum = 0;
        for (int d = 0; d < spec.headDim(); d++) {
            sum += (double) x[i + d] * y[j + d];
        }
        return sum;
    }

    private double[] probabilities(int b, int h, int i, int row) {
        double[] p = new double[spec.seqK()];
        double m = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < p.length; j++) {
            p[j] = spec.visible(b, h, i, j)
                    ? spec.scale() * dot(q, row, k, keys(b, h) + j * spec.headDim())
                    : Double.NEGATIVE_INFINITY;
            m = Math.max(m, p[j]);
        }
        double l = 0;
        for (int j = 0; j < p.length; j++) {
            p[j] = Math.exp(p[j] - m);
            l += p[j];
        }
        for (int j = 0; j < p.length; j++) {
            p[j] /= l;
        }
        return p;
    }

    private double[] output(int b, int h, int i, int row) {
        return weighted(probabilities(b, h, i, row), v, keys(b, h));
    }

    private double[] gradient(int b, int h, int i, int row) {
        double[] p = probabilities(b, h, i, row);
        double[] dp = new double[p.length];
        double delta = 0;
        for (int j = 0; j < p.length; j++) {
            dp[j] = dot(dOut, row, v, keys(b, h) + j * spec.headDim());
            delta += p[j] * dp[j];
        }
        for (int j = 0; j < p.length; j++) {
            dp[j] = spec.scale() * p[j] * (dp[j] - delta);
        }
        return weighted(dp, k, keys(b, h));
    }

    private double[] weighted(double[] weights, float[] rows, int first) {
        double[] sum = new double[spec.headDim()];
        for (int j = 0; j < weights.length; j++) {
            for (int d = 0; d < sum.length; d++) {
                sum[d] += weights[j] * rows[first + j * sum.length + d];
            }
        }
        return sum;
    }
}
