package io.github.tornadoattention.host;

import java.util.Random;

/**
 * The block masks that people use. All take the lengths of the sequences, {@code seqQ} and {@code seqK}, and the {@code size}
 * of a block, and make one mask for all heads; {@link BlockMask#and} and {@link BlockMask#or} combine them. Rows are blocks of
 * queries, columns are blocks of keys; where a pattern lies along the diagonal, row 0 stands opposite column 0, and a mask
 * that is not square stretches the diagonal from corner to corner.
 */
public final class BlockMasks {
    private BlockMasks() {}

    /** Whether a block is set. */
    private interface Pattern {
        boolean isSet(int row, int col);
    }

    private static BlockMask of(int seqQ, int seqK, int size, Pattern pattern) {
        int rows = blocks("seqQ", seqQ, size);
        int cols = blocks("seqK", seqK, size);
        byte[] set = new byte[Math.multiplyExact(rows, cols)];
        for (int row = 0; row < rows; row++) {
            for (int col = 0; col < cols; col++) {
                set[row * cols + col] = (byte) (pattern.isSet(row, col) ? 1 : 0);
            }
        }
        return new BlockMask(size, 1, rows, cols, set);
    }

    private static int blocks(String name, int length, int size) {
        require(size >= 1, "block size is %d, must be at least 1", size);
        require(length >= 1, name + " is %d, must be at least 1", length);
        return Math.ceilDiv(length, size);
    }

    private static void require(boolean holds, String message, Object... numbers) {
        if (!holds) {
            throw new IllegalArgumentException(message.formatted(numbers));
        }
    }

    /**
     * The flat block butterfly of Pixelated Butterfly (arXiv 2112.00029, section 3), with which FlashAttention's block-sparse
     * algorithm is run in its paper: the sum of all butterfly factors, which sets block (i, j) iff i = j or i and j
     * differ in one binary digit. About {@code log2(n) + 1} of n blocks in a row. The smaller of the two numbers of blocks gives
     * the pattern; the other side is stretched to it.
     */
    public static BlockMask butterfly(int seqQ, int seqK, int size) {
        int rows = blocks("seqQ", seqQ, size);
        int cols = blocks("seqK", seqK, size);
        long side = Math.min(rows, cols);
        return of(seqQ, seqK, size, (row, col) -> Long.bitCount(row * side / rows ^ col * side / cols) <= 1);
    }

    /**
     * Local and global blocks (Longformer, arXiv 2004.05150): block (i, j) is set iff it is at most {@code reach} blocks from
     * the diagonal, or i or j is one of the first {@code global} blocks.
     *
     * @param reach blocks on either side of the diagonal, 0 or more
     * @param global first blocks that see all and are seen by all, 0 or more
     */
    public static BlockMask localGlobal(int seqQ, int seqK, int size, int reach, int global) {
        require(reach >= 0, "reach is %d, must be at least 0", reach);
        require(global >= 0, "global is %d, must be at least 0", global);
        int rows = blocks("seqQ", seqQ, size);
        int cols = blocks("seqK", seqK, size);
        return of(seqQ, seqK, size, (row, col) ->
                row < global || col < global || Math.abs(fromDiagonal(row, col, rows, cols)) <= reach);
    }

    /**
     * Local, global and random blocks (BigBird, arXiv 2007.14062): {@link #localGlobal}, and in each row {@code random}
     * more blocks drawn from those that are not set yet, or as many as there are.
     *
     * @param random blocks to draw in each row, 0 or more
     * @param seed the same seed gives the same mask
     */
    public static BlockMask bigBird(int seqQ, int seqK, int size, int reach, int global, int random, long seed) {
        require(random >= 0, "random is %d, must be at least 0", random);
        BlockMask base = localGlobal(seqQ, seqK, size, reach, global);
        byte[] set = base.set();
        Random source = new Random(seed);
        for (int row = 0; row < base.rows(); row++) {
            draw(set, row * base.cols(), base.cols(), random, source);
        }
        return new BlockMask(size, 1, base.rows(), base.cols(), set);
    }

    /**
     * The strided pattern of Sparse Transformers (arXiv 1904.10509, section 4.2), in blocks and to both sides: a block is set
     * iff its distance from the diagonal is below {@code stride} or a multiple of it. With a causal spec it is the paper's.
     *
     * @param stride in blocks, at least 1
     */
    public static BlockMask strided(int seqQ, int seqK, int size, int stride) {
        require(stride >= 1, "stride is %d, must be at least 1", stride);
        int rows = blocks("seqQ", seqQ, size);
        int cols = blocks("seqK", seqK, size);
        return of(seqQ, seqK, size, (row, col) -> {
            long distance = Math.abs(fromDiagonal(row, col, rows, cols));
            return distance < stride || distance % stride == 0;
        });
    }

    /**
     * Random blocks: {@code density * rows * cols} of them, rounded, in rows that hold equally many, but for one more
     * in the first rows.
     *
     * @param density fraction of blocks to set, 0..1
     * @param seed the same seed gives the same mask
     */
    public static BlockMask random(int seqQ, int seqK, int size, double density, long seed) {
        require(density >= 0 && density <= 1, "density is %s, must be 0..1", density);
        int rows = blocks("seqQ", seqQ, size);
        int cols = blocks("seqK", seqK, size);
        long total = Math.round(density * rows * cols);
        byte[] set = new byte[Math.multiplyExact(rows, cols)];
        Random source = new Random(seed);
        for (int row = 0; row < rows; row++) {
            draw(set, row * cols, cols, (int) (total / rows + (row < total % rows ? 1 : 0)), source);
        }
        return new BlockMask(size, 1, rows, cols, set);
    }

    /** Sets {@code count} blocks of a row that are not set, each with the same chance; all of them if there are fewer. */
    private static void draw(byte[] set, int start, int cols, int count, Random source) {
        int free = 0;
        for (int col = 0; col < cols; col++) {
            free += 1 - set[start + col];
        }
        int wanted = Math.min(count, free);
        for (int col = 0; col < cols && wanted > 0; col++) {
            if (set[start + col] == 0) {
                if (source.nextInt(free) < wanted) {
                    set[start + col] = 1;
                    wanted--;
                }
                free--;
            }
        }
    }

    /**
     * The blocks that hold any pair which a causal mask shows. The mask shows whole blocks: exact causal attention needs
     * {@link SpecBuilder#causal(Causal)} besides.
     *
     * @param alignment along which diagonal; {@link Causal#NONE} sets every block
     */
    public static BlockMask causal(int seqQ, int seqK, int size, Causal alignment) {
        long diagonal = alignment == Causal.TOP_LEFT ? 0 : (long) seqK - seqQ;
        return of(seqQ, seqK, size, (row, col) -> {
            long lastQuery = Math.min((row + 1L) * size, seqQ) - 1;
            return alignment == Causal.NONE || (long) col * size <= lastQuery + diagonal;
        });
    }

    /**
     * The blocks that hold any set element of a dense mask. The result shows whole blocks, elements that are not set included.
     *
     * @param mask {@code [heads, seqQ, seqK]} row-major, true = compute
     * @param heads 1 if all query heads share the mask, else the number of query heads
     */
    public static BlockMask ofDense(boolean[] mask, int heads, int seqQ, int seqK, int size) {
        require(heads >= 1, "heads is %d, must be at least 1", heads);
        int rows = blocks("seqQ", seqQ, size);
        int cols = blocks("seqK", seqK, size);
        require(mask.length == (long) heads * seqQ * seqK, "[%d, %d, %d] needs another number of elements than %d",
                heads, seqQ, seqK, mask.length);
        byte[] set = new byte[Math.multiplyExact(Math.multiplyExact(heads, rows), cols)];
        for (int n = 0; n < mask.length; n++) {
            if (mask[n]) {
                int row = n / seqK % seqQ / size;
                set[(n / seqK / seqQ * rows + row) * cols + n % seqK / size] = 1;
            }
        }
        return new BlockMask(size, heads, rows, cols, set);
    }

    /** Blocks from the diagonal that joins the corners to a block; negative to its left. */
    private static long fromDiagonal(int row, int col, int rows, int cols) {
        return rows <= cols ? (long) col * rows / cols - row : col - (long) row * cols / rows;
    }
}
