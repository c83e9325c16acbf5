package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.COUNT;
import static io.github.tornadoattention.host.cpu.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * The sum of each vector's lanes in a fixed order: the upper half onto the lower, and so on. As many vectors as there are lanes
 * are added up together: two become one whose halves are the halves of each added up, and so on, until a lane is the sum of a
 * vector, which takes a third of the instructions of one by one.
 */
final class LaneSums {
    /** Lanes that shuffles are written for; wider vectors are halved one by one first. */
    private static final int MOST_SHUFFLED = 16;

    private static final VectorMask<Float> UPPER_8 = upper(8);
    private static final VectorMask<Float> UPPER_4 = upper(4);
    private static final VectorMask<Float> UPPER_2 = upper(2);
    private static final VectorMask<Float> UPPER_1 = upper(1);
    private static final VectorShuffle<Float> SWAP_8 = swap(8);
    private static final VectorShuffle<Float> SWAP_4 = swap(4);
    private static final VectorShuffle<Float> SWAP_2 = swap(2);
    private static final VectorShuffle<Float> SWAP_1 = swap(1);

    private LaneSums() {}

    /** The upper half of each {@code 2 · half} neighboring lanes. */
    private static VectorMask<Float> upper(int half) {
        boolean[] lanes = new boolean[COUNT];
        for (int lane = 0; lane < COUNT; lane++) {
            lanes[lane] = (lane & half) != 0;
        }
        return VectorMask.fromArray(FLOATS, lanes, 0);
    }

    /** Exchanges the halves of each {@code 2 · half} neighboring lanes. */
    private static VectorShuffle<Float> swap(int half) {
        return VectorShuffle.fromOp(FLOATS, lane -> (lane ^ half) % COUNT);
    }

    /** The sum of {@code COUNT} floats from {@code at} on, which are destroyed. */
    static float of(float[] a, int at) {
        for (int half = COUNT / 2; half > 0; half /= 2) {
            for (int lane = 0; lane < half; lane++) {
                a[at + lane] += a[at + half + lane];
            }
        }
        return a[at];
    }

    /**
     * {@code into[n]} is the sum of vector {@code n}. The vectors are destroyed.
     *
     * @param at index of the first vector; there is room up to a multiple of {@code COUNT} vectors
     * @param into index of the results; what is behind them up to a multiple of {@code COUNT} becomes anything
     */
    static void of(float[] a, int at, int into, int count) {
        for (int n = 0; n < count; n += COUNT) {
            int from = at + n * COUNT;
            for (int half = COUNT / 2; half > MOST_SHUFFLED / 2; half /= 2) {
                halve(a, from, half);
            }
            if (COUNT >= 16) {
                for (int r = from; r < from + 8 * COUNT; r += COUNT) {
                    FloatVector x = FloatVector.fromArray(FLOATS, a, r);
                    FloatVector y = FloatVector.fromArray(FLOATS, a, r + 8 * COUNT);
                    x.blend(y, UPPER_8).add(y.blend(x, UPPER_8).rearrange(SWAP_8)).intoArray(a, r);
                }
            }
            if (COUNT >= 8) {
                for (int r = from; r < from + 4 * COUNT; r += COUNT) {
                    FloatVector x = FloatVector.fromArray(FLOATS, a, r);
                    FloatVector y = FloatVector.fromArray(FLOATS, a, r + 4 * COUNT);
                    x.blend(y, UPPER_4).add(y.blend(x, UPPER_4).rearrange(SWAP_4)).intoArray(a, r);
                }
            }
            if (COUNT >= 4) {
                for (int r = from; r < from + 2 * COUNT; r += COUNT) {
                    FloatVector x = FloatVector.fromArray(FLOATS, a, r);
                    FloatVector y = FloatVector.fromArray(FLOATS, a, r + 2 * COUNT);
                    x.blend(y, UPPER_2).add(y.blend(x, UPPER_2).rearrange(SWAP_2)).intoArray(a, r);
                }
            }
            FloatVector x = FloatVector.fromArray(FLOATS, a, from);
            FloatVector y = FloatVector.fromArray(FLOATS, a, from + COUNT);
            x.blend(y, UPPER_1).add(y.blend(x, UPPER_1).rearrange(SWAP_1)).intoArray(a, into + n);
        }
    }

    /** {@code 2 · half} vectors become half as many. */
    private static void halve(float[] a, int from, int half) {
        for (int r = 0; r < half; r++) {
            int x = from + r * COUNT;
            int y = x + half * COUNT;
            for (int block = 0; block < COUNT; block += 2 * half) {
                for (int lane = block; lane < block + half; lane++) {
                    float sum = a[x + lane] + a[x + lane + half];
                    a[x + lane + half] = a[y + lane] + a[y + lane + half];
                    a[x + lane] = sum;
                }
            }
        }
    }
}
