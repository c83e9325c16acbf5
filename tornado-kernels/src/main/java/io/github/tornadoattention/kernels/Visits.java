package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Which tiles a group visits. Without {@link Options#BLOCKS} they are a range. With it they are listed in the {@code shape} array
 * (block-sparse FlashAttention, arXiv 2205.14135, algorithm 5): from {@link Shape#LISTS} on stand the offsets of all rows, and of
 * one more, and the row whose offset stands at {@code listed} names its tiles in rising order from {@code shape[listed]} up to
 * {@code shape[listed + 1]}.
 */
final class Visits {
    private Visits() {
    }

    /** Number of the first visit, where {@code tile} is the first of the range. */
    static int first(int options, IntArray shape, int listed, int tile) {
        return (options & Options.BLOCKS) == 0 ? tile : shape.get(listed);
    }

    /** One past the number of the last visit: tiles from {@code tileEnd} on are left out. */
    static int end(int options, IntArray shape, int listed, int first, int tileEnd) {
        int end = tileEnd;
        if ((options & Options.BLOCKS) != 0) {
            int low = first;
            int high = shape.get(listed + 1);
            while (low < high) { // all visits before low are below tileEnd, all from high on are not
                int middle = (low + high) / 2;
                int below = shape.get(middle) < tileEnd ? 1 : 0;
                low = below != 0 ? middle + 1 : low;
                high = below != 0 ? high : middle;
            }
            end = low;
        }
        return end;
    }

    /** The tile of visit {@code n}. */
    static int tile(int options, IntArray shape, int n) {
        return (options & Options.BLOCKS) == 0 ? n : shape.get(n);
    }

    /**
     * 1 if the block mask, which stands where the lists would, lets the query see the key: what standard attention, which has no
     * tiles, asks for every pair.
     */
    static int computes(int options, IntArray shape, int head, int query, int key) {
        int set = 1;
        if ((options & Options.BLOCKS) != 0) {
            int size = shape.get(Shape.BLOCK_SIZE);
            set = shape.get(shape.get(Shape.LISTS) + head * shape.get(Shape.LIST_HEAD_STRIDE)
                    + query / size * shape.get(Shape.BLOCK_COLUMNS) + key / size);
        }
        return set;
    }
}
