package io.github.tornadoattention.host;

import java.util.Random;

/** Random arrays for a spec, the same for the same seed. */
public record Inputs(AttentionSpec spec, AttentionInputs inputs, Tensor dOut) {
    private static final long SEED = 0x0123456789ABCDEFL;
    private static final int OFFSET = -5;

    /** Queries, keys and values alone, but for a seed. */
    public Inputs(AttentionSpec spec, Tensor q, Tensor k, Tensor v, Tensor dOut) {
        this(spec, AttentionInputs.of(q, k, v).withSeed(SEED, OFFSET), dOut);
    }

    /** Standard normal numbers, rounded to the spec's type. */
    public static Inputs random(AttentionSpec spec, long seed) {
        Random random = new Random(seed);
        Inputs plain = new Inputs(spec, normal(random, spec.qShape()).to(spec.dtype()),
                normal(random, spec.kvShape()).to(spec.dtype()),
                normal(random, spec.kvShape()).to(spec.dtype()), normal(random, spec.qShape()).to(spec.dtype()));
        int[] maskShape = spec.maskShape();
        int[] biasShape = spec.biasShape();
        DenseMask mask = maskShape == null ? null : mask(random, 0.7, maskShape);
        Tensor bias = biasShape == null ? null : normal(random, biasShape);
        return new Inputs(spec, plain.inputs.withMask(mask).withBias(bias), plain.dOut);
    }

    private static DenseMask mask(Random random, double density, int... shape) {
        boolean[] visible = new boolean[shape[0] * shape[1] * shape[2] * shape[3]];
        for (int n = 0; n < visible.length; n++) {
            visible[n] = random.nextDouble() < density;
        }
        return DenseMask.of(visible, shape);
    }

    /** Queries. */
    public Tensor q() {
        return inputs.q();
    }

    /** Keys. */
    public Tensor k() {
        return inputs.k();
    }

    /** Values. */
    public Tensor v() {
        return inputs.v();
    }

    /** The same with other queries, keys and values. */
    public Inputs with(Tensor q, Tensor k, Tensor v) {
        return new Inputs(spec, AttentionInputs.of(q, k, v).withMask(inputs.mask()).withBias(inputs.bias())
                .withSeed(inputs.seed(), inputs.dropoutOffset()), dOut);
    }

    /** Standard normal numbers in a shape. */
    public static Tensor normal(Random random, int... shape) {
        int size = 1;
        for (int length : shape) {
            size *= length;
        }
        float[] values = new float[size];
        for (int n = 0; n < size; n++) {
            values[n] = (float) random.nextGaussian();
        }
        return Tensor.of(values, shape);
    }

    /** A mask whose blocks are set with the given probability. */
    public static BlockMask mask(AttentionSpec spec, int size, int heads, double density, long seed) {
        Random random = new Random(seed);
        int rows = Math.ceilDiv(spec.seqQ(), size);
        int cols = Math.ceilDiv(spec.seqK(), size);
        byte[] set = new byte[heads * rows * cols];
        for (int n = 0; n < set.length; n++) {
            set[n] = (byte) (random.nextDouble() < density ? 1 : 0);
        }
        return new BlockMask(size, heads, rows, cols, set);
    }

    /** Everything that an attention computes. */
    public record Result(Forward forward, Gradients gradients) {}

    /** Runs forward and backward. */
    public Result on(Backend backend, Algorithm algorithm) {
        try (Attention attention = Attention.on(backend, spec, algorithm)) {
            Forward f = attention.forward(inputs);
            return new Result(f, attention.backward(dOut, f));
        }
    }
}
