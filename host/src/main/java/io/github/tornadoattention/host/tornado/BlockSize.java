package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.DeviceMemoryException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How an attention that does not fit the device is cut.
 *
 * @param lanes blocks that are under way at a time, 1 or 2
 * @param heads query heads of a block, which share a key head
 * @param queries queries of a block
 * @param keys keys of a block
 * @param headDim length of one query or key
 */
record BlockSize(int lanes, int heads, int queries, int keys, int headDim) {
    /** Blocks begin at multiples of this. */
    private static final int STEP = 16;

    /**
     * Pairs of a block from which on two blocks at a time win, though blocks could be larger one at a time. On an H100: see
     * docs/kernels.md.
     */
    private static final long PAIRS_WORTH_HALVING = 1L << 30;

    /** Bytes of what else a plan has on the device: lengths, places, scale and slopes. */
    private static final int BESIDES = 4096;

    /**
     * The largest blocks that fit; with a block mask, the mask's blocks, so that each is computed whole or not at all.
     *
     * @throws DeviceMemoryException if not even the smallest fit
     */
    static BlockSize choose(AttentionSpec spec, Limits limits) {
        BlockSize one = largest(1, spec, limits);
        limits.require("a block of %d queries of %d heads and %d keys".formatted(one.queries, one.heads, one.keys),
                Float.BYTES * Math.max(one.biasElements(spec), Math.max(one.queryElements(), one.keyElements())),
                one.bytes(spec));
        BlockSize two = largest(2, spec, limits);
        return two.fits(spec, limits) && two.isWorthItBeside(one) ? two : one;
    }

    private static BlockSize largest(int lanes, AttentionSpec spec, Limits limits) {
        BlockSize size = of(lanes, spec, spec.seqQ(), spec.seqK());
        while (size.canShrink(spec) && !size.fits(spec, limits)) {
            size = size.smaller();
        }
        return size;
    }

    /** Whether two of these blocks at a time are faster than one that may be larger; see docs/kernels.md for what was seen. */
    private boolean isWorthItBeside(BlockSize one) {
        return queries == one.queries && keys == one.keys || (long) heads * queries * keys >= PAIRS_WORTH_HALVING;
    }

    /** Two blocks of about so many queries and keys, or of fewer that need less memory than this; empty if all need more. */
    static Optional<BlockSize> below(AttentionSpec spec, int queries, int keys, long bytes) {
        BlockSize size = of(2, spec, Math.min(queries, spec.seqQ()), Math.min(keys, spec.seqK()));
        while (size.canShrink(spec) && size.bytes(spec) >= bytes) {
            size = size.smaller();
        }
        return size.bytes(spec) < bytes ? Optional.of(size) : Optional.empty();
    }

    /** With a block mask, the mask's blocks, whatever is asked for. */
    private static BlockSize of(int lanes, AttentionSpec spec, int queries, int keys) {
        BlockMask mask = spec.blockMask();
        int heads = mask != null && mask.heads() > 1 ? 1 : spec.heads() / spec.kvHeads();
        return mask == null ? new BlockSize(lanes, heads, rounded(queries), rounded(keys), spec.headDim())
                : new BlockSize(lanes, heads, Math.min(mask.size(), spec.seqQ()), Math.min(mask.size(), spec.seqK()),
                        spec.headDim());
    }

    private boolean canShrink(AttentionSpec spec) {
        return spec.blockMask() == null && (queries > STEP || keys > STEP);
    }

    /** Half as many queries or keys, whichever are more. */
    private BlockSize smaller() {
        boolean fewerQueries = queries > STEP && (keys == STEP || (long) heads * queries >= keys);
        return fewerQueries ? new BlockSize(lanes, heads, rounded(queries / 2), keys, headDim)
                : new BlockSize(lanes, heads, queries, rounded(keys / 2), headDim);
    }

    private static int rounded(int length) {
        return Math.ceilDiv(length, STEP) * STEP;
    }

    private boolean fits(AttentionSpec spec, Limits limits) {
        long query = (long) heads * queries * headDim;
        long key = (long) keys * headDim;
        long largest = Math.max(biasElements(spec), Math.max(query, key));
        return largest <= Integer.MAX_VALUE && bytes(spec) <= limits.totalBytes() && Float.BYTES * largest <= limits.arrayBytes();
    }

    /** Device memory of the blocks that are under way at a time, and of both passes, held at once. */
    long bytes(AttentionSpec spec) {
        int[] mask = part(spec.maskShape());
        long words = mask == null ? 0 : (long) mask[1] * mask[2] * Math.ceilDiv(mask[3], Integer.SIZE);
        // bias and mask of each pass, and the bias's gradient
        return lanes * (bytes() + 3 * Float.BYTES * biasElements(spec) + 2 * Integer.BYTES * words);
    }

    /** Elements of a block's bias, 0 without one. */
    long biasElements(AttentionSpec spec) {
        int[] bias = part(spec.biasShape());
        return bias == null ? 0 : (long) bias[1] * bias[2] * bias[3];
    }

    /** The shape of a block's part of a mask or bias: 1 stays 1, for then the block shares it too. */
    int @Nullable [] part(int @Nullable [] whole) {
        return whole == null ? null
                : new int[] {1, whole[1] == 1 ? 1 : heads, whole[2] == 1 ? 1 : queries, whole[3] == 1 ? 1 : keys};
    }

    /** Device memory of one block without mask and bias: q, k, v, out and lse twice, dOut, delta, dq, dk and dv. */
    private long bytes() {
        return Float.BYTES * (6L * heads * queries * headDim + 6L * keys * headDim + 3L * heads * queries) + BESIDES;
    }

    int queryElements() {
        return heads * queries * headDim;
    }

    int keyElements() {
        return keys * headDim;
    }
}
