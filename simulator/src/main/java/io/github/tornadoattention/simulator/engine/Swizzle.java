package io.github.tornadoattention.simulator.engine;

import uk.ac.manchester.tornado.api.types.HalfFloat;

/**
 * Moves the elements of a tile of halves in local memory, 16 bytes together, so that rows that are read together lie in different
 * banks: byte b goes to {@code b ^ (b >> 7 & 7) << 4}.
 */
final class Swizzle {

    private Swizzle() {
    }

    /** Where a byte goes. */
    static int bytes(int address) {
        return address ^ (address >> 7 & 7) << 4;
    }

    /** Reads the element at a row and a column. */
    static HalfFloat load(HalfFloat[] tile, int row, int column, int stride, int site) {
        int index = bytes((row * stride + column) * 2) / 2;
        Hooks.access(tile, index, false, site);
        return tile[index];
    }

    /** Writes the element at a row and a column of the tile that starts at a byte. */
    static void store(HalfFloat[] tile, int row, int column, int stride, HalfFloat value, int byteOffset, int site) {
        int index = (bytes((row * stride + column) * 2) + byteOffset) / 2;
        Hooks.access(tile, index, true, site);
        tile[index] = value;
    }
}
