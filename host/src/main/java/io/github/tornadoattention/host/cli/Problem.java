package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.DenseMask;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.npy.ArraySource;
import io.github.tornadoattention.host.npy.NpyHeader;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The arrays of a file together with what is asked for: shapes are checked before any of the large arrays is read. */
final class Problem {
    private static final int RANK = 4;

    private final ArraySource source;
    private final Layout layout;
    private final Options options;
    private final AttentionSpec spec;

    private Problem(ArraySource source, Layout layout, Options options, AttentionSpec spec) {
        this.source = source;
        this.options = options;
        this.layout = layout;
        this.spec = spec;
    }

    /**
     * Reads headers and small arrays, and checks that everything fits together.
     *
     * @throws UsageException that names the array or option at fault
     */
    static Problem of(ArraySource source, Layout layout, Options options) {
        if (PackedProblem.isPacked(source)) {
            throw new UsageException("%s is a packed batch, which only run takes".formatted(source.label("q")));
        }
        NpyHeader q = header(source, "q");
        NpyHeader k = header(source, "k");
        requireSame(source, "v", header(source, "v"), "k", k);
        if (source.has("dout")) {
            requireSame(source, "dout", header(source, "dout"), "q", q);
        }
        requireEqual(source, "batch sizes", q, k, 0);
        requireEqual(source, "head dims", q, k, 3);
        int heads = q.shape().get(layout.heads());
        try {
            SpecBuilder spec = AttentionSpec
                    .builder(q.shape().get(0), heads, q.shape().get(layout.sequence()), q.shape().get(3))
                    .kvHeads(k.shape().get(layout.heads()))
                    .seqK(k.shape().get(layout.sequence()))
                    .causal(options.causal())
                    .window(options.windowLeft(), options.windowRight())
                    .softcap(options.softcap())
                    .dropout(options.dropout())
                    .dtype(options.dtype());
            if (options.scale() != null) {
                spec.scale(options.scale());
            }
            int[] keyLengths = keyLengths(source, options);
            if (keyLengths != null) {
                spec.keyLengths(keyLengths);
            }
            if (source.has("alibi_slopes")) {
                spec.alibiSlopes(slopes(source));
            } else if (options.alibi()) {
                spec.alibi();
            }
            AttentionSpec shapes = spec.build();
            if (source.has("mask")) {
                shapes = added(source, "mask", spec.maskShape(shape(source, "mask")));
            }
            if (source.has("bias")) {
                shapes = added(source, "bias", spec.biasShape(shape(source, "bias")));
            }
            if (source.has("block_mask") || options.blockSize() != 0) {
                return new Problem(source, layout, options,
                        added(source, "block_mask", spec.blockMask(blockMask(source, options))));
            }
            return new Problem(source, layout, options, shapes);
        } catch (IllegalArgumentException e) {
            throw new UsageException("%s: %s".formatted(source.label("q"), e.getMessage()), e);
        }
    }

    /** A spec that was sound before an array was added, so that what is wrong now is wrong with the array. */
    private static AttentionSpec added(ArraySource source, String name, SpecBuilder with) {
        try {
            return with.build();
        } catch (IllegalArgumentException e) {
            throw new UsageException("%s: %s".formatted(source.label(name), e.getMessage()), e);
        }
    }

    /** The shape of a mask or bias, which the spec checks. */
    private static int[] shape(ArraySource source, String name) {
        requireRank(source, name, RANK);
        return source.header(name).shape().stream().mapToInt(Integer::intValue).toArray();
    }

    /** What is to be computed. */
    AttentionSpec spec() {
        return spec;
    }

    /** Whether there is a dout, so that gradients are wanted. */
    boolean wantsGradients() {
        return source.has("dout");
    }

    /** Reads everything but dout. */
    AttentionInputs inputs() {
        return AttentionInputs.of(tensor("q"), tensor("k"), tensor("v"))
                .withMask(source.has("mask") ? mask() : null)
                .withBias(source.has("bias") ? source.floats("bias") : null)
                .withSeed(options.seed(), options.dropoutOffset());
    }

    private DenseMask mask() {
        try {
            return DenseMask.of(source.flags("mask"), shape(source, "mask"));
        } catch (IllegalArgumentException e) {
            throw new UsageException("%s: %s".formatted(source.label("mask"), e.getMessage()), e);
        }
    }

    /** The gradient of the loss with respect to out, null if the file has none. */
    @Nullable Tensor dOut() {
        return wantsGradients() ? tensor("dout") : null;
    }

    /** An array in the library's layout and the spec's dtype. */
    private Tensor tensor(String name) {
        Tensor floats = layout.toLibrary(source.floats(name));
        Tensor tensor = floats.to(spec.dtype());
        if (spec.dtype() != DType.FP32) {
            requireInRange(name, floats, tensor);
        }
        return tensor;
    }

    private void requireInRange(String name, Tensor floats, Tensor narrowed) {
        int row = spec.headDim();
        float[] before = new float[row];
        float[] after = new float[row];
        for (long from = 0; from < floats.size(); from += row) {
            floats.read(from, before, 0, row);
            narrowed.read(from, after, 0, row);
            for (int d = 0; d < row; d++) {
                if (Float.isInfinite(after[d]) && !Float.isInfinite(before[d])) {
                    throw new UsageException("%s holds %s, which does not fit %s"
                            .formatted(source.label(name), before[d], spec.dtype()));
                }
            }
        }
    }

    private static NpyHeader header(ArraySource source, String name) {
        NpyHeader header = source.header(name);
        if (header.shape().size() != RANK) {
            throw new UsageException("%s has shape %s, must have %d dimensions: batch, heads, sequence, head dim"
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

    private static void requireEqual(ArraySource source, String what, NpyHeader q, NpyHeader k, int dimension) {
        if (!q.shape().get(dimension).equals(k.shape().get(dimension))) {
            throw new UsageException("%s has shape %s and k has shape %s: their %s differ"
                    .formatted(source.label("q"), q.shapeText(), k.shapeText(), what));
        }
    }

    private static int @Nullable [] keyLengths(ArraySource source, Options options) {
        int[] asked = options.keyLengths();
        if (!source.has("key_lengths")) {
            return asked;
        }
        requireRank(source, "key_lengths", 1);
        int[] stored = source.integers("key_lengths");
        if (asked != null && !Arrays.equals(asked, stored)) {
            throw new UsageException("key lengths %s are asked for, but %s holds %s"
                    .formatted(Arrays.toString(asked), source.label("key_lengths"), Arrays.toString(stored)));
        }
        return stored;
    }

    private static float[] slopes(ArraySource source) {
        requireRank(source, "alibi_slopes", 1);
        return source.floats("alibi_slopes").toArray();
    }

    private static BlockMask blockMask(ArraySource source, Options options) {
        if (!source.has("block_mask")) {
            throw new UsageException("a block size is given, but %s is missing".formatted(source.label("block_mask")));
        }
        if (options.blockSize() < 1) {
            throw new UsageException("%s needs --block-size, the number of queries and keys of a block, at least 1"
                    .formatted(source.label("block_mask")));
        }
        List<Integer> shape = source.header("block_mask").shape();
        if (shape.size() != 2 && shape.size() != 3) {
            throw new UsageException("%s has %d dimensions, must have 2 (blocks of queries, blocks of keys) or 3 (heads first)"
                    .formatted(source.label("block_mask"), shape.size()));
        }
        byte[] set = source.flags("block_mask");
        int heads = shape.size() == 2 ? 1 : shape.getFirst();
        try {
            return new BlockMask(options.blockSize(), heads, shape.get(shape.size() - 2), shape.getLast(), set);
        } catch (IllegalArgumentException e) {
            throw new UsageException("%s: %s".formatted(source.label("block_mask"), e.getMessage()), e);
        }
    }

    private static void requireRank(ArraySource source, String name, int rank) {
        NpyHeader header = source.header(name);
        if (header.shape().size() != rank) {
            throw new UsageException("%s has shape %s, must have %d dimension%s"
                    .formatted(source.label(name), header.shapeText(), rank, rank == 1 ? "" : "s"));
        }
    }
}
