package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.kernels.Extent;

/**
 * How one launch of a flash kernel cuts its work: tiles of {@code blockQ} queries and {@code blockK} keys, groups of {@code threadsX * threadsY} work-items.
 */
record Tiling(int blockQ, int blockK, int threadsX, int threadsY) {
    int group() {
        return threadsX * threadsY;
    }

    int of(Extent extent, int headDim) {
        return switch (extent) {
            case ONE -> 1;
            case BLOCK_Q -> blockQ;
            case BLOCK_K -> blockK;
            case THREADS_X -> threadsX;
            case THREADS_Y -> threadsY;
            case HEAD_DIM -> Math.ceilDiv(headDim, threadsX) * threadsX;
        };
    }

    @Override
    public String toString() {
        return blockQ + "x" + blockK + "/" + threadsX + "x" + threadsY;
    }
}
