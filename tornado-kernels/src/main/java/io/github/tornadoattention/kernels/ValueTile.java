package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/**
 * A tile of V on its way from rows in global memory to fragments: a right factor is read in pieces of 16 keys by 8 elements,
 * rows of 16 bytes, and of such pieces rows of V consist already, so they need no packing beforehand.
 */
final class ValueTile {
    /**
     * Ints from a piece of V, 16 keys by 8 elements, to the next in local memory. Four of them are between pieces, so that
     * neighboring pieces of a row, which are written together, begin in different banks.
     */
    static final int PIECE = 68;

    private ValueTile() {
    }

    /** Longs of a tile of V, row by row; 0 in rows at or past the key length, which are not read. */
    static void fetch(int longs, int threads, int rows, int perRow, int item, LongArray v, int base, int stride, int key,
            int keyLength, long[] next) {
        if (key + rows <= keyLength) {
            for (int i = 0; i < longs; i++) {
                int n = item + i * threads;
                next[i] = v.get(base + (key + n / perRow) * stride + n % perRow);
            }
        } else {
            for (int i = 0; i < longs; i++) {
                int n = item + i * threads;
                next[i] = 0L;
                if (key + n / perRow < keyLength) {
                    next[i] = v.get(base + (key + n / perRow) * stride + n % perRow);
                }
            }
        }
    }

    /** Where long n of a tile of V stands in local memory, in ints: pieces as in {@link TensorPack#rows}. */
    static int place(int n, int perRow) {
        return (n / perRow / 16 * (perRow / 2) + n % perRow / 2) * PIECE + n / perRow % 16 * 4 + n % 2 * 2;
    }

    /** {@code O += P V} in float16 for 16 keys, whose V begins at a byte of local memory, and one or two blocks of queries. */
    static void add(KernelContext ctx, int headDim, int parts, HalfFloat[] above, HalfFloat[] below, int[] tile,
            int from, float[] acc, FloatArray target, int g, int u) {
        for (int c = 0; c < headDim / 8; c++) {
            HalfFloat[] values = ctx.mmaLoadB(tile, 16, from + c * PIECE * 4);
            float[] sum = ctx.mma(above, values, Fragments.accumulators(acc, c), MMAShape.M16N8K16);
            Fragments.keep(ctx, sum, target, c, g, u);
            if (parts > 1) {
                float[] second = ctx.mma(below, values, Fragments.accumulators(acc, 8 + c), MMAShape.M16N8K16);
                Fragments.keep(ctx, second, target, 8 + c, g, u);
            }
        }
    }
}
