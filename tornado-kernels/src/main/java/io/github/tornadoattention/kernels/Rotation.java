package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

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
     * @param step      the slots of {@link Step}, which say how many elements are rotated, and with which partner
     * @param rotations cosine and sine, one after the other, of each pair's angle, position by position
     * @param position  the vector's among them
     */
    static float rotated(FloatArray from, int at, int d, IntArray step, FloatArray rotations, int position) {
        int rotary = step.get(Step.ROTARY);
        float x = from.get(at + d);
        if (d < rotary) {
            int partner = step.get(Step.PARTNER);
            int angles = position * rotary;
            int second = d / partner % 2;
            int pair = partner == 1 ? d / 2 : d % partner;
            float y = from.get(at + d + (second == 0 ? partner : -partner));
            float sine = rotations.get(angles + 2 * pair + 1);
            x = x * rotations.get(angles + 2 * pair) + (second == 0 ? -y : y) * sine;
        }
        return x;
    }
}
