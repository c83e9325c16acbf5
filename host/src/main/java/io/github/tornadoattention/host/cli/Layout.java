package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.Tensor;

/** The order of the dimensions in files. The library's own is {@link #BHND}. */
enum Layout {
    /** {@code [batch, heads, sequence, headDim]}, as PyTorch's scaled_dot_product_attention. */
    BHND,
    /** {@code [batch, sequence, heads, headDim]}, as FlashAttention's functions. */
    BNHD;

    /** Where the heads stand in a shape of this layout. */
    int heads() {
        return this == BHND ? 1 : 2;
    }

    /** Where the sequence stands in a shape of this layout. */
    int sequence() {
        return this == BHND ? 2 : 1;
    }

    /** A tensor of this layout as {@link #BHND}; the same one if nothing is to do. */
    Tensor toLibrary(Tensor file) {
        return swapped(file);
    }

    /** A tensor of the library in this layout; the same one if nothing is to do. */
    Tensor fromLibrary(Tensor library) {
        return swapped(library);
    }

    /** Swaps the two middle dimensions, which is its own inverse. */
    private Tensor swapped(Tensor from) {
        if (this == BHND) {
            return from;
        }
        int[] shape = from.shape();
        int outer = shape[1];
        int inner = shape[2];
        int row = shape[3];
        Tensor to = Tensor.zeros(shape[0], inner, outer, row);
        float[] values = new float[row];
        for (int b = 0; b < shape[0]; b++) {
            for (int i = 0; i < outer; i++) {
                for (int j = 0; j < inner; j++) {
                    from.read((((long) b * outer + i) * inner + j) * row, values, 0, row);
                    to.write(values, 0, (((long) b * inner + j) * outer + i) * row, row);
                }
            }
        }
        return to;
    }
}
