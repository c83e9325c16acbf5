package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.kernels.Extent;
import io.github.tornadoattention.kernels.FlashBackwardKeys;
import io.github.tornadoattention.kernels.FlashBackwardQueries;
import io.github.tornadoattention.kernels.FlashForward;
import io.github.tornadoattention.kernels.Launch;
import io.github.tornadoattention.kernels.LocalTile;
import io.github.tornadoattention.kernels.RowDots;
import org.junit.jupiter.api.Test;

class ContractTest {
    private static final Tiling TILING = new Tiling(64, 32, 8, 16, 24, 16);

    /** A kernel class as {@link Contract#of} sees one. */
    private static final class Annotated {
        @Launch(tile = Extent.BLOCK_K, local = {
            @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.HEAD_DIM, pad = 4),
            @LocalTile(rows = Extent.BLOCK_K, columns = Extent.SLICE_D, pad = 1,
                    orRows = Extent.SLICE_N, orColumns = Extent.HEAD_DIM),
            @LocalTile(rows = Extent.THREADS_Y, columns = Extent.THREADS_X),
            @LocalTile(rows = Extent.THREADS_Y, columns = Extent.THREADS_X, count = 3, orRows = Extent.BLOCK_Q,
                    orColumns = Extent.NONE, halves = true)})
        @SuppressWarnings("UnusedMethod") // read by reflection
        static void kernel() {}
    }

    @Test
    void localBytesAddUpTheTilesAndTakeTheLargerOfTwoThatShareMemory() {
        Contract contract = Contract.of(Annotated.class);

        // 64 x (56 + 4), the larger of 32 x (8 + 1) and 16 x (56 + 1), 16 x 8, three times 16 x 8 halves; a head dim of 50 counts
        // as 56, in slices of 8
        assertThat(contract.localBytes(TILING, 50)).isEqualTo(4L * (64 * 60 + 16 * 57 + 16 * 8) + 2L * 3 * 16 * 8);
        // a head dim of 8: 32 x (8 + 1) is the larger one
        assertThat(contract.localBytes(TILING, 8)).isEqualTo(4L * (64 * 12 + 32 * 9 + 16 * 8) + 2L * 3 * 16 * 8);
    }

    @Test
    void groupsCoverTheDimensionThatTheTilesCut() {
        Contract keys = Contract.of(Annotated.class);
        assertThat(keys.kernel()).isEqualTo("Annotated");
        assertThat(keys.groups(TILING, 6, 32)).isEqualTo(6);
        assertThat(keys.groups(TILING, 6, 33)).isEqualTo(12);
        assertThat(Contract.of(FlashForward.class).groups(TILING, 6, 65)).isEqualTo(12);
        assertThat(Contract.of(FlashForward.class).groups(TILING, 1L << 31, 64)).isEqualTo(1L << 31);
    }

    @Test
    void kernelsSayWhoseTileTheirGroupsOwn() {
        assertThat(Contract.of(FlashForward.class).launch().tile()).isEqualTo(Extent.BLOCK_Q);
        assertThat(Contract.of(FlashBackwardQueries.class).launch().tile()).isEqualTo(Extent.BLOCK_Q);
        assertThat(Contract.of(FlashBackwardKeys.class).launch().tile()).isEqualTo(Extent.BLOCK_K);
    }

    @Test
    void aClassWithoutContractIsRefused() {
        assertThatThrownBy(() -> Contract.of(RowDots.class))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("io.github.tornadoattention.kernels.RowDots has no method with a launch contract");
    }
}
