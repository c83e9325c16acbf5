package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.PackedSpec;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.npy.ArraySource;
import io.github.tornadoattention.host.npy.NpyHeader;
import org.jspecify.annotations.Nullable;

/** A packed batch in a file: q [totalQ, heads, headDim], k and v [totalK, kvHeads, headDim], and where each sequence begins. */
final class PackedProblem {
    private static final String BOTH = "cu_seqlens";
    private static final String QUERIES = "cu_seqlens_q";
    private static final String KEYS = "cu_seqlens_k";
    private static final int RANK = 3;

    private final ArraySource source;
    private final Options options;
    private final PackedSpec spec;

    private PackedProblem(ArraySource source, Options options, PackedSpec spec) {
        this.source = source;
        this.options = options;
        this.spec = spec;
    }

    /** Whether a file holds a packed batch. */
    static boolean isPacked(ArraySource source) {
        return source.has(BOTH) || source.has(QUERIES) || source.has(KEYS);
    }

    /**
     * Reads headers and small arrays, and checks that everything fits together.
     *
     * @throws UsageException that names the array or option at fault
     */
    static PackedProblem of(ArraySource source, Layout layout, Options options) {
        refuse(source, layout, options);
        NpyHeader q = header(source, "q");
        NpyHeader k = header(source, "k");
        requireSame(source, "v", header(source, "v"), "k", k);
        if (source.has("dout")) {
            requireSame(source, "dout", header(source, "dout"), "q", q);
        }
        if (!q.shape().get(2).equals(k.shape().get(2))) {
            throw new UsageException("%s has shape %s and k has shape %s: their head dims differ".formatted(source.label("q"),
                    q.shapeText(), k.shapeText()));
        }
        int[] starts = starts(source, source.has(BOTH) ? BOTH : QUERIES, "q", q);
        int[] startsK = starts(source, source.has(BOTH) ? BOTH : KEYS, "k", k);
        float[] slopes = source.has("alibi_slopes") ? source.floats("alibi_slopes").toArray() : null;
        try {
            return new PackedProblem(source, options, PackedSpec.of(starts, startsK, q.shape().get(1), q.shape().get(2),
                    spec -> with(spec.kvHeads(k.shape().get(1)), options, slopes)));
        } catch (IllegalArgumentException e) {
            throw new UsageException("%s: %s".formatted(source.label("q"), e.getMessage()), e);
        }
    }

    private static SpecBuilder with(SpecBuilder spec, Options options, float @Nullable [] slopes) {
        spec.causal(options.causal()).window(options.windowLeft(), options.windowRight()).softcap(options.softcap())
                .dropout(options.dropout())
                .dtype(options.dtype());
        if (options.scale() != null) {
            spec.scale(options.scale());
        }
        if (slopes != null) {
            spec.alibiSlopes(slopes);
        } else if (options.alibi()) {
            spec.alibi();
        }
        return spec;
    }

    /** What a packed batch has not. */
    private static void refuse(ArraySource source, Layout layout, Options options) {
        String packed = source.label(source.has(BOTH) ? BOTH : source.has(QUERIES) ? QUERIES : KEYS);
        if (source.has(BOTH) && (source.has(QUERIES) || source.has(KEYS))) {
            throw new UsageException("%s is for queries and keys alike: %s and %s contradict it".formatted(packed, QUERIES,
                    KEYS));
        }
        if (!source.has(BOTH) && (!source.has(QUERIES) || !source.has(KEYS))) {
            throw new UsageException("%s needs %s beside it, or give %s for both".formatted(packed, source.has(QUERIES) ? KEYS
                    : QUERIES, BOTH));
        }
        if (options.keyLengths() != null || source.has("key_lengths")) {
            throw new UsageException("%s says how many keys there are: key lengths contradict it".formatted(packed));
        }
        if (options.blockSize() != 0 || source.has("block_mask")) {
            throw new UsageException("%s: a packed batch has no block mask".formatted(packed));
        }
        if (layout != Layout.BHND) {
            throw new UsageException("%s: packed arrays are [total, heads, head dim], --layout does not apply".formatted(packed));
        }
        for (String other : new String[] {"mask", "bias"}) {
            if (source.has(other)) {
                throw new UsageException("%s: a packed batch has no %s".formatted(packed, source.label(other)));
            }
        }
    }

    private static NpyHeader header(ArraySource source, String name) {
        NpyHeader header = source.header(name);
        if (header.shape().size() != RANK) {
            throw new UsageException("%s has shape %s, must have %d dimensions in a packed batch: total, heads, head dim"
                    .formatted(source.label(name), header.shapeText(), RANK));
        }
        return header;
    }

    private static void requireSame(ArraySource source, String name, NpyHeader header, String other, NpyHeader expected) {
        if (!header.shape().equals(expected.shape())) {
            throw new UsageException("%s has shape %s, must be that of %s, %s"
                    .formatted(source.label(name), header.shapeText(), other, expected.shapeText()));
        }
    }

    private static int[] starts(ArraySource source, String name, String of, NpyHeader array) {
        if (source.header(name).shape().size() != 1) {
            throw new UsageException("%s has shape %s, must have 1 dimension".formatted(source.label(name), source.header(name)
                    .shapeText()));
        }
        int[] starts = source.integers(name);
        if (starts.length > 0 && starts[starts.length - 1] != array.shape().get(0)) {
            throw new UsageException("%s ends with %d, but %s has %d rows"
                    .formatted(source.label(name), starts[starts.length - 1], of, array.shape().get(0)));
        }
        return starts;
    }

    /** What is to be computed. */
    PackedSpec spec() {
        return spec;
    }

    /** Reads everything but dout. */
    AttentionInputs inputs() {
        return AttentionInputs.of(tensor("q"), tensor("k"), tensor("v")).withSeed(options.seed(), options.dropoutOffset());
    }

    /** An array in the spec's dtype. */
    private Tensor tensor(String name) {
        return source.floats(name).to(spec.longest().dtype());
    }

    /** The gradient of the loss with respect to out, null if the file has none. */
    @Nullable Tensor dOut() {
        return source.has("dout") ? tensor("dout") : null;
    }
}
