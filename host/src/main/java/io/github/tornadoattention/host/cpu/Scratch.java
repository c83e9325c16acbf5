package io.github.tornadoattention.host.cpu;

/** Hands out the working arrays of one worker and keeps count of their bytes, so that reports state what was really allocated. */
final class Scratch {
    private long bytes;

    /** Bytes handed out so far. */
    long bytes() {
        return bytes;
    }

    float[] floats(int length) {
        bytes += (long) length * Float.BYTES;
        return new float[length];
    }

    int[] ints(int length) {
        bytes += (long) length * Integer.BYTES;
        return new int[length];
    }

    /** Rows as arrays of their own: the form that {@link TileMath} works on. */
    float[][] rows(int rows, int length) {
        float[][] matrix = new float[rows][];
        for (int r = 0; r < rows; r++) {
            matrix[r] = floats(length);
        }
        return matrix;
    }
}
