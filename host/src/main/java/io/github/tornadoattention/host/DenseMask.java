package io.github.tornadoattention.host;

import java.util.Arrays;

/** Which pairs are visible, one by one: {@code [batch or 1, heads or 1, seqQ or 1, seqK or 1]}, held as bits. Immutable. */
public final class DenseMask {
    private final int[] shape;
    private final Broadcast strides;
    private final int[] words;

    private DenseMask(int[] shape, int[] words) {
        this.shape = shape;
        this.strides = strides(shape);
        this.words = words;
    }

    /**
     * A mask from bytes, 1 = visible, 0 = hidden.
     *
     * @param visible row-major (copied)
     * @param shape four lengths, each 1 where all entries, heads, queries or keys share the same
     * @throws IllegalArgumentException if the shape has not four lengths of at least 1 or another size than the array, or the
     *     array holds anything but 0 and 1
     */
    public static DenseMask of(byte[] visible, int... shape) {
        requireSize(shape, visible.length);
        int columns = shape[3];
        int rowWords = Math.ceilDiv(columns, Integer.SIZE);
        int[] words = new int[words(shape)];
        for (int n = 0; n < visible.length; n++) {
            if (visible[n] != 0 && visible[n] != 1) {
                throw new IllegalArgumentException("mask: element %d is %d, only 0 and 1 are allowed".formatted(n, visible[n]));
            }
            int column = n % columns;
            words[n / columns * rowWords + column / Integer.SIZE] |= visible[n] << column % Integer.SIZE;
        }
        return new DenseMask(shape.clone(), words);
    }

    /**
     * A mask from booleans, true = visible.
     *
     * @throws IllegalArgumentException if the shape has not four lengths of at least 1 or another size than the array
     */
    public static DenseMask of(boolean[] visible, int... shape) {
        byte[] bytes = new byte[visible.length];
        for (int n = 0; n < bytes.length; n++) {
            bytes[n] = (byte) (visible[n] ? 1 : 0);
        }
        return of(bytes, shape);
    }

    private static void requireSize(int[] shape, int size) {
        boolean sound = shape.length == 4 && Arrays.stream(shape).allMatch(length -> length >= 1);
        long rows = sound ? Math.multiplyExact((long) shape[0] * shape[1], (long) shape[2]) : 0;
        if (!sound || rows > size || rows * shape[3] != size) {
            throw new IllegalArgumentException("mask: shape %s for %d elements".formatted(Arrays.toString(shape), size));
        }
    }

    /** The four lengths (a copy). */
    public int[] shape() {
        return shape.clone();
    }

    /** Whether a pair is visible. */
    public boolean isVisible(int b, int h, int i, int j) {
        int bit = shape[3] == 1 ? 0 : j;
        return (words[strides.at(b, h, i, bit / Integer.SIZE)] >> bit % Integer.SIZE & 1) == 1;
    }

    /** The bits of each row of keys in words of 32, the lowest bit first (not copied: for backends, which only read). */
    public int[] words() {
        return words;
    }

    /** Words of a mask of this shape, row after row. */
    public static int words(int[] shape) {
        return Math.toIntExact((long) shape[0] * shape[1] * shape[2] * Math.ceilDiv(shape[3], Integer.SIZE));
    }

    /** Words of a mask of this shape from one entry, head and query to the next, and to the next 32 keys. */
    public static Broadcast strides(int[] shape) {
        int row = Math.ceilDiv(shape[3], Integer.SIZE);
        return new Broadcast(shape[0] == 1 ? 0 : shape[1] * shape[2] * row, shape[1] == 1 ? 0 : shape[2] * row,
                shape[2] == 1 ? 0 : row, 1);
    }

    @Override
    public String toString() {
        return "DenseMask" + Arrays.toString(shape);
    }
}
