package io.github.tornadoattention.host.check;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.PackedSpec;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.reference.Exact;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A result beside float64, tensor by tensor. Errors are the largest absolute differences; NaN anywhere makes an error infinite,
 * and so does an infinity of lse that is not where float64 has it.
 */
public final class Comparison {
    private final Part out;
    private final Part lse;
    private final @Nullable Part dq;
    private final @Nullable Part dk;
    private final @Nullable Part dv;
    private final @Nullable Part dBias;

    /** One tensor's comparison: its largest error, what is allowed, and where the largest error is. */
    private record Part(String name, double error, double allowed, int[] at, double expected, double actual) {
        boolean passed() {
            return error <= allowed;
        }

        String failure() {
            return "%s%s: expected %.9g, got %.9g, off by %.3g where %.3g is allowed"
                    .formatted(name, Arrays.toString(at), expected, actual, error, allowed);
        }
    }

    private Comparison(Part out, Part lse, @Nullable Part dq, @Nullable Part dk, @Nullable Part dv, @Nullable Part dBias) {
        this.out = out;
        this.lse = lse;
        this.dq = dq;
        this.dk = dk;
        this.dv = dv;
        this.dBias = dBias;
    }

    /**
     * Compares.
     *
     * @param expected the float64 result; with gradients if {@code g} is given
     * @param f the forward result
     * @param g the gradients, or null if none are compared
     * @throws IllegalArgumentException if shapes disagree with the spec, or {@code expected} lacks the gradients
     */
    public static Comparison of(AttentionSpec spec, Exact expected, Forward f, @Nullable Gradients g, Tolerance t) {
        Comparison forward = forward(expected, f.out(), f.lse(), spec.qShape(), spec.lseShape(), t);
        return g == null ? forward : forward.with(expected, g, spec.qShape(), spec.kvShape(), spec.biasShape(), t);
    }

    /** Likewise of a packed batch. */
    static Comparison of(PackedSpec spec, Exact expected, Forward f, Gradients g, Tolerance t) {
        return forward(expected, f.out(), f.lse(), spec.qShape(), spec.lseShape(), t)
                .with(expected, g, spec.qShape(), spec.kvShape(), null, t);
    }

    /** Of out and lse of these shapes. */
    static Comparison forward(Exact expected, Tensor out, Tensor lse, int[] outShape, int[] lseShape, Tolerance t) {
        return new Comparison(compare("out", expected.out(), out, outShape, t.out()),
                compare("lse", expected.lse(), lse, lseShape, t.lse()), null, null, null, null);
    }

    private Comparison with(Exact expected, Gradients g, int[] qShape, int[] kvShape, int @Nullable [] biasShape, Tolerance t) {
        return new Comparison(out, lse,
                compare("dq", expected.dq(), g.dq(), qShape, t.dq()),
                compare("dk", expected.dk(), g.dk(), kvShape, t.dk()),
                compare("dv", expected.dv(), g.dv(), kvShape, t.dv()),
                compareBias(expected, g, biasShape, t));
    }

    private static @Nullable Part compareBias(Exact expected, Gradients g, int @Nullable [] shape, Tolerance t) {
        Tensor dBias = g.dBias();
        if (shape == null && dBias == null) {
            return null;
        }
        if (shape == null || dBias == null) {
            throw new IllegalArgumentException("dbias is %s, the spec has %s bias".formatted(dBias, shape == null ? "no" : "a"));
        }
        return compare("dbias", expected.dBias(), dBias, shape, t.dBias());
    }

    private static Part compare(String name, double @Nullable [] expected, Tensor actual, int[] shape, double allowed) {
        if (expected == null) {
            throw new IllegalArgumentException("the expected result has no " + name);
        }
        if (!actual.hasShape(shape)) {
            throw new IllegalArgumentException("%s has shape %s, the spec needs %s"
                    .formatted(name, Arrays.toString(actual.shape()), Arrays.toString(shape)));
        }
        float[] values = actual.toArray();
        double worst = -1;
        int at = 0;
        for (int n = 0; n < values.length; n++) {
            double error = error(expected[n], values[n]);
            if (error > worst) {
                worst = error;
                at = n;
            }
        }
        return new Part(name, worst, allowed, index(at, shape), expected[at], values[at]);
    }

    private static double error(double expected, float actual) {
        if (expected == Double.NEGATIVE_INFINITY && actual == Float.NEGATIVE_INFINITY) {
            return 0;
        }
        double error = Math.abs(expected - actual);
        return Double.isNaN(error) ? Double.POSITIVE_INFINITY : error;
    }

    private static int[] index(int flat, int[] shape) {
        int[] index = new int[shape.length];
        for (int d = shape.length - 1; d >= 0; d--) {
            index[d] = flat % shape[d];
            flat /= shape[d];
        }
        return index;
    }

    /** Whether every tensor that was compared is within its tolerance. */
    public boolean passed() {
        return firstFailure().isEmpty();
    }

    /** The worst element of the first tensor (out, lse, dq, dk, dv, dbias) that is not within its tolerance; empty if all are. */
    public String firstFailure() {
        for (Part part : new @Nullable Part[] {out, lse, dq, dk, dv, dBias}) {
            if (part != null && !part.passed()) {
                return part.failure();
            }
        }
        return "";
    }

    /** The largest error of out. */
    public double outError() {
        return out.error();
    }

    /** The largest error of lse. */
    public double lseError() {
        return lse.error();
    }

    /** The largest error of dq; NaN if gradients were not compared. */
    public double dqError() {
        return errorOf(dq);
    }

    /** The largest error of dk; NaN if gradients were not compared. */
    public double dkError() {
        return errorOf(dk);
    }

    /** The largest error of dv; NaN if gradients were not compared. */
    public double dvError() {
        return errorOf(dv);
    }

    /** The largest error of dbias; NaN if there is none. */
    public double dBiasError() {
        return errorOf(dBias);
    }

    private static double errorOf(@Nullable Part part) {
        return part == null ? Double.NaN : part.error();
    }
}
