package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Rotary position embedding (Su et al., RoFormer, arXiv 2104.09864): pairs of elements turn by an angle that grows with the
 * position.
 */
final class Rotation {
    private Rotation() {
    }

    /**
     * Element {@code d} of the vector that starts at {@code at}, rotated.
     *
     * @param rotary    leading elements that are rotated
     * @param partner   from an element to its partner: 1 or {@code rotary / 2}
     * @param rotations cosine and sine, one after the other, of each pair's angle
     * @param angles    where those of this position begin
     */
    static float rotated(FloatArray from, int at, int d, int rotary, int partner, FloatArray rotations, int angles) {
        float x = from.get(at + d);
        if (d < rotary) {
            int second = d / partner % 2;
            int pair = partner == 1 ? d / 2 : d % partner;
            float y = from.get(at + d + (second == 0 ? partner : -partner));
            float sine = rotations.get(angles + 2 * pair + 1);
            x = x * rotations.get(angles + 2 * pair) + (second == 0 ? -y : y) * sine;
        }
        return x;
    }
}
