package io.github.tornadoattention.host.check;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.DenseMask;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import java.util.Arrays;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Attentions drawn at random over everything that a spec can say, with lengths and head dims that crowd around the edges of
 * tiles: what differential tests run on any backend beside float64. The same seed gives the same attention on every machine.
 */
public final class RandomSpecs {
    private static final int[] BLOCK_SIZES = {16, 32, 64, 128};

    /**
     * Largest head dim where no query sees two keys; the dtype is float32 there. The gradients of q and k are 0 but for the
     * rounding of sums over the head dim, and of out if that has 16 bits; plain attention, whose error sets the tolerance,
     * happens to have none.
     */
    static final int MOST_WITHOUT_CHOICE = 32;

    /**
     * So many queries must see two keys for a dtype of 16 bits: the others have the rounding of out in their gradients, which
     * plain attention has not, and the largest error of a few says little of what that is.
     */
    static final int ENOUGH_WITH_A_CHOICE = 8;

    private RandomSpecs() {}

    /**
     * One attention.
     *
     * @param seed what it was drawn from
     * @param inputs what goes in; tensors are standard normal, rounded to the spec's dtype
     * @param dOut gradient of out, shaped as q
     */
    public record Drawn(long seed, AttentionSpec spec, AttentionInputs inputs, Tensor dOut) implements RandomCase {
        @Override
        public String what() {
            return spec.toString();
        }

        @Override
        public String failure(Backend backend, Algorithm algorithm) {
            return expected().compare(backend, algorithm).firstFailure();
        }

        /** Computes it in float64, and how far from that a result may be. */
        public Expected expected() {
            Exact exact = ReferenceAttention.forwardBackward(spec, inputs, dOut);
            return new Expected(this, exact, Tolerance.of(spec, inputs, dOut, exact));
        }
    }

    /** An attention with its float64 result. */
    public record Expected(Drawn drawn, Exact exact, Tolerance tolerance) {
        /** Runs it forward and backward and compares. */
        public Comparison compare(Backend backend, Algorithm algorithm) {
            try (Attention attention = Attention.on(backend, drawn.spec(), algorithm)) {
                Forward f = attention.forward(drawn.inputs());
                return Comparison.of(drawn.spec(), exact, f, attention.backward(drawn.dOut(), f), tolerance);
            }
        }
    }

    /**
     * Draws one.
     *
     * @param seed any number
     * @param longest most queries and most keys, at least 1
     */
    public static Drawn draw(long seed, int longest) {
        Random random = Draws.random(seed);
        AttentionSpec spec = spec(random, longest);
        DType drawn = Draws.dtype(random);
        while (spec.headDim() > MOST_WITHOUT_CHOICE && queriesWithAChoice(spec) == 0) {
            spec = spec(random, longest);
        }
        DType dtype = queriesWithAChoice(spec) == ENOUGH_WITH_A_CHOICE ? drawn : DType.FP32;
        spec = spec.withDtype(dtype);
        AttentionInputs inputs = AttentionInputs.of(Draws.normal(random, spec.qShape()).to(dtype),
                Draws.normal(random, spec.kvShape()).to(dtype), Draws.normal(random, spec.kvShape()).to(dtype));
        Tensor dOut = Draws.normal(random, spec.qShape()).to(dtype);
        inputs = inputs.withSeed(random.nextLong(), random.nextInt());
        inputs = inputs.withMask(mask(random, spec.maskShape())).withBias(bias(random, spec.biasShape()));
        return new Drawn(seed, spec, inputs, dOut);
    }

    /** Queries that see two keys or more, as far as the spec says; not counted beyond {@link #ENOUGH_WITH_A_CHOICE}. */
    static int queriesWithAChoice(AttentionSpec spec) {
        int queries = 0;
        for (int b = 0; b < spec.batch(); b++) {
            for (int h = 0; h < spec.heads(); h++) {
                for (int i = 0; i < spec.seqQ() && queries < ENOUGH_WITH_A_CHOICE; i++) {
                    int keys = 0;
                    for (int j = spec.firstVisible(i); j <= spec.lastVisible(i, b) && keys < 2; j++) {
                        keys += spec.visible(b, h, i, j) ? 1 : 0;
                    }
                    queries += keys > 1 ? 1 : 0;
                }
            }
        }
        return queries;
    }

    private static AttentionSpec spec(Random random, int longest) {
        int seqQ = Draws.length(random, longest);
        int seqK = random.nextInt(3) == 0 ? seqQ : Draws.length(random, longest);
        int headDim = Draws.headDim(random);
        int most = Draws.mostHeads(longest, (long) seqQ * seqK * headDim);
        int kvHeads = 1 + random.nextInt(Math.min(3, most));
        int heads = kvHeads * (1 + random.nextInt(Math.min(4, most / kvHeads)));
        int batch = 1 + random.nextInt(Math.clamp(most / heads, 1, 3));
        SpecBuilder spec = AttentionSpec.builder(batch, heads, seqQ, headDim).kvHeads(kvHeads).seqK(seqK);
        Draws.sight(random, spec, seqK);
        if (random.nextInt(3) == 0) {
            spec.keyLengths(random.ints(batch, 0, seqK + 1).map(length -> random.nextInt(5) == 0 ? 0 : length).toArray());
        }
        Draws.scores(random, spec, heads, headDim);
        if (random.nextInt(3) == 0) {
            spec.blockMask(mask(random, heads, seqQ, seqK));
        }
        if (random.nextInt(3) == 0) {
            spec.maskShape(shared(random, batch, heads, seqQ, seqK));
        }
        if (random.nextInt(3) == 0) {
            int[] shape = shared(random, batch, heads, seqQ, seqK);
            shape[3] = seqK; // shared by all keys, its gradient would be 0 but for rounding
            spec.biasShape(shape);
        }
        Draws.dropout(random, spec);
        return spec.build();
    }

    private static BlockMask mask(Random random, int heads, int seqQ, int seqK) {
        int size = BLOCK_SIZES[random.nextInt(BLOCK_SIZES.length)];
        int rows = Math.ceilDiv(seqQ, size);
        int cols = Math.ceilDiv(seqK, size);
        int masks = random.nextBoolean() ? 1 : heads;
        double density = random.nextDouble();
        byte[] set = new byte[masks * rows * cols];
        for (int n = 0; n < set.length; n++) {
            set[n] = (byte) (random.nextDouble() < density ? 1 : 0);
        }
        return new BlockMask(size, masks, rows, cols, set);
    }

    /** Each length whole, or 1 so that all share an element. */
    private static int[] shared(Random random, int... whole) {
        return Arrays.stream(whole).map(length -> random.nextInt(3) == 0 ? 1 : length).toArray();
    }

    private static @Nullable DenseMask mask(Random random, int @Nullable [] shape) {
        if (shape == null) {
            return null;
        }
        byte[] visible = new byte[shape[0] * shape[1] * shape[2] * shape[3]];
        double density = 0.3 + 0.7 * random.nextDouble();
        for (int n = 0; n < visible.length; n++) {
            visible[n] = (byte) (random.nextDouble() < density ? 1 : 0);
        }
        return DenseMask.of(visible, shape);
    }

    /** Standard normal, with a few pairs hidden by negative infinity. */
    private static @Nullable Tensor bias(Random random, int @Nullable [] shape) {
        if (shape == null) {
            return null;
        }
        float[] bias = Draws.floats(random, shape[0] * shape[1] * shape[2] * shape[3], 1);
        for (int n = 0; n < bias.length; n++) {
            bias[n] = random.nextInt(12) == 0 ? Float.NEGATIVE_INFINITY : bias[n];
        }
        return Tensor.of(bias, shape);
    }
}
