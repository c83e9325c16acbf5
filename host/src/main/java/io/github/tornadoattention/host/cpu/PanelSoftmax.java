package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.COUNT;
import static io.github.tornadoattention.host.cpu.Lanes.WIDTH;
import static io.github.tornadoattention.host.cpu.Lanes.at;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The online softmax of a panel: one query a lane, one key a row, so that maxima and sums never cross lanes.
 *
 * <p>{@code m} is no exact maximum but a number at most {@link #SLACK} below it: it moves, and what was summed is rescaled, only
 * where a score exceeds it by more. P stays below {@code e^SLACK}; out and lse are the same numbers.
 */
final class PanelSoftmax {
    /** How far a score may exceed {@code m}. */
    static final float SLACK = 8f;

    /** {@code m} of a query that has seen nothing: finite, so that {@code m - m'} is never infinity - infinity. */
    static final float NOTHING = -Float.MAX_VALUE;

    private PanelSoftmax() {}

    /**
     * {@code largest = max over rows of s}, {@link #NOTHING} without rows.
     *
     * @param s offset of the scores, {@code [count][WIDTH]}
     */
    static void maxima(float[] a, int s, int count, int largest) {
        FloatVector m0 = Lanes.all(NOTHING);
        FloatVector m1 = m0;
        FloatVector m2 = m0;
        FloatVector m3 = m0;
        for (int c = 0; c < count; c++) {
            int row = s + c * WIDTH;
            m0 = Lanes.larger(m0, at(a, row));
            m1 = Lanes.larger(m1, at(a, row + COUNT));
            m2 = Lanes.larger(m2, at(a, row + 2 * COUNT));
            m3 = Lanes.larger(m3, at(a, row + 3 * COUNT));
        }
        m0.intoArray(a, largest);
        m1.intoArray(a, largest + COUNT);
        m2.intoArray(a, largest + 2 * COUNT);
        m3.intoArray(a, largest + 3 * COUNT);
    }

    /**
     * {@code m' = largest} and {@code alpha = exp(m - m')} where the slack is used up, else {@code m' = m} and alpha 1.
     *
     * @return whether any moved
     */
    static boolean advance(float[] a, int m, int largest, int alpha) {
        boolean moved = false;
        for (int y = 0; y < WIDTH; y += COUNT) {
            FloatVector before = at(a, m + y);
            FloatVector now = at(a, largest + y);
            VectorMask<Float> move = now.compare(VectorOperators.GT, before.add(SLACK));
            moved |= move.anyTrue();
            FloatVector after = before.blend(now, move);
            after.intoArray(a, m + y);
            VectorExponential.exp(before.sub(after)).intoArray(a, alpha + y);
        }
        return moved;
    }

    /** {@code rows[x][y] *= factor[y]}. */
    static void scale(float[] a, int rows, int count, int factor) {
        FloatVector f0 = at(a, factor);
        FloatVector f1 = at(a, factor + COUNT);
        FloatVector f2 = at(a, factor + 2 * COUNT);
        FloatVector f3 = at(a, factor + 3 * COUNT);
        for (int x = 0; x < count; x++) {
            int row = rows + x * WIDTH;
            at(a, row).mul(f0).intoArray(a, row);
            at(a, row + COUNT).mul(f1).intoArray(a, row + COUNT);
            at(a, row + 2 * COUNT).mul(f2).intoArray(a, row + 2 * COUNT);
            at(a, row + 3 * COUNT).mul(f3).intoArray(a, row + 3 * COUNT);
        }
    }

    /** {@code P = exp(S - m)} in place of S, {@code l += sum over rows of P}. */
    static void exponentials(float[] a, int s, int count, int m, int l) {
        for (int y = 0; y < WIDTH; y += 2 * COUNT) {
            FloatVector m0 = at(a, m + y);
            FloatVector m1 = at(a, m + y + COUNT);
            FloatVector l0 = FloatVector.zero(Lanes.FLOATS);
            FloatVector l1 = l0;
            for (int c = 0; c < count; c++) {
                int row = s + y + c * WIDTH;
                FloatVector p0 = VectorExponential.exp(at(a, row).sub(m0));
                FloatVector p1 = VectorExponential.exp(at(a, row + COUNT).sub(m1));
                p0.intoArray(a, row);
                p1.intoArray(a, row + COUNT);
                l0 = l0.add(p0);
                l1 = l1.add(p1);
            }
            at(a, l + y).add(l0).intoArray(a, l + y);
            at(a, l + y + COUNT).add(l1).intoArray(a, l + y + COUNT);
        }
    }

    /** {@code s += 0 * s}: turns infinite scores into NaN and leaves finite ones as they are. */
    static void spoil(float[] a, int s, int count) {
        for (int x = s; x < s + count * WIDTH; x += COUNT) {
            FloatVector v = at(a, x);
            v.mul(0f).add(v).intoArray(a, x);
        }
    }

    /** Puts -infinity, whose exp is 0, where row {@code c} is hidden: outside {@code from[c] <= y < to[c]}. */
    static void hide(float[] a, int s, int count, int[] from, int[] to) {
        for (int c = 0; c < count; c++) {
            for (int y = 0; y < WIDTH; y += COUNT) {
                if (from[c] > y || to[c] < y + COUNT) {
                    int at = s + c * WIDTH + y;
                    Lanes.all(Float.NEGATIVE_INFINITY).blend(at(a, at), Lanes.between(from[c] - y, to[c] - y)).intoArray(a, at);
                }
            }
        }
    }
}
