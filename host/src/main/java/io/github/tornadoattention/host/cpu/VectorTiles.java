package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;

/**
 * How the vector code cuts the work. Only the tiles of queries know the number of threads, because they leave every sum as it
 * is.
 */
final class VectorTiles {
    /** Panels of a tile at head dim 64: each packed key serves that many. Their memory is the same for every head dim. */
    private static final int MOST_PANELS = 8;

    private static final int USUAL_HEAD_DIM = 64;

    /** Head dims from which on tiles of keys are half as wide, to keep a worker's memory near 1 MB. */
    private static final int LARGE_HEAD_DIM = 129;

    /** Tiles that each thread should find, so that all end at about the same time. */
    private static final int TILES_A_THREAD = 8;

    private VectorTiles() {}

    /** What runs, for reports. */
    static String width() {
        return "%d-bit vectors".formatted(Lanes.FLOATS.vectorBitSize());
    }

    static Tiles ofQueries(AttentionSpec spec, int threads) {
        int panels = MOST_PANELS / Math.ceilDiv(spec.headDim(), USUAL_HEAD_DIM);
        long rows = (long) spec.batch() * spec.heads();
        while (panels > 1 && rows * Math.ceilDiv(spec.seqQ(), panels * Lanes.WIDTH) < (long) TILES_A_THREAD * threads) {
            panels /= 2;
        }
        return Tiles.of(spec.seqQ(), spec.blockMask(), panels * Lanes.WIDTH, Lanes.WIDTH);
    }

    static ForwardTile forward(AttentionSpec spec, Call call, Tiles tiles) {
        return new VectorForward(spec, call, Math.ceilDiv(tiles.width(), Lanes.WIDTH));
    }

    /** Tiles of keys for the backward pass. */
    static Tiles ofKeys(AttentionSpec spec) {
        int panels = spec.headDim() >= LARGE_HEAD_DIM ? 1 : 2;
        return Tiles.of(spec.seqK(), spec.blockMask(), panels * Lanes.WIDTH, Lanes.WIDTH);
    }

    static VectorBackward backward(AttentionSpec spec, Call call, Tiles tiles) {
        return new VectorBackward(spec, call, Math.ceilDiv(tiles.width(), Lanes.WIDTH));
    }
}
