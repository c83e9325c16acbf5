package io.github.tornadoattention.simulator.engine;

/**
 * The 32 work-items, neighbors in the order x, y, z, that a device runs in step. At a warp operation each brings its operands,
 * all meet, and then each takes its own part of the result.
 */
final class Warp {

    /** Work-items of a warp. */
    static final int LANES = 32;

    /** What the lanes bring to one operation. */
    static final class Exchange {

        /** One number of each lane. */
        final float[] values = new float[LANES];
        /** The array that each lane reads from. */
        final Object[] tiles = new Object[LANES];
        /** Where each lane reads in it, in bytes. */
        final int[] addresses = new int[LANES];
        /** The left factor of a product, 16 rows of 16. */
        final float[] a = new float[16 * 16];
        /** The right factor, transposed: 8 columns of 16. */
        final float[] b = new float[8 * 16];
    }

    /** Two take turns: a lane may bring its operands to the next operation while others still read those of this one. */
    private final Exchange[] exchanges = new Exchange[2];

    /** Where lanes put their operands for the operation with a number, counted from 0. */
    Exchange exchange(int operation) {
        int turn = operation % 2;
        if (exchanges[turn] == null) {
            exchanges[turn] = new Exchange();
        }
        return exchanges[turn];
    }
}
