package io.github.tornadoattention.host.check;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.Causal;
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
 * Attentions drawn at random over everything that a spec can say, with lengths and head dims that crowd around the edges of tiles: what differential tests run
 * on any backend beside float64. The same seed gives the same attention on every machine.
 */
public final class RandomSpecs {
    /** Neighboring seeds of {@link Random} begin alike; multiples of this do not. */
    private static final long SPREAD = 0x9E3779B97F4A7C15L;

    private static final int[] BLOCK_SIZES = {16, 32, 64, 128};
    private static final int[] HEAD_DIMS = {8, 16, 32, 40, 64, 80, 96, 128, 160, 192, 256};

    private static final DType[] DTYPES = {DType.FP32, DType.FP32, DType.FP16, DType.BF16};

    /**
     * Largest head dim where no query sees two keys; the dtype is float32 there. The gradients of q and k are 0 but for the rounding of sums over the
     * head dim, and of out if that has 16 bits; plain attention, whose error sets the tolerance, happens to have none.
     */
    private static final int MOST_WITHOUT_CHOICE = 32;

    private RandomSpecs() {}

    /**
     * One attention.
     *
     * @param seed what it was drawn from
     * @param inputs what goes in; tensors are standard normal, rounded to the spec's dtype
     * @param dOut gradient of out, shaped as q
     */
    public record Drawn(long seed, AttentionSpec spec, AttentionInputs inputs, Tensor dOut) {
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
        Random random = new Random(seed * SPREAD);
        AttentionSpec spec = spec(random, longest);
        DType drawn = DTYPES[random.nextInt(DTYPES.length)];
        while (spec.headDim() > MOST_WITHOUT_CHOICE && !someQueryHasAChoice(spec)) {
            spec = spec(random, longest);
        }
        DType dtype = someQueryHasAChoice(spec) ? drawn : DType.FP32;
        spec = spec.withDtype(dtype);
        AttentionInputs inputs = AttentionInputs.of(normal(random, spec.qShape()).to(dtype), normal(random, spec.kvShape()).to(dtype),
                normal(random, spec.kvShape()).to(dtype));
        Tensor dOut = normal(random, spec.qShape()).to(dtype);
        inputs = inputs.withSeed(random.nextLong(), random.nextInt());
        return new Drawn(seed, spec, inputs.withMask(mask(random, spec.maskShape())).withBias(bias(random, spec.biasShape())), dOut);
    }

    private static boolean someQueryHasAChoice(AttentionSpec spec) {
        for (int b = 0; b < spec.batch(); b++) {
            for (int h = 0; h < spec.heads(); h++) {
                for (int i = 0; i < spec.seqQ(); i++) {
                    int keys = 0;
                    for (int j = spec.firstVisible(i); j <= spec.lastVisible(i, b); j++) {
                        keys += spec.visible(b, h, i, j) ? 1 : 0;
                    }
                    if (keys > 1) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    private static AttentionSpec spec(Random random, int longest) {
        int seqQ = length(random, longest);
        int seqK = random.nextInt(3) == 0 ? seqQ : length(random, longest);
        int headDim = headDim(random);
        // Few heads where each is large, so that no one attention takes long.
        int most = (int) Math.clamp((long) longest * longest * 32 / ((long) seqQ * seqK * headDim), 1, 8);
        int kvHeads = 1 + random.nextInt(Math.min(3, most));
        int heads = kvHeads * (1 + random.nextInt(Math.min(4, most / kvHeads)));
        int batch = 1 + random.nextInt(Math.clamp(most / heads, 1, 3));
        SpecBuilder spec = AttentionSpec.builder(batch, heads, seqQ, headDim).kvHeads(kvHeads).seqK(seqK);
        spec.causal(Causal.values()[random.nextInt(3)]);
        if (random.nextInt(3) == 0) {
            spec.window(side(random, seqK), side(random, seqK));
        }
        if (random.nextInt(3) == 0) {
            spec.keyLengths(random.ints(batch, 0, seqK + 1).map(length -> random.nextInt(5) == 0 ? 0 : length).toArray());
        }
        if (random.nextInt(3) == 0) {
            spec.scale((random.nextInt(4) == 0 ? -1 : 1) * (0.2 + 2 * random.nextDouble()) / Math.sqrt(headDim));
        }
        if (random.nextInt(3) == 0) {
            spec.softcap(0.5 + random.nextInt(20));
        }
        switch (random.nextInt(6)) {
            case 0 -> spec.alibi();
            case 1 -> spec.alibiSlopes(floats(random, heads, 0.3));
            default -> { }
        }
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
        if (random.nextInt(3) == 0) {
            spec.dropout(random.nextInt(4) == 0 ? 0.9 : random.nextDouble() / 2);
        }
        return spec.build();
    }

    /** One in four is tiny, one in four is any length, the others are a tile edge or one off it. */
    private static int length(Random random, int longest) {
        int length = switch (random.nextInt(4)) {
            case 0 -> 1 + random.nextInt(5);
            case 1 -> 1 + random.nextInt(longest);
            default -> 16 * (1 + random.nextInt(Math.ceilDiv(longest, 16))) + random.nextInt(3) - 1;
        };
        return Math.min(length, longest);
    }

    private static int headDim(Random random) {
        return switch (random.nextInt(8)) {
            case 0, 1, 2 -> 1 + random.nextInt(48);
            case 3 -> 1 + random.nextInt(AttentionSpec.MAX_HEAD_DIM);
            case 4 -> Math.min(HEAD_DIMS[random.nextInt(HEAD_DIMS.length)] + random.nextInt(3) - 1, AttentionSpec.MAX_HEAD_DIM);
            default -> HEAD_DIMS[random.nextInt(HEAD_DIMS.length)];
        };
    }

    private static int side(Random random, int seqK) {
        return switch (random.nextInt(4)) {
            case 0 -> -1;
            case 1 -> random.nextInt(3);
            default -> random.nextInt(seqK);
        };
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
        float[] bias = floats(random, shape[0] * shape[1] * shape[2] * shape[3], 1);
        for (int n = 0; n < bias.length; n++) {
            bias[n] = random.nextInt(12) == 0 ? Float.NEGATIVE_INFINITY : bias[n];
        }
        return Tensor.of(bias, shape);
    }

    private static float[] floats(Random random, int count, double deviation) {
        float[] floats = new float[count];
        for (int n = 0; n < count; n++) {
            floats[n] = (float) (random.nextGaussian() * deviation);
        }
        return floats;
    }

    private static Tensor normal(Random random, int[] shape) {
        int size = 1;
        for (int length : shape) {
            size *= length;
        }
        return Tensor.of(floats(random, size, 1), shape);
    }
}
