package io.github.tornadoattention.host;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What an {@link AttentionSpec} refuses: each check throws an {@link IllegalArgumentException} that names the numbers. */
final class SpecChecks {
    private SpecChecks() {}

    static void require(boolean holds, String message, Object... numbers) {
        if (!holds) {
            throw new IllegalArgumentException(message.formatted(numbers));
        }
    }

    static void requirePositive(String name, int number) {
        require(number >= 1, "%s is %d, must be at least 1", name, number);
    }

    static void requireSizes(int batch, int heads, int kvHeads, int seqQ, int seqK, int headDim) {
        requirePositive("batch", batch);
        requirePositive("heads", heads);
        requirePositive("kvHeads", kvHeads);
        requirePositive("seqQ", seqQ);
        requirePositive("seqK", seqK);
        require(headDim >= 1 && headDim <= AttentionSpec.MAX_HEAD_DIM, "headDim is %d, must be 1..%d", headDim,
                AttentionSpec.MAX_HEAD_DIM);
        require(heads % kvHeads == 0, "heads %d is not a multiple of kvHeads %d", heads, kvHeads);
        requireAddressable("q", batch, heads, seqQ, headDim);
        requireAddressable("k", batch, kvHeads, seqK, headDim);
    }

    private static void requireAddressable(String name, int batch, int heads, int seq, int headDim) {
        long rows = (long) batch * heads;
        boolean fits = rows <= Integer.MAX_VALUE && rows * seq <= Integer.MAX_VALUE && rows * seq * headDim <= Integer.MAX_VALUE;
        require(fits, "%s of shape [%d, %d, %d, %d] has 2^31 elements or more, which is too many",
                name, batch, heads, seq, headDim);
    }

    static void requireScale(double scale) {
        require(Float.isFinite((float) scale), "scale is %s, must be finite in float32", scale);
    }

    static void requireWindow(int left, int right) {
        require(left >= -1, "window left is %d, must be -1 (unbounded) or more", left);
        require(right >= -1, "window right is %d, must be -1 (unbounded) or more", right);
    }

    static void requireSoftcap(double softcap) {
        require(softcap >= 0 && Float.isFinite((float) softcap),
                "softcap is %s, must be 0 (off) or positive and finite", softcap);
        require(softcap == 0 || (float) softcap > 0, "softcap is %s, too small for float32", softcap);
    }

    static void requireKeyLengths(int @Nullable [] keyLengths, int batch, int seqK) {
        if (keyLengths != null) {
            require(keyLengths.length == batch, "%d key lengths for a batch of %d", keyLengths.length, batch);
            for (int b = 0; b < batch; b++) {
                require(keyLengths[b] >= 0 && keyLengths[b] <= seqK,
                        "key length %d of batch entry %d is outside 0..%d", keyLengths[b], b, seqK);
            }
        }
    }

    static void requireSlopes(float @Nullable [] slopes, int heads) {
        if (slopes != null) {
            require(slopes.length == heads, "%d ALiBi slopes for %d heads", slopes.length, heads);
            for (int h = 0; h < heads; h++) {
                require(Float.isFinite(slopes[h]), "ALiBi slope of head %d is %s, must be finite", h, slopes[h]);
            }
        }
    }

    static void requireBroadcast(String name, int @Nullable [] shape, int... whole) {
        if (shape != null) {
            boolean fits = shape.length == whole.length;
            long size = 1;
            for (int n = 0; fits && n < whole.length; n++) {
                fits = shape[n] == 1 || shape[n] == whole[n];
                size *= shape[n];
                require(!fits || size <= Integer.MAX_VALUE, "%s of shape %s has 2^31 elements or more, which is too many",
                        name, Arrays.toString(shape));
            }
            require(fits, "%s has shape %s, must be %s or 1 in place of any of these", name, Arrays.toString(shape),
                    Arrays.toString(whole));
        }
    }

    static void requireDropout(double dropout) {
        require(dropout >= 0 && dropout < 1, "dropout is %s, must be at least 0 and below 1", dropout);
    }

    static void requireFits(@Nullable BlockMask mask, int heads, int seqQ, int seqK) {
        if (mask != null) {
            int rows = Math.ceilDiv(seqQ, mask.size());
            int cols = Math.ceilDiv(seqK, mask.size());
            require(mask.rows() == rows && mask.cols() == cols,
                    "block mask has %d x %d blocks, seqQ %d and seqK %d in blocks of %d need %d x %d",
                    mask.rows(), mask.cols(), seqQ, seqK, mask.size(), rows, cols);
            require(mask.heads() == 1 || mask.heads() == heads,
                    "block mask has %d heads, must be 1 (shared) or %d", mask.heads(), heads);
        }
    }
}
