package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.kernels.Dropout;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Checks rows of a result against float64 where computing all of them in float64 would take minutes: the last row and others
 * drawn by chance. Rows of dk and dv are checked with the lse and out of the forward result, some of which were checked before.
 */
public final class SampledCheck {
    private static final int ROWS = 10;

    private final AttentionSpec spec;
    private final RandomTensors in;
    private final int d;
    private final SplittableRandom random = new SplittableRandom(7);

    /** For results of these inputs. */
    public SampledCheck(AttentionSpec spec, RandomTensors in) {
        this.spec = spec;
        this.in = in;
        this.d = spec.headDim();
    }

    /**
     * How far a result is off.
     *
     * @param error the largest absolute error of all values checked
     * @param accepted whether each tensor's error is a small share of its largest value
     */
    public record Deviation(double error, boolean accepted) {
        /** Both together. */
        public Deviation and(Deviation other) {
            return new Deviation(Math.max(error, other.error), accepted && other.accepted);
        }
    }

    /** Sums of float32 over tens of thousands of terms stay well below this share of the largest value; a wrong tile does not. */
    private static double share(DType dtype) {
        return switch (dtype) {
            case FP32 -> 5e-5;
            case FP16 -> 5e-3;
            case BF16 -> 4e-2;
        };
    }

    private Deviation deviation(Worst... tensors) {
        double error = 0;
        boolean accepted = true;
        for (Worst worst : tensors) {
            // also true for NaN
            error = worst.error <= error ? error : worst.error;
            accepted &= worst.error <= share(spec.dtype()) * worst.largest + 1e-7;
        }
        return new Deviation(error, accepted);
    }

    /** Queries {@code i} of head {@code h} and entry {@code b}. */
    private record Place(int b, int h, int i) {}

    private Place draw(int n, int heads, int length) {
        return new Place(random.nextInt(spec.batch()), random.nextInt(heads), n == 0 ? length - 1 : random.nextInt(length));
    }

    /** Compares out and lse of some rows. */
    public Deviation forward(Forward f) {
        Worst outs = new Worst();
        Worst sums = new Worst();
        compare(f.out(), f.lse(), outs, sums);
        return deviation(outs, sums);
    }

    /** Compares out of some rows, where lse is not known or not exact. */
    public Deviation out(Tensor out) {
        Worst outs = new Worst();
        compare(out, null, outs, new Worst());
        return deviation(outs);
    }

    private void compare(Tensor result, @Nullable Tensor lse, Worst outs, Worst sums) {
        for (int n = 0; n < ROWS; n++) {
            Place at = draw(n, spec.heads(), spec.seqQ());
            long row = row(at);
            double[] p = probabilities(at);
            if (lse != null) {
                double sum = p[p.length - 1];
                float actual = rows(lse, row, 1, 1)[0];
                if (sum == Double.NEGATIVE_INFINITY) {
                    sums.add(0, actual == Float.NEGATIVE_INFINITY ? 0 : Double.NaN);
                } else {
                    sums.add(sum, actual);
                }
            }
            float[] v = rows(in.v(), keyRow(at, 0), spec.seqK(), d);
            float[] out = rows(result, row, 1, d);
            for (int e = 0; e < d; e++) {
                double sum = 0;
                for (int j = 0; j < spec.seqK(); j++) {
                    sum += p[j] == 0 ? 0 : p[j] * z(at, j) * v[j * d + e];
                }
                outs.add(sum, out[e]);
            }
        }
    }

    /** The probabilities of a row, all 0 if it sees nothing, and behind them its lse. */
    private double[] probabilities(Place at) {
        float[] q = rows(in.q(), row(at), 1, d);
        float[] k = rows(in.k(), keyRow(at, 0), spec.seqK(), d);
        double[] p = new double[spec.seqK() + 1];
        double m = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < spec.seqK(); j++) {
            p[j] = spec.visible(at.b, at.h, at.i, j) ? dot(q, 0, k, j) * spec.scale() : Double.NEGATIVE_INFINITY;
            m = Math.max(m, p[j]);
        }
        double l = 0;
        for (int j = 0; j < spec.seqK(); j++) {
            p[j] = p[j] == Double.NEGATIVE_INFINITY ? 0 : Math.exp(p[j] - m);
            l += p[j];
        }
        for (int j = 0; j < spec.seqK(); j++) {
            p[j] = l == 0 ? 0 : p[j] / l;
        }
        p[spec.seqK()] = m + Math.log(l);
        return p;
    }

    /** Compares dq, dk and dv of some rows. */
    public Deviation backward(Forward f, Gradients g) {
        return queries(f, g).and(keys(f, g));
    }

    private Deviation queries(Forward f, Gradients g) {
        Worst worst = new Worst();
        for (int n = 0; n < ROWS; n++) {
            Place at = draw(n, spec.heads(), spec.seqQ());
            double[] p = probabilities(at);
            float[] k = rows(in.k(), keyRow(at, 0), spec.seqK(), d);
            float[] v = rows(in.v(), keyRow(at, 0), spec.seqK(), d);
            float[] dOut = rows(in.dOut(), row(at), 1, d);
            double delta = dot(dOut, 0, rows(f.out(), row(at), 1, d), 0);
            double[] sum = new double[d];
            for (int j = 0; j < spec.seqK(); j++) {
                double ds = p[j] == 0 ? 0 : p[j] * (z(at, j) * dot(dOut, 0, v, j) - delta) * spec.scale();
                for (int e = 0; e < d && ds != 0; e++) {
                    sum[e] += ds * k[j * d + e];
                }
            }
            worst.addAll(sum, rows(g.dq(), row(at), 1, d));
        }
        return deviation(worst);
    }

    private Deviation keys(Forward f, Gradients g) {
        Worst keys = new Worst();
        Worst values = new Worst();
        int shared = spec.heads() / spec.kvHeads();
        for (int n = 0; n < ROWS; n++) {
            Place at = draw(n, spec.kvHeads(), spec.seqK());
            int j = at.i;
            Place first = new Place(at.b, at.h * shared, 0);
            float[] k = rows(in.k(), keyRow(first, j), 1, d);
            float[] v = rows(in.v(), keyRow(first, j), 1, d);
            double[] sumK = new double[d];
            double[] sumV = new double[d];
            for (int h = at.h * shared; h < (at.h + 1) * shared; h++) {
                long head = row(new Place(at.b, h, 0));
                float[] q = rows(in.q(), head, spec.seqQ(), d);
                float[] dOut = rows(in.dOut(), head, spec.seqQ(), d);
                float[] out = rows(f.out(), head, spec.seqQ(), d);
                float[] lse = rows(f.lse(), head, spec.seqQ(), 1);
                for (int i = 0; i < spec.seqQ(); i++) {
                    if (spec.visible(at.b, h, i, j)) {
                        double p = Math.exp(dot(q, i, k, 0) * spec.scale() - lse[i]);
                        double z = z(new Place(at.b, h, i), j);
                        double ds = p * (z * dot(dOut, i, v, 0) - dot(dOut, i, out, i)) * spec.scale();
                        for (int e = 0; e < d; e++) {
                            sumK[e] += ds * q[i * d + e];
                            sumV[e] += p * z * dOut[i * d + e];
                        }
                    }
                }
            }
            keys.addAll(sumK, rows(g.dk(), keyRow(first, j), 1, d));
            values.addAll(sumV, rows(g.dv(), keyRow(first, j), 1, d));
        }
        return deviation(keys, values);
    }

    /** What dropout multiplies a probability with, for the seed that calls without one have. */
    private double z(Place at, int j) {
        if (spec.dropout() == 0) {
            return 1;
        }
        int four = Dropout.kept(at.i, j / 4, at.b * spec.heads() + at.h, 0, 0, 0, Dropout.threshold(spec.dropout()));
        return (four >> j % 4) % 2 == 1 ? 1 / (1 - spec.dropout()) : 0;
    }

    private long row(Place at) {
        return ((long) at.b * spec.heads() + at.h) * spec.seqQ() + at.i;
    }

    private long keyRow(Place at, int j) {
        return ((long) at.b * spec.kvHeads() + spec.kvHead(at.h)) * spec.seqK() + j;
    }

    private static float[] rows(Tensor tensor, long first, int count, int length) {
        float[] rows = new float[count * length];
        tensor.read(first * length, rows, 0, rows.length);
        return rows;
    }

    private double dot(float[] a, int rowA, float[] b, int rowB) {
        double sum = 0;
        for (int e = 0; e < d; e++) {
            sum += (double) a[rowA * d + e] * b[rowB * d + e];
        }
        return sum;
    }

    private static final class Worst {
        private double error;
        private double largest;

        void addAll(double[] expected, float[] actual) {
            for (int e = 0; e < expected.length; e++) {
                add(expected[e], actual[e]);
            }
        }

        void add(double expected, double actual) {
            double difference = Math.abs(expected - actual);
            // also true for NaN
            if (!(difference <= error)) {
                error = difference;
            }
            largest = Math.max(largest, Math.abs(expected));
        }
    }
}
