package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.DeviceMemoryException;

/**
 * How an attention that does not fit the device is cut.
 *
 * @param heads query heads of a block, which share a key head
 * @param queries queries of a block
 * @param keys keys of a block
 * @param headDim length of one query or key
 */
record BlockSize(int heads, int queries, int keys, int headDim) {
    /** Blocks begin at multiples of this. */
    private static final int STEP = 16;

    /** Bytes of what else a plan has on the device: lengths, places, scale and slopes. */
    private static final int BESIDES = 4096;

    /**
     * The largest blocks that fit; with a block mask, the mask's blocks, so that each is computed whole or not at all.
     *
     * @throws DeviceMemoryException if not even the smallest fit
     */
    static BlockSize choose(AttentionSpec spec, Limits limits) {
        BlockMask mask = spec.blockMask();
        int heads = mask != null && mask.heads() > 1 ? 1 : spec.heads() / spec.kvHeads();
        int queries = mask == null ? rounded(spec.seqQ()) : Math.min(mask.size(), spec.seqQ());
        int keys = mask == null ? rounded(spec.seqK()) : Math.min(mask.size(), spec.seqK());
        BlockSize size = new BlockSize(heads, queries, keys, spec.headDim());
        while (mask == null && !size.fits(limits) && (size.queries > STEP || size.keys > STEP)) {
            boolean fewerQueries = size.queries > STEP && (size.keys == STEP || (long) heads * size.queries >= size.keys);
            size = fewerQueries
                    ? new BlockSize(heads, rounded(size.queries / 2), size.keys, spec.headDim())
                    : new BlockSize(heads, size.queries, rounded(size.keys / 2), spec.headDim());
        }
        limits.require("one block of %d queries of %d heads and %d keys".formatted(size.queries, heads, size.keys),
                Float.BYTES * (long) Math.max(size.queryElements(), size.keyElements()), size.bytes());
        return size;
    }

    private static int rounded(int length) {
        return Math.ceilDiv(length, STEP) * STEP;
    }

    private boolean fits(Limits limits) {
        long query = (long) heads * queries * headDim;
        long key = (long) keys * headDim;
        return query <= Integer.MAX_VALUE && key <= Integer.MAX_VALUE && bytes() <= limits.totalBytes()
                && Float.BYTES * Math.max(query, key) <= limits.arrayBytes();
    }

    /** Device memory of both passes, held at once: q, k, v, out and lse twice, dOut, delta, dq, dk and dv. */
    long bytes() {
        return Float.BYTES * (6L * heads * queries * headDim + 6L * keys * headDim + 3L * heads * queries) + BESIDES;
    }

    int queryElements() {
        return heads * queries * headDim;
    }

    int keyElements() {
        return keys * headDim;
    }
}
