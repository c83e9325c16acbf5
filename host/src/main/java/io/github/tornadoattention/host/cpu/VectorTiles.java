package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;

/** How the vector code cuts the work; by the spec alone, never by the number of threads. */
final class VectorTiles {
    /** Panels of a tile: each packed key serves that many. */
    private static final int MOST_PANELS = 4;

    /** Head dims from which on tiles are half as wide, to keep a worker's memory below 1 MB. */
    private static final int LARGE_HEAD_DIM = 129;

    /** Tiles below which they are made smaller, so that many cores find work. */
    private static final int FEW_TILES = 32;

    private VectorTiles() {}

    /** What runs, for reports. */
    static String width() {
        return "%d-bit vectors".formatted(Lanes.FLOATS.vectorBitSize());
    }

    static Tiles ofQueries(AttentionSpec spec) {
        int panels = spec.headDim() >= LARGE_HEAD_DIM ? MOST_PANELS / 2 : MOST_PANELS;
        long rows = (long) spec.batch() * spec.heads();
        while (panels > 1 && rows * Math.ceilDiv(spec.seqQ(), panels * Lanes.WIDTH) < FEW_TILES) {
            panels /= 2;
        }
        return Tiles.of(spec.seqQ(), spec.blockMask(), panels * Lanes.WIDTH, Lanes.WIDTH);
    }

    static ForwardTile forward(AttentionSpec spec, Tiles tiles) {
        return new VectorForward(spec, Math.ceilDiv(tiles.width(), Lanes.WIDTH));
    }

    /** Tiles of keys for the backward pass. */
    static Tiles ofKeys(AttentionSpec spec) {
        int panels = spec.headDim() >= LARGE_HEAD_DIM ? 1 : 2;
        return Tiles.of(spec.seqK(), spec.blockMask(), panels * Lanes.WIDTH, Lanes.WIDTH);
    }

    static VectorBackward backward(AttentionSpec spec, Tiles tiles) {
        return new VectorBackward(spec, Math.ceilDiv(tiles.width(), Lanes.WIDTH));
    }
}
