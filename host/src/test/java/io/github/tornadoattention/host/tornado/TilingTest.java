package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.kernels.Extent;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TilingTest {
    private static final Tiling TILING = new Tiling(64, 32, 8, 16, 24, 16);

    @Test
    void extentsAreTheKernelsWords() {
        assertThat(TILING.group()).isEqualTo(128);
        assertThat(TILING.of(Extent.NONE, 50)).isZero();
        assertThat(TILING.of(Extent.BLOCK_Q, 50)).isEqualTo(64);
        assertThat(TILING.of(Extent.BLOCK_K, 50)).isEqualTo(32);
        assertThat(TILING.of(Extent.THREADS_X, 50)).isEqualTo(8);
        assertThat(TILING.of(Extent.THREADS_Y, 50)).isEqualTo(16);
        assertThat(TILING.of(Extent.HEAD_DIM, 50)).isEqualTo(56);
        assertThat(TILING.of(Extent.SLICE_N, 50)).isEqualTo(16);
    }

    /** The longest slice of at most 24 in whole steps of 8 that divides the head dim rounded up to a multiple of 8. */
    @ParameterizedTest
    @CsvSource({"1, 8", "8, 8", "9, 16", "17, 24", "32, 16", "40, 8", "48, 24", "50, 8", "64, 16", "72, 24", "255, 16"})
    void slicesOfTheHeadDimComeOutEven(int headDim, int slice) {
        assertThat(TILING.of(Extent.SLICE_D, headDim)).isEqualTo(slice);
        assertThat(TILING.slices(headDim)).isEqualTo(slice << 16 | 16);
    }

    @Test
    void pairsArePackedIntoOneArgument() {
        assertThat(TILING.blocks()).isEqualTo(64 << 16 | 32);
        assertThat(TILING.threads()).isEqualTo(8 << 16 | 16);
    }
}
