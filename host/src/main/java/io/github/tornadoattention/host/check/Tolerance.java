package io.github.tornadoattention.host.check;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import org.jspecify.annotations.Nullable;

/**
 * The largest absolute errors against float64 that count as right. They follow from E, the largest error of the plain
 * standard attention in the spec's dtype on the same input: {@code 2E + 1e-6 max|v| / (1 - dropout)} for out,
 * {@code 2E + 1e-6 max(1, max|lse|)} for lse, and {@code 3E + 1e-6 max(|dq|, |dk|, |dv|)} for each gradient.
 *
 * @param out for out
 * @param lse for finite elements of lse
 * @param dq for dq; NaN without gradients
 * @param dk for dk; NaN without gradients
 * @param dv for dv; NaN without gradients
 * @param dBias for the bias's gradient; NaN without one
 */
public record Tolerance(double out, double lse, double dq, double dk, double dv, double dBias) {
    private static final double FLOOR = 1e-6;

    /**
     * The tolerance for this input.
     *
     * @param dOut gradient of out, or null if gradients are not compared
     */
    public static Tolerance of(AttentionSpec spec, Tensor q, Tensor k, Tensor v, @Nullable Tensor dOut) {
        return of(spec, AttentionInputs.of(q, k, v), dOut);
    }

    /**
     * The tolerance for this input.
     *
     * @param dOut gradient of out, or null if gradients are not compared
     */
    public static Tolerance of(AttentionSpec spec, AttentionInputs inputs, @Nullable Tensor dOut) {
        return of(spec, inputs, dOut, ReferenceAttention.forwardBackward(spec, inputs, dOut));
    }

    /** The tolerance for this input, whose float64 result is at hand. */
    public static Tolerance of(AttentionSpec spec, AttentionInputs inputs, @Nullable Tensor dOut, Exact exact) {
        return of(exact, ReferenceAttention.plain(spec, inputs, dOut), largestVisible(spec, inputs.v()) / (1 - spec.dropout()));
    }

    /**
     * The tolerance where both results are at hand.
     *
     * @param plain of the plain standard attention
     * @param largestOut what out can be at most: {@code max|v| / (1 - dropout)}
     */
    static Tolerance of(Exact exact, Exact plain, double largestOut) {
        double out = 2 * error(plain.out(), exact.out()) + FLOOR * largestOut;
        double lse = 2 * error(plain.lse(), exact.lse()) + FLOOR * Math.max(1, largest(exact.lse()));
        if (exact.dq() == null || exact.dk() == null || exact.dv() == null
                || plain.dq() == null || plain.dk() == null || plain.dv() == null) {
            return new Tolerance(out, lse, Double.NaN, Double.NaN, Double.NaN, Double.NaN);
        }
        double floor = FLOOR * Math.max(largest(exact.dq()), Math.max(largest(exact.dk()), largest(exact.dv())));
        return new Tolerance(out, lse,
                3 * error(plain.dq(), exact.dq()) + floor,
                3 * error(plain.dk(), exact.dk()) + floor,
                3 * error(plain.dv(), exact.dv()) + floor,
                exact.dBias() == null || plain.dBias() == null ? Double.NaN : 3 * error(plain.dBias(), exact.dBias()) + floor);
    }

    /** The largest of the tolerances for dq, dk and dv; NaN without gradients. */
    public double gradient() {
        return Math.max(dq, Math.max(dk, dv));
    }

    /** The largest difference of elements that are both finite. */
    private static double error(double[] plain, double[] exact) {
        double error = 0;
        for (int n = 0; n < exact.length; n++) {
            double difference = Math.abs(plain[n] - exact[n]);
            if (Double.isFinite(difference)) {
                error = Math.max(error, difference);
            }
        }
        return error;
    }

    private static double largest(double[] values) {
        double largest = 0;
        for (double value : values) {
            if (Double.isFinite(value)) {
                largest = Math.max(largest, Math.abs(value));
            }
        }
        return largest;
    }

    /** max|v| over the values that exist: what lies past a key length does not count. */
    private static double largestVisible(AttentionSpec spec, Tensor v) {
        int perKey = spec.headDim();
        float[] row = new float[perKey];
        double largest = 0;
        for (int head = 0; head < spec.batch() * spec.kvHeads(); head++) {
            for (int j = 0; j < spec.keyLength(head / spec.kvHeads()); j++) {
                v.read(((long) head * spec.seqK() + j) * perKey, row, 0, perKey);
                for (float value : row) {
                    largest = Float.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest;
                }
            }
        }
        return largest;
    }
}
