package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.types.BFloat16;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * A row of the cache, read by the work-items of a line. Of floats, a work-item has every threadsX-th. 16-bit numbers go by pairs,
 * of which a work-item has every threadsX-th, so that neighbors read what lies side by side and nobody reads a word for half of
 * it. With {@link Options#CACHE_NATIVE} the device converts them, else {@link CachedNumber} does by arithmetic.
 */
final class CachedRow {
    private CachedRow() {
    }

    /** Elements of a row that a work-item has, those past its end included: an even number of 16-bit ones. */
    static int columns(int options, int headDim, int threadsX) {
        return (options & CachedNumber.ANY) == 0 ? (headDim + threadsX - 1) / threadsX
                : (headDim + 2 * threadsX - 1) / (2 * threadsX) * 2;
    }

    /** Which element of a row is number {@code c} of work-item {@code tx}. */
    static int column(int options, int tx, int c, int threadsX) {
        return (options & CachedNumber.ANY) == 0 ? tx + c * threadsX : 2 * tx + c / 2 * 2 * threadsX + c % 2;
    }

    /**
     * Reads a work-item's elements of a row into {@code to[first]} and those behind it; elements past the row's end are 0.
     *
     * @param floats the cache, or {@code pairs}, or {@code halves}, as {@code options} say
     * @param powers {@link CachedNumber#powers}
     * @param row    of the cache
     */
    static void fetch(int options, FloatArray floats, IntArray pairs, HalfFloatArray halves, FloatArray powers, int row,
            int headDim, int tx, int threadsX, int columns, float[] to, int first) {
        if ((options & CachedNumber.ANY) == 0) {
            int at = row * headDim + tx;
            for (int c = 0; c < columns; c++) {
                to[first + c] = 0f;
                if (columns * threadsX == headDim || tx + c * threadsX < headDim) {
                    to[first + c] = floats.get(at + c * threadsX);
                }
            }
        } else {
            int at = row * headDim + 2 * tx;
            int pair = row * (headDim / 2) + tx;
            for (int c = 0; c < columns; c += 2) {
                to[first + c] = 0f;
                to[first + c + 1] = 0f;
                if (columns * threadsX == headDim || 2 * tx + c * threadsX < headDim) {
                    if ((options & Options.CACHE_NATIVE) == 0) {
                        int word = pairs.get(pair + c / 2 * threadsX);
                        to[first + c] = CachedNumber.number(options, word, 0, powers);
                        to[first + c + 1] = CachedNumber.number(options, word, 1, powers);
                    } else if ((options & Options.CACHE_HALF) != 0) {
                        to[first + c] = halves.get(at + c * threadsX).getFloat32();
                        to[first + c + 1] = halves.get(at + c * threadsX + 1).getFloat32();
                    } else {
                        int word = pairs.get(pair + c / 2 * threadsX);
                        to[first + c] = BFloat16.bf16ToFloat((short) word);
                        to[first + c + 1] = BFloat16.bf16ToFloat((short) (word >> 16));
                    }
                }
            }
        }
    }
}
