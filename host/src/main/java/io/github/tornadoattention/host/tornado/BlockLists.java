package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.DeviceException;
import java.util.stream.IntStream;

/**
 * A block mask as the kernels walk it: for each tile of one side, which tiles of the other side to visit. Layout as {@code
 * io.github.tornadoattention.kernels .Visits} reads it: offsets of all rows and one more, then the rows. Tiles that the band
 * hides whole are left out.
 *
 * @param lists the lists; offsets count from the first element
 * @param offsets how many elements are offsets, which move with the lists
 * @param headStride rows from one query head to the next; 0 if heads share them
 */
record BlockLists(int[] lists, int offsets, int headStride) {
    /** More do not fit into one array beside the slots and key lengths. */
    private static final int MOST = Integer.MAX_VALUE / 2;

    /** What the kernels get where there is no mask: they do not read it. */
    static final BlockLists NONE = new BlockLists(new int[0], 0, 0);

    /** For each tile of {@code blockQ} queries the tiles of {@code blockK} keys. */
    static BlockLists ofQueries(AttentionSpec spec, Tiling tiling) {
        return of(spec, Math.ceilDiv(spec.seqQ(), tiling.blockQ()), Math.ceilDiv(spec.seqK(), tiling.blockK()), tiling, false);
    }

    /** For each tile of {@code blockK} keys the tiles of {@code blockQ} queries: the transpose. */
    static BlockLists ofKeys(AttentionSpec spec, Tiling tiling) {
        return of(spec, Math.ceilDiv(spec.seqK(), tiling.blockK()), Math.ceilDiv(spec.seqQ(), tiling.blockQ()), tiling, true);
    }

    /** The mask itself, 0 or 1 for each block, for kernels that test every pair. */
    static BlockLists ofPairs(AttentionSpec spec) {
        BlockMask mask = spec.blockMask();
        if (mask == null) {
            return NONE;
        }
        byte[] set = mask.set();
        return new BlockLists(IntStream.range(0, set.length).map(n -> set[n]).toArray(), 0,
                mask.heads() == 1 ? 0 : mask.rows() * mask.cols());
    }

    private static BlockLists of(AttentionSpec spec, int rows, int columns, Tiling tiling, boolean transposed) {
        BlockMask mask = spec.blockMask();
        if (mask == null) {
            return NONE;
        }
        long offsets = (long) mask.heads() * rows + 1;
        long total = offsets;
        for (int pass = 0; ; pass++) {
            int[] lists = pass == 0 ? null : new int[(int) total];
            long at = offsets;
            for (int head = 0; head < mask.heads(); head++) {
                for (int row = 0; row < rows; row++) {
                    if (lists != null) {
                        lists[head * rows + row] = (int) at;
                    }
                    for (int column = 0; column < columns; column++) {
                        int q = transposed ? column : row;
                        int k = transposed ? row : column;
                        if (visited(spec, mask, head, q * tiling.blockQ(), k * tiling.blockK(), tiling)) {
                            if (lists != null) {
                                lists[(int) at] = column;
                            }
                            at++;
                        }
                    }
                }
            }
            if (lists != null) {
                lists[(int) offsets - 1] = (int) at;
                return new BlockLists(lists, (int) offsets, mask.heads() == 1 ? 0 : rows);
            }
            total = at;
            if (total > MOST) {
                throw new DeviceException("the block mask lists %d tiles, too many for one array; use larger blocks"
                        .formatted(total));
            }
        }
    }

    /** Whether a tile lies in a block that is set and in the band. */
    private static boolean visited(AttentionSpec spec, BlockMask mask, int head, int query, int key, Tiling tiling) {
        if (!mask.isSet(head, query / mask.size(), key / mask.size())) {
            return false;
        }
        long queryLast = Math.min(query + tiling.blockQ(), spec.seqQ()) - 1;
        long keyLast = Math.min(key + tiling.blockK(), spec.seqK()) - 1;
        return keyLast >= (long) query + spec.diagonal() - spec.leftBound()
                && key <= queryLast + spec.diagonal() + spec.rightBound();
    }
}
