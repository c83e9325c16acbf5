package io.github.tornadoattention.host.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sums of each vector's lanes: bit by bit those of one vector at a time, however many there are. */
class LaneSumsTest {
    private static final int AT = 3;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 64, 65})
    void manyAreAsOneByOne(int count) {
        int room = Math.ceilDiv(count, Lanes.COUNT) * Lanes.COUNT;
        int into = AT + room * Lanes.COUNT;
        SplittableRandom random = new SplittableRandom(count);
        float[] a = new float[into + room];
        Arrays.fill(a, Float.NaN); // vectors behind the last one must not matter
        for (int n = AT; n < AT + count * Lanes.COUNT; n++) {
            a[n] = (float) random.nextGaussian();
        }
        float[] expected = new float[count];
        for (int n = 0; n < count; n++) {
            expected[n] = LaneSums.of(Arrays.copyOfRange(a, AT + n * Lanes.COUNT, AT + (n + 1) * Lanes.COUNT), 0);
        }

        LaneSums.of(a, AT, into, count);

        assertThat(Arrays.copyOfRange(a, into, into + count)).containsExactly(expected);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void oneVectorIsAddedUp(int shift) {
        float[] a = new float[shift + Lanes.COUNT];
        for (int lane = 0; lane < Lanes.COUNT; lane++) {
            a[shift + lane] = 1 << lane;
        }
        assertThat(LaneSums.of(a, shift)).isEqualTo((float) ((1L << Lanes.COUNT) - 1));
    }
}
