package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.kernels.Extent;
import java.util.List;

/**
 * How one launch of a flash kernel cuts its work.
 *
 * @param blockQ queries of a tile
 * @param blockK keys of a tile
 * @param threadsX work-items of a group that share the columns of a tile
 * @param threadsY work-items of a group that share its rows
 * @param sliceD the most elements of the head dimension that are in local memory at a time
 * @param sliceN rows of values, or of what plays their part, that are in local memory at a time
 */
record Tiling(int blockQ, int blockK, int threadsX, int threadsY, int sliceD, int sliceN) {
    int group() {
        return threadsX * threadsY;
    }

    int of(Extent extent, int headDim) {
        return switch (extent) {
            case NONE -> 0;
            case BLOCK_Q -> blockQ;
            case BLOCK_K -> blockK;
            case THREADS_X -> threadsX;
            case THREADS_Y -> threadsY;
            case HEAD_DIM -> Math.ceilDiv(headDim, threadsX) * threadsX;
            case SLICE_D -> sliceD(headDim);
            case SLICE_N -> sliceN;
        };
    }

    /** The longest slice, in whole work-items, that the padded head dimension is a multiple of. */
    private int sliceD(int headDim) {
        int perItem = Math.ceilDiv(headDim, threadsX);
        int slice = Math.min(perItem, sliceD / threadsX);
        while (perItem % slice != 0) {
            slice--;
        }
        return slice * threadsX;
    }

    /** The kernels' {@code blocks} argument. */
    int blocks() {
        return blockQ << 16 | blockK;
    }

    /** The kernels' {@code threads} argument. */
    int threads() {
        return threadsX << 16 | threadsY;
    }

    /** The kernels' {@code slices} argument. */
    int slices(int headDim) {
        return sliceD(headDim) << 16 | sliceN;
    }

    /** All six numbers, in order. */
    List<Integer> sizes() {
        return List.of(blockQ, blockK, threadsX, threadsY, sliceD, sliceN);
    }

    @Override
    public String toString() {
        String tiles = "%dx%d by %dx%d items".formatted(blockQ, blockK, threadsX, threadsY);
        return sliceD == 0 ? tiles : "%s, slices of %d and %d".formatted(tiles, sliceD, sliceN);
    }
}
