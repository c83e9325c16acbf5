package io.github.tornadoattention.host;

import java.util.Arrays;
import java.util.function.IntBinaryOperator;

/**
 * Which blocks of the score matrix are computed: 1 = compute, 0 = skip, as if every pair in it were invisible.
 *
 * @param size queries and keys of a block, at least 1; the last row and column of blocks may be cut short by the sequence
 * @param heads 1 if all query heads share the mask, else the number of query heads
 * @param rows blocks along the queries, {@code ceil(seqQ / size)}
 * @param cols blocks along the keys, {@code ceil(seqK / size)}
 * @param set {@code [heads, rows, cols]} row-major, each 0 or 1 (copied)
 */
public record BlockMask(int size, int heads, int rows, int cols, byte[] set) {
    /**
     * Checks and copies.
     *
     * @throws IllegalArgumentException if a number is below 1, the array has another length, or holds anything but 0 and 1
     */
    public BlockMask {
        if (size < 1 || heads < 1 || rows < 1 || cols < 1) {
            throw new IllegalArgumentException(
                    "block mask: size %d, heads %d, rows %d and cols %d must be at least 1".formatted(size, heads, rows, cols));
        }
        long entries = Math.multiplyHigh((long) heads * rows, cols) == 0 ? (long) heads * rows * cols : -1;
        if (entries != set.length) {
            throw new IllegalArgumentException(
                    "block mask: [%d, %d, %d] needs %s entries, there are %d"
                            .formatted(heads, rows, cols, entries < 0 ? "2^63 or more" : Long.toString(entries), set.length));
        }
        for (int n = 0; n < set.length; n++) {
            if (set[n] != 0 && set[n] != 1) {
                throw new IllegalArgumentException(
                        "block mask: entry [%d, %d, %d] is %d, only 0 and 1 are allowed"
                                .formatted(n / cols / rows, n / cols % rows, n % cols, set[n]));
            }
        }
        set = set.clone();
    }

    /** The entries, {@code [heads, rows, cols]} (a copy). */
    @Override
    public byte[] set() {
        return set.clone();
    }

    /**
     * Whether a block is computed.
     *
     * @param head query head; any head if the mask is shared
     * @param row block along the queries, {@code query / size}
     * @param col block along the keys, {@code key / size}
     */
    public boolean isSet(int head, int row, int col) {
        return set[((heads == 1 ? 0 : head) * rows + row) * cols + col] != 0;
    }

    /**
     * The blocks that are set in both masks.
     *
     * @throws IllegalArgumentException if the masks differ in block size or number of blocks, or in heads where neither is shared
     */
    public BlockMask and(BlockMask other) {
        return combined(other, (a, b) -> a & b);
    }

    /**
     * The blocks that are set in either mask.
     *
     * @throws IllegalArgumentException if the masks differ in block size or number of blocks, or in heads where neither is shared
     */
    public BlockMask or(BlockMask other) {
        return combined(other, (a, b) -> a | b);
    }

    private BlockMask combined(BlockMask other, IntBinaryOperator operator) {
        boolean alike = size == other.size && rows == other.rows && cols == other.cols;
        if (!alike || heads != 1 && other.heads != 1 && heads != other.heads) {
            throw new IllegalArgumentException("%s and %s cannot be combined".formatted(this, other));
        }
        int most = Math.max(heads, other.heads);
        byte[] both = new byte[Math.multiplyExact(most, rows * cols)];
        for (int n = 0; n < both.length; n++) {
            both[n] = (byte) operator.applyAsInt(set[n % set.length], other.set[n % other.set.length]);
        }
        return new BlockMask(size, most, rows, cols, both);
    }

    /** The fraction of blocks that are set, 0..1. */
    public double density() {
        int count = 0;
        for (byte b : set) {
            count += b;
        }
        return (double) count / set.length;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof BlockMask m
                && size == m.size
                && heads == m.heads
                && rows == m.rows
                && cols == m.cols
                && Arrays.equals(set, m.set);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * size + rows) + Arrays.hashCode(set);
    }

    @Override
    public String toString() {
        return "BlockMask[size=%d, heads=%d, rows=%d, cols=%d, density=%.3f]".formatted(size, heads, rows, cols, density());
    }
}
