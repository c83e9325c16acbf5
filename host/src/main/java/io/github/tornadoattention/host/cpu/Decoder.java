package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The forward pass of few queries: keys are split into stretches that cores take one by one, and the parts {@code (m, l, O)} are
 * merged in the order of the keys. The split depends on the spec alone.
 */
final class Decoder {
    static final String KERNEL = "flash-decode";

    /** Queries of a head up to which this is faster than a panel of queries. */
    private static final int MOST_QUERIES = 8;

    /** Stretches wanted over all entries and heads. */
    private static final int STRETCHES = 128;

    /** Keys below which a stretch is not worth a task. */
    private static final int FEWEST_KEYS = 512;

    private final AttentionSpec spec;
    private final Call call;
    private final Workers workers;
    private final int stretch;
    private final int stretches;
    private final @Nullable DecodeTile[] states;

    Decoder(AttentionSpec spec, Call call, Workers workers) {
        this.spec = spec;
        this.call = call;
        this.workers = workers;
        int most = Math.ceilDiv(spec.seqK(), FEWEST_KEYS);
        int wanted = Math.clamp(Math.ceilDiv(STRETCHES, spec.batch() * spec.kvHeads()), 1, most);
        int even = Math.ceilDiv(spec.seqK(), wanted);
        this.stretch = Math.ceilDiv(even, Lanes.WIDTH) * Lanes.WIDTH;
        this.stretches = Math.ceilDiv(spec.seqK(), stretch);
        this.states = new DecodeTile[workers.count()];
    }

    static boolean fits(AttentionSpec spec) {
        return spec.seqQ() <= MOST_QUERIES;
    }

    /** Fills out and lse; returns the bytes of memory that it took. */
    long run(Tensor q, Tensor k, Tensor v, Tensor out, Tensor lse) {
        int size = spec.headDim() + 2;
        int queries = spec.batch() * spec.heads() * spec.seqQ();
        int each = spec.heads() / spec.kvHeads() * spec.seqQ();
        float[] parts = new float[Math.multiplyExact(Math.multiplyExact(queries, stretches), size)];
        workers.run(spec.batch() * spec.kvHeads() * stretches, (worker, task) -> {
            int n = task % stretches;
            int row = task / stretches;
            int end = (int) Math.min(spec.seqK(), (n + 1L) * stretch);
            DecodeTile state = of(worker);
            long firstKey = (long) row * spec.seqK();
            state.run(q, k, v, j -> firstKey + j, row / spec.kvHeads(), row % spec.kvHeads(), n * stretch, end,
                    parts, (row * each * stretches + n) * size, stretches * size);
        });
        float[] item = new float[spec.headDim()];
        float[] one = new float[1];
        for (int query = 0; query < queries; query++) {
            one[0] = merge(parts, query * stretches * size, stretches, size, item);
            out.write(item, 0, (long) query * spec.headDim(), spec.headDim());
            lse.write(one, 0, query, 1);
        }
        long bytes = (long) parts.length * Float.BYTES;
        for (DecodeTile state : states) {
            bytes += state == null ? 0 : state.bytes();
        }
        return bytes;
    }

    /** Merges the parts of a query into {@code out} and returns lse; parts that saw nothing have l = 0 and change nothing. */
    static float merge(float[] parts, int at, int stretches, int size, float[] out) {
        float m = PanelSoftmax.NOTHING;
        for (int n = 0; n < stretches; n++) {
            m = Math.max(m, parts[at + n * size]);
        }
        double l = 0;
        Arrays.fill(out, 0f);
        for (int n = 0; n < stretches; n++) {
            int part = at + n * size;
            if (parts[part + 1] != 0f) {
                double weight = StrictMath.exp((double) parts[part] - m);
                l += weight * parts[part + 1];
                for (int d = 0; d < out.length; d++) {
                    out[d] += (float) weight * parts[part + 2 + d];
                }
            }
        }
        if (l == 0) {
            return Float.NEGATIVE_INFINITY;
        }
        for (int d = 0; d < out.length; d++) {
            out[d] /= (float) l;
        }
        return (float) (m + Math.log(l));
    }

    private DecodeTile of(int worker) {
        DecodeTile present = states[worker];
        if (present == null) {
            present = new DecodeTile(spec, call);
            states[worker] = present;
        }
        return present;
    }
}
