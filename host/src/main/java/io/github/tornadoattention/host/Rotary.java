package io.github.tornadoattention.host;

/**
 * Rotary position embedding (arXiv 2104.09864): pair i of the first {@code dim} elements of a query or key at position p is
 * turned by the angle {@code p * base^(-2 i / dim)}.
 *
 * @param base usually 10000; above 0
 * @param dim leading elements that are rotated, even, 2..headDim; the others stay
 * @param interleaved whether neighbors are pairs, (0, 1), (2, 3), …, or halves are: (0, dim/2), (1, dim/2 + 1), …
 */
public record Rotary(double base, int dim, boolean interleaved) {
    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if one is illegal
     */
    public Rotary {
        if (!(base > 0) || Double.isInfinite(base)) {
            throw new IllegalArgumentException("rotary base is %s, must be above 0 and finite".formatted(base));
        }
        if (dim < 2 || dim % 2 != 0) {
            throw new IllegalArgumentException("rotary dim is %d, must be even and at least 2".formatted(dim));
        }
    }

    /** Neighbors are pairs, as in the paper and in GPT-J. */
    public static Rotary interleaved(double base, int dim) {
        return new Rotary(base, dim, true);
    }

    /** Halves are pairs, as in GPT-NeoX and Llama. */
    public static Rotary halves(double base, int dim) {
        return new Rotary(base, dim, false);
    }

    /** From an element to its partner. */
    public int partner() {
        return interleaved ? 1 : dim / 2;
    }

    /** The angle of pair {@code i} at a position, in radians. */
    public double angle(int position, int pair) {
        return position * Math.pow(base, -2.0 * pair / dim);
    }

    /** Rotates the vector of {@code headDim} elements that starts at {@code at} in place. */
    public void rotate(float[] vector, int at, int position) {
        for (int pair = 0; pair < dim / 2; pair++) {
            int a = at + (interleaved ? 2 * pair : pair);
            int b = a + partner();
            double cosine = Math.cos(angle(position, pair));
            double sine = Math.sin(angle(position, pair));
            double x = vector[a];
            double y = vector[b];
            vector[a] = (float) (x * cosine - y * sine);
            vector[b] = (float) (y * cosine + x * sine);
        }
    }
}
