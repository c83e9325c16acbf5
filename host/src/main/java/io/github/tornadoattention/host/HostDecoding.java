package io.github.tornadoattention.host;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Decoding with the cache in the host's memory. Keys are rotated as they enter it. Each entry's attention is one of the backend's
 * own, over the entry's keys gathered from the cache; backends that can read the cache where it is override {@link #attend}.
 */
public class HostDecoding implements DecodePlan {
    /** What to compute: seqQ is the most queries of a step, seqK the capacity. */
    protected final AttentionSpec spec;

    /** Where keys and values are. */
    protected final KvCache cache;

    private final Backend backend;
    private final Algorithm algorithm;
    private final @Nullable Rotary rotary;

    /** Decoding of this spec with this cache; the backend computes the attention of each entry. */
    public HostDecoding(Backend backend, AttentionSpec spec, Algorithm algorithm, KvCache cache, @Nullable Rotary rotary) {
        this.backend = backend;
        this.spec = spec;
        this.algorithm = algorithm;
        this.cache = cache;
        this.rotary = rotary;
    }

    @Override
    public Decoding.@Nullable Result step(@Nullable Tensor q, @Nullable Tensor k, @Nullable Tensor v, int[] added) {
        long start = System.nanoTime();
        if (k != null) {
            cache.write(k, Objects.requireNonNull(v), added, rotary);
        }
        return q == null ? null : attend(rotated(q), start);
    }

    /** The queries, which are the last positions of their entries. */
    private Tensor rotated(Tensor q) {
        if (rotary == null) {
            return q;
        }
        float[] rotated = q.toArray();
        int n = q.shape()[2];
        for (int row = 0; row < rotated.length / spec.headDim(); row++) {
            int position = cache.length(row / n / spec.heads()) - n + row % n;
            rotary.rotate(rotated, row * spec.headDim(), position);
        }
        return Tensor.of(rotated, q.shape());
    }

    /**
     * Attention of queries that are rotated already.
     *
     * @param start when the step began, in nanoseconds
     */
    protected Decoding.Result attend(Tensor q, long start) {
        int n = q.shape()[2];
        int size = spec.heads() * n * spec.headDim();
        float[] out = new float[spec.batch() * size];
        float[] lse = new float[spec.batch() * spec.heads() * n];
        Arrays.fill(lse, Float.NEGATIVE_INFINITY);
        Report report = null;
        long extra = 0;
        for (int b = 0; b < spec.batch(); b++) {
            if (cache.length(b) == 0) {
                continue; // sees nothing
            }
            AttentionSpec one = entry(b, n);
            Tensor k = gathered(b, true);
            Tensor v = gathered(b, false);
            float[] queries = new float[size];
            q.read((long) b * size, queries, 0, size);
            try (Attention attention = Attention.on(backend, one, algorithm)) {
                Forward f = attention.forward(Tensor.of(queries, one.qShape()), k, v);
                f.out().read(0, out, b * size, size);
                f.lse().read(0, lse, b * spec.heads() * n, spec.heads() * n);
                report = f.report();
                extra = Math.max(extra, report.extraBytes() + 2L * k.size() * Float.BYTES);
            }
        }
        long wall = System.nanoTime() - start;
        List<String> kernels = report == null ? List.of() : report.kernels();
        Report all = new Report(backend.name(), backend.device(), null, algorithm.name().toLowerCase(Locale.ROOT), kernels, wall,
                0, wall, extra);
        return new Decoding.Result(Tensor.of(out, q.shape()), Tensor.of(lse, spec.batch(), spec.heads(), n), all);
    }

    /** What one entry with {@code n} queries asks for. */
    protected final AttentionSpec entry(int b, int n) {
        SpecBuilder one = AttentionSpec.builder(1, spec.heads(), n, spec.headDim())
                .kvHeads(spec.kvHeads())
                .seqK(cache.length(b))
                .scale(spec.scale())
                .causal(spec.causal())
                .window(spec.windowLeft(), spec.windowRight())
                .softcap(spec.softcap());
        float[] slopes = spec.alibiSlopes();
        return slopes == null ? one.build() : one.alibiSlopes(slopes).build();
    }

    private Tensor gathered(int b, boolean keys) {
        int dim = cache.headDim();
        int length = cache.length(b);
        float[] rows = new float[cache.kvHeads() * length * dim];
        Tensor from = keys ? cache.keys() : cache.values();
        for (int g = 0; g < cache.kvHeads(); g++) {
            for (int j = 0; j < length; j++) {
                from.read(((long) g * cache.rows() + cache.row(b, j)) * dim, rows, (g * length + j) * dim, dim);
            }
        }
        return Tensor.of(rows, 1, cache.kvHeads(), length, dim);
    }

    @Override
    public void close() {
        // The cache is the caller's.
    }
}
