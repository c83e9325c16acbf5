package io.github.tornadoattention.host.check;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.Tensor;
import java.util.Random;

/** What the random cases of all kinds draw alike: sizes around the edges of tiles, options, numbers. */
final class Draws {
    /** Neighboring seeds of {@link Random} begin alike; multiples of this do not. */
    private static final long SPREAD = 0x9E3779B97F4A7C15L;

    private static final int[] HEAD_DIMS = {8, 16, 32, 40, 64, 80, 96, 128, 160, 192, 256};

    private static final DType[] DTYPES = {DType.FP32, DType.FP32, DType.FP16, DType.BF16};

    private Draws() {}

    static Random random(long seed) {
        return new Random(seed * SPREAD);
    }

    static DType dtype(Random random) {
        return DTYPES[random.nextInt(DTYPES.length)];
    }

    /** Few heads where each is large, so that no one attention takes long; {@code work} is queries by keys by head dim. */
    static int mostHeads(int longest, long work) {
        return (int) Math.clamp((long) longest * longest * 32 / work, 1, 8);
    }

    /** Causal and window. */
    static void sight(Random random, SpecBuilder spec, int seqK) {
        spec.causal(Causal.values()[random.nextInt(3)]);
        if (random.nextInt(3) == 0) {
            spec.window(side(random, seqK), side(random, seqK));
        }
    }

    /** Scale, softcap and ALiBi. */
    static void scores(Random random, SpecBuilder spec, int heads, int headDim) {
        if (random.nextInt(3) == 0) {
            spec.scale((random.nextInt(4) == 0 ? -1 : 1) * (0.2 + 2 * random.nextDouble()) / Math.sqrt(headDim));
        }
        if (random.nextInt(3) == 0) {
            spec.softcap(0.5 + random.nextInt(20));
        }
        switch (random.nextInt(6)) {
            case 0 -> spec.alibi();
            case 1 -> spec.alibiSlopes(Draws.floats(random, heads, 0.3));
            default -> { }
        }
    }

    static void dropout(Random random, SpecBuilder spec) {
        if (random.nextInt(3) == 0) {
            spec.dropout(random.nextInt(4) == 0 ? 0.9 : random.nextDouble() / 2);
        }
    }

    /** One in four is tiny, one in four is any length, the others are a tile edge or one off it. */
    static int length(Random random, int longest) {
        int length = switch (random.nextInt(4)) {
            case 0 -> 1 + random.nextInt(5);
            case 1 -> 1 + random.nextInt(longest);
            default -> 16 * (1 + random.nextInt(Math.ceilDiv(longest, 16))) + random.nextInt(3) - 1;
        };
        return Math.min(length, longest);
    }

    static int headDim(Random random) {
        return switch (random.nextInt(8)) {
            case 0, 1, 2 -> 1 + random.nextInt(48);
            case 3 -> 1 + random.nextInt(AttentionSpec.MAX_HEAD_DIM);
            case 4 -> Math.min(HEAD_DIMS[random.nextInt(HEAD_DIMS.length)] + random.nextInt(3) - 1, AttentionSpec.MAX_HEAD_DIM);
            default -> HEAD_DIMS[random.nextInt(HEAD_DIMS.length)];
        };
    }

    static int side(Random random, int seqK) {
        return switch (random.nextInt(4)) {
            case 0 -> -1;
            case 1 -> random.nextInt(3);
            default -> random.nextInt(seqK);
        };
    }

    static float[] floats(Random random, int count, double deviation) {
        float[] floats = new float[count];
        for (int n = 0; n < count; n++) {
            floats[n] = (float) (random.nextGaussian() * deviation);
        }
        return floats;
    }

    static Tensor normal(Random random, int[] shape) {
        int size = 1;
        for (int length : shape) {
            size *= length;
        }
        return Tensor.of(floats(random, size, 1), shape);
    }
}
