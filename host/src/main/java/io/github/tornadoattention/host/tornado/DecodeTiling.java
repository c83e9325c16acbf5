package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DeviceException;

/**
 * How decoding is cut on a device: the launch contract of {@code DecodeForward}.
 *
 * @param rows queries of a group, over all heads that share a key head
 * @param keysEach keys that a line takes at a time
 * @param threadsX work-items of a line
 * @param threadsY lines of a group
 * @param rowTiles groups that share a key head and a part of its keys
 * @param splits parts of the keys
 */
record DecodeTiling(int rows, int keysEach, int threadsX, int threadsY, int rowTiles, int splits) {
    /** Registers for queries, and as many for outputs; with more, the keys no longer fit beside them. */
    private static final int ROW_REGISTERS = 32;

    /** Registers for keys, and as many for values. */
    private static final int KEY_REGISTERS = 32;

    /** Scores of a line at a time, which bounds local memory. */
    private static final int SCORES = 32;

    private static final int MOST_ROWS = 16;
    private static final int GROUP = 128;

    /** Groups wanted for each compute unit, so that it has something to do while others wait for memory. */
    private static final int GROUPS_PER_UNIT = 8;

    /** Keys below which a part is not worth a group, in turns of all lines. */
    private static final int FEWEST_TURNS = 2;

    /**
     * The tiling for a spec whose seqQ is the most queries of a step and whose seqK is the capacity.
     *
     * @throws DeviceException if the device has too little local memory or allows too small groups
     */
    static DecodeTiling choose(AttentionSpec spec, Limits limits, int units) {
        int group = (int) Math.min(GROUP, Long.highestOneBit(limits.group()));
        int threadsX = Math.min(group, spec.headDim() <= 64 ? 16 : 32);
        int threadsY = group / threadsX;
        int columns = Math.ceilDiv(spec.headDim(), threadsX);
        int all = spec.heads() / spec.kvHeads() * spec.seqQ();
        int rows = Math.min(Integer.highestOneBit(Math.max(1, ROW_REGISTERS / columns)), MOST_ROWS);
        while (rows / 2 >= all) {
            rows /= 2;
        }
        int keysEach = Integer.highestOneBit(Math.clamp(Math.min(SCORES / rows, KEY_REGISTERS / columns), 1, 8));
        int rowTiles = Math.ceilDiv(all, rows);
        long tiles = (long) spec.batch() * spec.kvHeads() * rowTiles;
        int most = Math.max(1, spec.seqK() / (FEWEST_TURNS * threadsY * keysEach));
        int splits = (int) Math.clamp(Math.ceilDiv((long) GROUPS_PER_UNIT * units, tiles), 1, most);
        DecodeTiling tiling = new DecodeTiling(rows, keysEach, threadsX, threadsY, rowTiles, splits);
        if (tiling.localBytes(spec.headDim()) > limits.localBytes()) {
            throw new DeviceException("decoding needs %d bytes of local memory, the device has %d"
                    .formatted(tiling.localBytes(spec.headDim()), limits.localBytes()));
        }
        return tiling;
    }

    int group() {
        return threadsX * threadsY;
    }

    long groups(AttentionSpec spec) {
        return (long) spec.batch() * spec.kvHeads() * rowTiles * splits;
    }

    /** What a group allocates. */
    long localBytes(int headDim) {
        int pairs = threadsY * rows * keysEach;
        int width = Math.ceilDiv(headDim, threadsX) * threadsX;
        return Float.BYTES * (Math.max(pairs * (threadsX + 1L), (long) threadsY * rows * width) + pairs
                + 2L * (threadsY + 1) * rows);
    }

    /** The kernel's {@code tile} argument. */
    int tile() {
        return rows << 16 | keysEach;
    }

    /** The kernel's {@code threads} argument. */
    int threads() {
        return threadsX << 16 | threadsY;
    }
}
