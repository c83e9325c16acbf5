package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.Tensor;

/**
 * Moves a tile between a tensor, where it lies as {@code [items][headDim]}, and its resident form {@code [headDim][items]}.
 *
 * @param headDim length of an item
 * @param row room for one item
 */
record Transposed(int headDim, float[] row) {
    /** {@code into[d][y] = factor * item y}, for {@code count} items from item {@code first} of the tensor on. */
    void load(Tensor tensor, long first, int count, float factor, float[][] into) {
        for (int y = 0; y < count; y++) {
            tensor.read((first + y) * headDim, row, 0, headDim);
            for (int d = 0; d < headDim; d++) {
                into[d][y] = factor * row[d];
            }
        }
    }

    /** Item {@code y} of the tensor, from item {@code first} on, becomes {@code factor * from[d][y]}. */
    void store(float[][] from, float factor, Tensor tensor, long first, int count) {
        for (int y = 0; y < count; y++) {
            for (int d = 0; d < headDim; d++) {
                row[d] = factor * from[d][y];
            }
            tensor.write(row, 0, (first + y) * headDim, headDim);
        }
    }
}
