package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.BlockMask;
import org.jspecify.annotations.Nullable;

/**
 * How a sequence is cut into tiles. A tile never crosses the border of a mask block, so that a block mask hides or shows the
 * other side of a tile as a whole. Tiles may be empty behind a short last block.
 *
 * @param length items of the sequence
 * @param block items of a mask block (the sequence itself without a mask)
 * @param width items of a tile
 * @param perBlock tiles of a block
 */
record Tiles(int length, int block, int width, int perBlock) {
    /** Widths are multiples of this where the sequence allows, to leave few items over when loops are vectorized. */
    private static final int LANES = 16;

    static Tiles of(int length, @Nullable BlockMask mask, int widest) {
        return of(length, mask, widest, LANES);
    }

    /** With widths that are multiples of {@code lanes} where blocks allow. */
    static Tiles of(int length, @Nullable BlockMask mask, int widest, int lanes) {
        int block = mask == null ? length : Math.min(length, mask.size());
        int pieces = Math.ceilDiv(block, widest);
        int even = Math.ceilDiv(block, pieces);
        int width = Math.min(widest, Math.ceilDiv(even, lanes) * lanes);
        return new Tiles(length, block, width, Math.ceilDiv(block, width));
    }

    int count() {
        return Math.ceilDiv(length, block) * perBlock;
    }

    int start(int tile) {
        return border(tile / perBlock, (long) (tile % perBlock) * width);
    }

    int end(int tile) {
        return border(tile / perBlock, (long) (tile % perBlock + 1) * width);
    }

    private int border(int blockIndex, long inBlock) {
        return (int) Math.min(length, (long) blockIndex * block + Math.min(block, inBlock));
    }
}
