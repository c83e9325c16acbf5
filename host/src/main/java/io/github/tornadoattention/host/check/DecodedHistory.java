package io.github.tornadoattention.host.check;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Decoding;
import io.github.tornadoattention.host.Rotary;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Everything that was added to the entries of a decoding, as if there were no cache, and what attention over it has to give. Two
 * ways of rotation go with the two computations that set the tolerance: angles, sines and products in float64 for the exact
 * one, and products in float32 for the plain one.
 */
final class DecodedHistory {
    private final AttentionSpec spec;
    private final @Nullable Rotary rotary;
    private final DType cached;
    private final float[][] keys;
    private final float[][] plainKeys;
    private final float[][] values;

    /** {@code cached}: what keys, after they were rotated, and values are rounded to. */
    DecodedHistory(AttentionSpec spec, @Nullable Rotary rotary, DType cached) {
        this.spec = spec;
        this.rotary = rotary;
        this.cached = cached;
        this.keys = new float[spec.batch() * spec.kvHeads()][0];
        this.plainKeys = new float[keys.length][0];
        this.values = new float[keys.length][0];
    }

    int length(int b) {
        return keys[b * spec.kvHeads()].length / spec.headDim();
    }

    int longest() {
        int longest = 0;
        for (int b = 0; b < spec.batch(); b++) {
            longest = Math.max(longest, length(b));
        }
        return longest;
    }

    void truncate(int b, int length) {
        for (int head = b * spec.kvHeads(); head < (b + 1) * spec.kvHeads(); head++) {
            keys[head] = Arrays.copyOf(keys[head], length * spec.headDim());
            plainKeys[head] = Arrays.copyOf(plainKeys[head], length * spec.headDim());
            values[head] = Arrays.copyOf(values[head], length * spec.headDim());
        }
    }

    /** New keys and values {@code [batch, kvHeads, n, headDim]}, of which entry b gets the first {@code added[b]}. */
    void add(Tensor k, Tensor v, int[] added) {
        int room = k.shape()[2];
        for (int head = 0; head < keys.length; head++) {
            long from = (long) head * room * spec.headDim();
            int count = added[head / spec.kvHeads()] * spec.headDim();
            int old = keys[head].length;
            keys[head] = more(keys[head], k, from, count);
            plainKeys[head] = Arrays.copyOf(plainKeys[head], old + count);
            System.arraycopy(keys[head], old, plainKeys[head], old, count);
            values[head] = more(values[head], v, from, count);
            for (int at = old; rotary != null && at < old + count; at += spec.headDim()) {
                rotary.rotate(keys[head], at, at / spec.headDim());
                rotatePlainly(rotary, plainKeys[head], at, at / spec.headDim());
            }
            for (int n = old; n < old + count; n++) {
                keys[head][n] = cached.round(keys[head][n]);
                values[head][n] = cached.round(values[head][n]);
                // to 16 bits, another rounding before would at times be an error that no float32 makes
                plainKeys[head][n] = cached == DType.FP32 ? plainKeys[head][n] : keys[head][n];
            }
        }
    }

    private static float[] more(float[] rows, Tensor tensor, long from, int count) {
        float[] longer = Arrays.copyOf(rows, rows.length + count);
        tensor.read(from, longer, rows.length, count);
        return longer;
    }

    private static void rotatePlainly(Rotary rotary, float[] vector, int at, int position) {
        for (int pair = 0; pair < rotary.dim() / 2; pair++) {
            int a = at + (rotary.interleaved() ? 2 * pair : pair);
            int b = a + rotary.partner();
            float cosine = (float) Math.cos(rotary.angle(position, pair));
            float sine = (float) Math.sin(rotary.angle(position, pair));
            float x = vector[a];
            float y = vector[b];
            vector[a] = x * cosine - y * sine;
            vector[b] = y * cosine + x * sine;
        }
    }

    /** The first element that is off by more than is allowed; empty if none is. {@code q} is as it was given to the step. */
    String failure(Tensor q, Decoding.Result result) {
        int n = q.shape()[2];
        int rows = spec.heads() * n;
        double[] out = new double[spec.batch() * rows * spec.headDim()];
        double[] plainOut = new double[out.length];
        double[] lse = new double[spec.batch() * rows];
        Arrays.fill(lse, Double.NEGATIVE_INFINITY);
        double[] plainLse = lse.clone();
        double largest = 0;
        for (int b = 0; b < spec.batch(); b++) {
            if (length(b) > 0) {
                AttentionSpec one = entry(b, n);
                Tensor v = whole(values, b, one);
                Exact exact = ReferenceAttention.forwardBackward(one,
                        AttentionInputs.of(rotated(q, b, one, false), whole(keys, b, one), v), null);
                Exact plain = ReferenceAttention.plain(one,
                        AttentionInputs.of(rotated(q, b, one, true), whole(plainKeys, b, one), v), null);
                System.arraycopy(exact.out(), 0, out, b * rows * spec.headDim(), rows * spec.headDim());
                System.arraycopy(plain.out(), 0, plainOut, b * rows * spec.headDim(), rows * spec.headDim());
                System.arraycopy(exact.lse(), 0, lse, b * rows, rows);
                System.arraycopy(plain.lse(), 0, plainLse, b * rows, rows);
                for (float x : v.toArray()) {
                    largest = Math.max(largest, Math.abs(x));
                }
            }
        }
        Exact exact = new Exact(out, lse, null, null, null);
        Tolerance tolerance = Tolerance.of(exact, new Exact(plainOut, plainLse, null, null, null), largest);
        return Comparison.forward(exact, result.out(), result.lse(), q.shape(),
                new int[] {spec.batch(), spec.heads(), n}, tolerance).firstFailure();
    }

    /** The queries of an entry, which are its last positions. */
    private Tensor rotated(Tensor q, int b, AttentionSpec one, boolean plainly) {
        int n = one.seqQ();
        float[] queries = new float[spec.heads() * n * spec.headDim()];
        q.read((long) b * queries.length, queries, 0, queries.length);
        for (int row = 0; rotary != null && row < spec.heads() * n; row++) {
            int position = length(b) - n + row % n;
            if (plainly) {
                rotatePlainly(rotary, queries, row * spec.headDim(), position);
            } else {
                rotary.rotate(queries, row * spec.headDim(), position);
            }
        }
        return Tensor.of(queries, one.qShape());
    }

    private AttentionSpec entry(int b, int n) {
        SpecBuilder one = AttentionSpec.builder(1, spec.heads(), n, spec.headDim()).kvHeads(spec.kvHeads()).seqK(length(b))
                .scale(spec.scale()).causal(spec.causal()).window(spec.windowLeft(), spec.windowRight()).softcap(spec.softcap())
                .dtype(spec.dtype());
        float[] slopes = spec.alibiSlopes();
        return slopes == null ? one.build() : one.alibiSlopes(slopes).build();
    }

    private Tensor whole(float[][] rows, int b, AttentionSpec one) {
        int size = length(b) * spec.headDim();
        float[] all = new float[spec.kvHeads() * size];
        for (int g = 0; g < spec.kvHeads(); g++) {
            System.arraycopy(rows[b * spec.kvHeads() + g], 0, all, g * size, size);
        }
        return Tensor.of(all, one.kvShape());
    }
}
