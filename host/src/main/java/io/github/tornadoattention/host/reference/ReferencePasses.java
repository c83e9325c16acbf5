package io.github.tornadoattention.host.reference;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Broadcast;
import io.github.tornadoattention.host.DenseMask;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.kernels.Dropout;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Attention by definition, query by query, in numbered passes. This is the specification: nothing here is clever, every option
 * appears in exactly one place, each result is rounded to the chosen precision ({@code r}), and what is an element of a tensor to
 * the precision of tensors ({@code t}).
 */
final class ReferencePasses {
    private final AttentionSpec spec;
    private final AttentionInputs inputs;
    private final Precision precision;
    private final double[] q;
    private final double[] k;
    private final double[] v;
    private final double @Nullable [] dOut;
    private final double scale;
    private final double softcap;
    private final double keepFactor;
    private final int threshold;

    private final double[] out;
    private final double[] lse;
    private final double[] dq;
    private final double[] dk;
    private final double[] dv;
    private final double[] dBias;
    private final double @Nullable [] bias;
    private final Broadcast biasAt;

    ReferencePasses(AttentionSpec spec, Precision precision, AttentionInputs inputs, @Nullable Tensor dOut) {
        this.spec = spec;
        this.inputs = inputs;
        this.precision = precision;
        this.q = doubles(inputs.q());
        this.k = doubles(inputs.k());
        this.v = doubles(inputs.v());
        this.dOut = dOut == null ? null : doubles(dOut);
        this.scale = precision.round(spec.scale());
        this.softcap = precision.round(spec.softcap());
        this.keepFactor = precision.round(1 / (1 - spec.dropout()));
        this.threshold = Dropout.threshold(spec.dropout());
        Tensor givenBias = inputs.bias();
        this.bias = givenBias == null ? null : doubles(givenBias);
        this.biasAt = givenBias == null ? new Broadcast(0, 0, 0, 0) : Broadcast.of(givenBias.shape());
        this.dBias = new double[dOut == null || givenBias == null ? 0 : givenBias.size()];
        this.out = new double[q.length];
        this.lse = new double[spec.batch() * spec.heads() * spec.seqQ()];
        this.dq = new double[dOut == null ? 0 : q.length];
        this.dk = new double[dOut == null ? 0 : k.length];
        this.dv = new double[dOut == null ? 0 : v.length];
    }

    private static double[] doubles(Tensor tensor) {
        float[] floats = tensor.toArray();
        double[] doubles = new double[floats.length];
        for (int n = 0; n < floats.length; n++) {
            doubles[n] = floats[n];
        }
        return doubles;
    }

    /**
     * Runs everything. Key/value heads share nothing but the bias, so they run side by side without one; the order of each sum is
     * fixed.
     */
    Exact run() {
        IntStream heads = IntStream.range(0, spec.batch() * spec.kvHeads());
        (dBias.length == 0 ? heads.parallel() : heads).forEach(this::keyValueHead);
        return dOut == null ? new Exact(out, lse, null, null, null)
                : new Exact(out, lse, dq, dk, dv, bias == null ? null : dBias);
    }

    private void keyValueHead(int head) {
        int b = head / spec.kvHeads();
        int g = head % spec.kvHeads();
        int group = spec.heads() / spec.kvHeads();
        Row row = new Row(spec.seqK());
        for (int h = g * group; h < (g + 1) * group; h++) {
            for (int i = 0; i < spec.seqQ(); i++) {
                query(b, h, i, row);
            }
        }
        if (dOut != null) {
            int keys = spec.seqK() * spec.headDim();
            store(dk, head * keys, keys);
            store(dv, head * keys, keys);
        }
    }

    private void store(double[] tensor, int at, int count) {
        for (int n = at; n < at + count; n++) {
            tensor[n] = t(tensor[n]);
        }
    }

    /** The numbers of one query, for each key. */
    private record Row(boolean[] visible, double[] s, double[] slope, double[] p, double[] z, double[] ds) {
        Row(int keys) {
            this(new boolean[keys], new double[keys], new double[keys], new double[keys], new double[keys], new double[keys]);
        }
    }

    /** Passes 1 and 2 of some queries, then {@code p_j = exp(s_j - lse_i)}: {@code [batch, heads.length, rows.length, seqK]}. */
    float[] probabilities(Tensor lseOfRows, int[] heads, int[] rows) {
        float[] map = new float[spec.batch() * heads.length * rows.length * spec.seqK()];
        IntStream.range(0, spec.batch() * heads.length).parallel().forEach(n -> {
            int b = n / heads.length;
            int h = heads[n % heads.length];
            Row row = new Row(spec.seqK());
            int dim = spec.headDim();
            int atK = (b * spec.kvHeads() + spec.kvHead(h)) * spec.seqK() * dim;
            for (int r = 0; r < rows.length; r++) {
                int atQ = ((b * spec.heads() + h) * spec.seqQ() + rows[r]) * dim;
                for (int j = 0; j < spec.seqK(); j++) {
                    if (spec.visible(b, h, rows[r], j) && !hidden(b, h, rows[r], j)) {
                        score(row, b, h, rows[r], j, dot(q, atQ, k, atK + j * dim, dim));
                        map[(n * rows.length + r) * spec.seqK() + j] = (float) Math.exp(row.s[j] - lseOfRows.get(b, h, rows[r]));
                    }
                }
            }
        });
        return map;
    }

    private void query(int b, int h, int i, Row row) {
        int dim = spec.headDim();
        int rowIndex = (b * spec.heads() + h) * spec.seqQ() + i;
        int atQ = rowIndex * dim;
        int atK = (b * spec.kvHeads() + spec.kvHead(h)) * spec.seqK() * dim;

        // 1. which keys does the query see?
        boolean empty = true;
        for (int j = 0; j < spec.seqK(); j++) {
            row.visible[j] = spec.visible(b, h, i, j) && !hidden(b, h, i, j);
            empty &= !row.visible[j];
        }
        if (empty) {
            lse[rowIndex] = Double.NEGATIVE_INFINITY; // out and gradients stay 0
            return;
        }

        // 2. s_j = scale · (q_i · k_j), then softcap, then ALiBi and the bias
        boolean finite = true;
        for (int j = 0; j < spec.seqK(); j++) {
            if (row.visible[j]) {
                score(row, b, h, i, j, dot(q, atQ, k, atK + j * dim, dim));
                finite &= Double.isFinite(row.s[j]);
            }
        }

        // 3. m = max over j of s_j
        double m = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < spec.seqK(); j++) {
            if (row.visible[j]) {
                m = Math.max(m, row.s[j]);
            }
        }

        // 4. p_j = exp(s_j - m), l = sum over j of p_j; a score that is not finite spoils the query
        double l = finite ? 0 : Double.NaN;
        for (int j = 0; j < spec.seqK(); j++) {
            row.p[j] = row.visible[j] ? r(Math.exp(r(row.s[j] - m))) : 0;
            l = r(l + row.p[j]);
        }

        // 5. p_j = p_j / l, lse_i = m + ln l
        for (int j = 0; j < spec.seqK(); j++) {
            row.p[j] = row.visible[j] ? t(r(row.p[j] / l)) : 0;
        }
        lse[rowIndex] = r(m + r(Math.log(l)));

        // 6. z_j = 0 where dropout drops the pair, else 1 / (1 - dropout)
        for (int j = 0; j < spec.seqK(); j++) {
            row.z[j] = kept(b, h, i, j) ? keepFactor : 0;
        }

        // 7. o_i = sum over j of p_j z_j v_j
        for (int j = 0; j < spec.seqK(); j++) {
            if (row.visible[j]) {
                addMultiple(out, atQ, r(row.p[j] * row.z[j]), v, atK + j * dim, dim);
            }
        }
        store(out, atQ, dim);

        double[] dO = dOut;
        if (dO != null) {
            gradient(dO, b, h, i, row);
        }
    }

    private void score(Row row, int b, int h, int i, int j, double dot) {
        double s = t(scale * t(dot));
        row.slope[j] = 1;
        if (softcap != 0) {
            double tanh = t(Math.tanh(t(s / softcap)));
            s = t(softcap * tanh);
            row.slope[j] = t(1 - r(tanh * tanh));
        }
        double slope = spec.alibiSlope(h);
        if (slope != 0) {
            s = t(s - t(slope * Math.abs((double) i + spec.diagonal() - j)));
        }
        if (bias != null) {
            s = r(s + bias[biasAt.at(b, h, i, j)]);
        }
        row.s[j] = s;
    }

    /** Whether the call's mask hides the pair, or a bias of negative infinity. */
    private boolean hidden(int b, int h, int i, int j) {
        DenseMask mask = inputs.mask();
        return (mask != null && !mask.isVisible(b, h, i, j))
                || (bias != null && bias[biasAt.at(b, h, i, j)] == Double.NEGATIVE_INFINITY);
    }

    private boolean kept(int b, int h, int i, int j) {
        if (spec.dropout() == 0) {
            return true;
        }
        int four = Dropout.kept(i, j / 4, (inputs.firstEntry() + b) * spec.heads() + h, (int) inputs.seed(),
                (int) (inputs.seed() >>> 32),
                inputs.dropoutOffset(), threshold);
        return (four >> j % 4) % 2 == 1;
    }

    private void gradient(double[] dO, int b, int h, int i, Row row) {
        int dim = spec.headDim();
        int atQ = ((b * spec.heads() + h) * spec.seqQ() + i) * dim;
        int atK = (b * spec.kvHeads() + spec.kvHead(h)) * spec.seqK() * dim;

        // 8. D_i = do_i · o_i
        double delta = t(dot(dO, atQ, out, atQ, dim));

        // 9. dv_j += p_j z_j do_i
        for (int j = 0; j < spec.seqK(); j++) {
            if (row.visible[j]) {
                addMultiple(dv, atK + j * dim, r(row.p[j] * row.z[j]), dO, atQ, dim);
            }
        }

        // 10. ds_j = p_j (z_j do_i · v_j - D_i), dbias_ij += ds_j, then ds_j through softcap (its slope) and scale
        for (int j = 0; j < spec.seqK(); j++) {
            if (row.visible[j]) {
                double dp = t(row.z[j] * t(dot(dO, atQ, v, atK + j * dim, dim)));
                double ds = t(row.p[j] * r(dp - delta));
                if (bias != null) {
                    int at = biasAt.at(b, h, i, j);
                    dBias[at] = r(dBias[at] + ds);
                }
                row.ds[j] = t(scale * t(ds * row.slope[j]));
            }
        }

        // 11. dq_i += ds_j k_j and dk_j += ds_j q_i
        for (int j = 0; j < spec.seqK(); j++) {
            if (row.visible[j]) {
                addMultiple(dq, atQ, row.ds[j], k, atK + j * dim, dim);
                addMultiple(dk, atK + j * dim, row.ds[j], q, atQ, dim);
            }
        }
        store(dq, atQ, dim);
    }

    private double r(double x) {
        return precision.round(x);
    }

    private double t(double x) {
        return precision.stored(x);
    }

    private double dot(double[] a, int atA, double[] b, int atB, int count) {
        double sum = 0;
        for (int d = 0; d < count; d++) {
            sum = r(sum + r(a[atA + d] * b[atB + d]));
        }
        return sum;
    }

    private void addMultiple(double[] sum, int atSum, double factor, double[] x, int atX, int count) {
        for (int d = 0; d < count; d++) {
            sum[atSum + d] = r(sum[atSum + d] + r(factor * x[atX + d]));
        }
    }
}
