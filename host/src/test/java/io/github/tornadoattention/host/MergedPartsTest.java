package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class MergedPartsTest {
    private static final float EMPTY = Float.NEGATIVE_INFINITY;

    private static float[] out(MergedParts parts, int row) {
        float[] out = {Float.NaN, Float.NaN};
        parts.out(row, out, 0);
        return out;
    }

    @Test
    void weighsByTheSumsOfExponentials() {
        MergedParts parts = new MergedParts(1, 2);
        parts.add(0, new float[] {9, 1, 2}, 1, (float) Math.log(3));
        parts.add(0, new float[] {5, 6}, 0, 0f);
        assertThat(out(parts, 0)).containsExactly((3 * 1 + 5) / 4f, (3 * 2 + 6) / 4f);
        assertThat((double) parts.lse(0)).isCloseTo(Math.log(4), within(1e-7));
    }

    @Test
    void emptyPartsChangeNothingWhereverTheyStand() {
        MergedParts parts = new MergedParts(2, 2);
        for (int n = 0; n < 2; n++) {
            parts.add(1, new float[] {Float.NaN, 7}, 0, EMPTY);
            parts.add(1, new float[] {4, 8}, 0, n == 0 ? 1000f : EMPTY);
        }
        assertThat(out(parts, 1)).containsExactly(4, 8);
        assertThat(parts.lse(1)).isEqualTo(1000f);
        assertThat(out(parts, 0)).containsExactly(0, 0);
        assertThat(parts.lse(0)).isEqualTo(EMPTY);
    }

    @Test
    void nothingButEmptyPartsIsEmpty() {
        MergedParts parts = new MergedParts(1, 2);
        parts.add(0, new float[] {1, 2}, 0, EMPTY);
        parts.add(0, new float[] {1, 2}, 0, EMPTY);
        assertThat(out(parts, 0)).containsExactly(0, 0);
        assertThat(parts.lse(0)).isEqualTo(EMPTY);
    }

    @Test
    void scoresFarApartAreNoProblem() {
        MergedParts parts = new MergedParts(1, 2);
        parts.add(0, new float[] {1, 1}, 0, -5000f);
        parts.add(0, new float[] {2, 3}, 0, 5000f);
        parts.add(0, new float[] {1, 1}, 0, -5000f);
        assertThat(out(parts, 0)).containsExactly(2, 3);
        assertThat(parts.lse(0)).isEqualTo(5000f);
    }

    @Test
    void aSpoiledPartSpoilsItsRowAlone() {
        for (float spoiled : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            MergedParts parts = new MergedParts(2, 2);
            parts.add(0, new float[] {1, 1}, 0, spoiled);
            parts.add(0, new float[] {1, 1}, 0, EMPTY);
            parts.add(1, new float[] {1, 1}, 0, 0f);
            parts.add(0, new float[] {1, 1}, 0, 0f);
            assertThat(out(parts, 0)).containsExactly(Float.NaN, Float.NaN);
            assertThat(parts.lse(0)).isNaN();
            assertThat(out(parts, 1)).containsExactly(1, 1);
        }
    }
}
