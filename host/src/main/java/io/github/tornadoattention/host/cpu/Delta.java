package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.Tensor;

/** D = rowsum(dO ∘ O): what the softmax's derivative subtracts, one number a query. */
final class Delta {
    private Delta() {}

    /** Fills {@code delta[row]} for rows {@code first <= row < end} of {@code [batch * heads * seqQ]}, with two items of room. */
    static void run(Tensor dOut, Tensor out, float[] delta, int first, int end, int headDim, float[] a, float[] b) {
        for (int row = first; row < end; row++) {
            dOut.read((long) row * headDim, a, 0, headDim);
            out.read((long) row * headDim, b, 0, headDim);
            float sum = 0;
            for (int d = 0; d < headDim; d++) {
                sum += a[d] * b[d];
            }
            delta[row] = sum;
        }
    }
}
