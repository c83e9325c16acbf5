package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Tensor;
import java.util.SplittableRandom;

/**
 * Checks rows of a result against float64 where computing all of them in float64 would take minutes: the last row and others drawn by chance. Rows of dk and dv
 * are checked with the lse and out of the forward result, some of which were checked before.
 */
final class SampledCheck {
    private static final int ROWS = 10;

    private final AttentionSpec spec;
    private final float[] q;
    private final float[] k;
    private final float[] v;
    private final float[] dOut;
    private final SplittableRandom random = new SplittableRandom(7);

    SampledCheck(AttentionSpec spec, Tensor q, Tensor k, Tensor v, Tensor dOut) {
        this.spec = spec;
        this.q = q.toArray();
        this.k = k.toArray();
        this.v = v.toArray();
        this.dOut = dOut.toArray();
    }

    /** An error and what it is measured against: the largest value seen. */
    record Deviation(double error, double largest) {
        /** Float32 sums over a few thousand terms stay well below this share. */
        private static final double SHARE = 2e-5;

        boolean accepted() {
            return error <= SHARE * Math.max(1, largest);
        }
    }

    Deviation forward(Forward f) {
        float[] out = f.out().toArray();
        float[] lse = f.lse().toArray();
        Worst worst = new Worst();
        for (int n = 0; n < ROWS; n++) {
            int b = random.nextInt(spec.batch());
            int h = random.nextInt(spec.heads());
            int i = n == 0 ? spec.seqQ() - 1 : random.nextInt(spec.seqQ());
            double[] p = new double[spec.seqK()];
            double m = Double.NEGATIVE_INFINITY;
            for (int j = 0; j < p.length; j++) {
                p[j] = spec.visible(b, h, i, j) ? dot(q, row(b, h, i), k, keyRow(b, h, j)) * spec.scale() : Double.NEGATIVE_INFINITY;
                m = Math.max(m, p[j]);
            }
            if (m == Double.NEGATIVE_INFINITY) {
                continue;
            }
            double l = 0;
            for (int j = 0; j < p.length; j++) {
                p[j] = Math.exp(p[j] - m);
                l += p[j];
            }
            worst.add(m + Math.log(l), lse[row(b, h, i)]);
            for (int d = 0; d < spec.headDim(); d++) {
                double sum = 0;
                for (int j = 0; j < p.length; j++) {
                    sum += p[j] == 0 ? 0 : p[j] * v[keyRow(b, h, j) * spec.headDim() + d];
                }
                worst.add(sum / l, out[row(b, h, i) * spec.headDim() + d]);
            }
        }
        return worst.deviation();
    }

    Deviation backward(Forward f, Gradients g) {
        float[] out = f.out().toArray();
        float[] lse = f.lse().toArray();
        Worst worst = new Worst();
        queries(out, lse, g.dq().toArray(), worst);
        keys(out, lse, g.dk().toArray(), g.dv().toArray(), worst);
        return worst.deviation();
    }

    private void queries(float[] out, float[] lse, float[] dq, Worst worst) {
        for (int n = 0; n < ROWS; n++) {
            int b = random.nextInt(spec.batch());
            int h = random.nextInt(spec.heads());
            int i = n == 0 ? spec.seqQ() - 1 : random.nextInt(spec.seqQ());
            double[] sum = new double[spec.headDim()];
            for (int j = 0; j < spec.seqK(); j++) {
                if (spec.visible(b, h, i, j)) {
                    double ds = probability(b, h, i, j, lse) * scoreGradient(b, h, i, j, out) * spec.scale();
                    for (int d = 0; d < sum.length; d++) {
                        sum[d] += ds * k[keyRow(b, h, j) * spec.headDim() + d];
                    }
                }
            }
            for (int d = 0; d < sum.length; d++) {
                worst.add(sum[d], dq[row(b, h, i) * spec.headDim() + d]);
            }
        }
    }

    private void keys(float[] out, float[] lse, float[] dk, float[] dv, Worst worst) {
        int shared = spec.heads() / spec.kvHeads();
        for (int n = 0; n < ROWS; n++) {
            int b = random.nextInt(spec.batch());
            int kvHead = random.nextInt(spec.kvHeads());
            int j = n == 0 ? spec.seqK() - 1 : random.nextInt(spec.seqK());
            double[] sumK = new double[spec.headDim()];
            double[] sumV = new double[spec.headDim()];
            for (int h = kvHead * shared; h < (kvHead + 1) * shared; h++) {
                for (int i = 0; i < spec.seqQ(); i++) {
                    if (spec.visible(b, h, i, j)) {
                        double p = probability(b, h, i, j, lse);
                        double ds = p * scoreGradient(b, h, i, j, out) * spec.scale();
                        for (int d = 0; d < sumK.length; d++) {
                            sumK[d] += ds * q[row(b, h, i) * spec.headDim() + d];
                            sumV[d] += p * dOut[row(b, h, i) * spec.headDim() + d];
                        }
                    }
                }
            }
            int at = keyRow(b, kvHead * shared, j) * spec.headDim();
            for (int d = 0; d < sumK.length; d++) {
                worst.add(sumK[d], dk[at + d]);
                worst.add(sumV[d], dv[at + d]);
            }
        }
    }

    private double probability(int b, int h, int i, int j, float[] lse) {
        return Math.exp(dot(q, row(b, h, i), k, keyRow(b, h, j)) * spec.scale() - lse[row(b, h, i)]);
    }

    /** dP - D of one pair. */
    private double scoreGradient(int b, int h, int i, int j, float[] out) {
        return dot(dOut, row(b, h, i), v, keyRow(b, h, j)) - dot(dOut, row(b, h, i), out, row(b, h, i));
    }

    private int row(int b, int h, int i) {
        return (b * spec.heads() + h) * spec.seqQ() + i;
    }

    private int keyRow(int b, int h, int j) {
        return (b * spec.kvHeads() + spec.kvHead(h)) * spec.seqK() + j;
    }

    private double dot(float[] a, int rowA, float[] b, int rowB) {
        double sum = 0;
        for (int d = 0; d < spec.headDim(); d++) {
            sum += (double) a[rowA * spec.headDim() + d] * b[rowB * spec.headDim() + d];
        }
        return sum;
    }

    private static final class Worst {
        private double error;
        private double largest;

        void add(double expected, double actual) {
            double difference = Math.abs(expected - actual);
            // also true for NaN
            if (!(difference <= error)) {
                error = difference;
            }
            largest = Math.max(largest, Math.abs(expected));
        }

        Deviation deviation() {
            return new Deviation(error, largest);
        }
    }
}
