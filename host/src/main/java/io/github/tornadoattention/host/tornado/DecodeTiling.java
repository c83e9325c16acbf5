package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.kernels.MergeParts;

/**
 * How decoding is cut on a device: the launch contract of {@code DecodeForward}.
 *
 * @param rows queries of a group, over all heads that share a key head
 * @param keysEach keys that a line takes at a time
 * @param threadsX work-items of a line
 * @param threadsY lines of a group
 * @param width head dimension that the work-items of a line have together
 * @param rowTiles groups that share a key head and a part of its keys
 * @param splits parts of the keys
 */
record DecodeTiling(int rows, int keysEach, int threadsX, int threadsY, int width, int rowTiles, int splits) {
    /** Registers for queries, and as many for outputs; with more, the keys no longer fit beside them. */
    private static final int ROW_REGISTERS = 32;

    /** Registers for keys, and as many for values. Twice as many where two numbers are read into one, or rows need few. */
    private static final int KEY_REGISTERS = 16;

    /** Scores of a line at a time, which bounds local memory. */
    private static final int SCORES = 32;

    private static final int MOST_ROWS = 16;
    private static final int GROUP = 128;

    /** Groups that a compute unit has at a time, which registers decide. All of them together are one wave. */
    private static final int GROUPS_PER_UNIT = 4;

    /** Parts of the keys below which a second wave is cheaper than the compute units that the first one leaves idle. */
    private static final int FEW_SPLITS = 3;

    /** Parts of the keys that are worth merging. */
    private static final int MOST_SPLITS = 1024;

    /** Keys below which a part is not worth a group, in turns of all lines. */
    private static final int FEWEST_TURNS = 2;

    /**
     * The tiling for a spec whose seqQ is the most queries of a step and whose seqK is the capacity.
     *
     * @param cached the cache's type; 16-bit numbers go to work-items in pairs
     * @param units compute units of the device
     * @throws DeviceException if the device has too little local memory or allows too small groups
     */
    static DecodeTiling choose(AttentionSpec spec, DType cached, Limits limits, int units) {
        int group = (int) Math.min(GROUP, Long.highestOneBit(limits.group()));
        int threadsX = Math.min(group, spec.headDim() <= 64 ? 16 : 32);
        int threadsY = group / threadsX;
        int together = cached == DType.FP32 ? 1 : 2;
        int columns = Math.ceilDiv(spec.headDim(), together * threadsX) * together;
        int all = spec.heads() / spec.kvHeads() * spec.seqQ();
        int rows = Math.min(Integer.highestOneBit(Math.max(1, ROW_REGISTERS / columns)), MOST_ROWS);
        while (rows / 2 >= all) {
            rows /= 2;
        }
        int keys = (cached == DType.BF16 || 4 * rows * columns <= ROW_REGISTERS ? 2 : 1) * KEY_REGISTERS / columns;
        int keysEach = Integer.highestOneBit(Math.clamp(Math.min(SCORES / rows, keys), 1, 8));
        int rowTiles = Math.ceilDiv(all, rows);
        long tiles = (long) spec.batch() * spec.kvHeads() * rowTiles;
        int most = Math.max(1, spec.seqK() / (FEWEST_TURNS * threadsY * keysEach));
        long wave = (long) GROUPS_PER_UNIT * units;
        long wanted = wave / tiles >= FEW_SPLITS ? wave / tiles : 2 * wave / tiles;
        int splits = (int) Math.clamp(wanted, 1, Math.min(most, MOST_SPLITS));
        DecodeTiling tiling = new DecodeTiling(rows, keysEach, threadsX, threadsY, columns * threadsX, rowTiles, splits);
        if (tiling.localBytes() > limits.localBytes()) {
            throw new DeviceException("decoding needs %d bytes of local memory, the device has %d"
                    .formatted(tiling.localBytes(), limits.localBytes()));
        }
        return tiling;
    }

    int group() {
        return threadsX * threadsY;
    }

    long groups(AttentionSpec spec) {
        return (long) spec.batch() * spec.kvHeads() * rowTiles * splits;
    }

    /** What a group allocates, of the kernel of the two that allocates more. */
    long localBytes() {
        long pairs = (long) threadsY * rows * keysEach;
        long parts = Math.max(pairs * (threadsX + 1), (long) threadsY * rows * width) + 2 * pairs + (threadsY + 2L) * rows;
        return Float.BYTES * Math.max(parts, MergeParts.localFloats(splits));
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
