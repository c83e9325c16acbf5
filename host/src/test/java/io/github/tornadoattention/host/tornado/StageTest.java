package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.UsageException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.WorkerGrid;

/** Launch geometry: groups always divide the grid, which TornadoVM does not check; and what is recorded. */
class StageTest {
    private static final Limits LIMITS = new Limits(128, 48 << 10, 1L << 30, 1L << 30);
    private static final Tiling TILING = new Tiling(64, 64, 8, 16, 16, 16);

    @Test
    void tilesGetOneGroupEach() {
        WorkerGrid grid = Stage.grid("Kernel", 7, TILING, LIMITS);

        assertThat(grid.getGlobalWork()).startsWith(7 * 128);
        assertThat(grid.getLocalWork()).startsWith(128);
    }

    @Test
    void moreThanADeviceTakesIsRefused() {
        assertThatThrownBy(() -> Stage.grid("Kernel", 7, TILING, new Limits(64, 48 << 10, 1, 1)))
                .isInstanceOf(DeviceException.class)
                .hasMessage("Kernel: groups of 128, the device allows 64");
        assertThatThrownBy(() -> Stage.grid("Kernel", 1 << 24, TILING, LIMITS))
                .isInstanceOf(DeviceException.class)
                .hasMessage("Kernel: 2147483648 work-items, one launch takes fewer than 2^31");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 63, 64, 65, 1000, (1L << 31) - 64})
    void rowsAreCoveredByWholeGroups(long rows) {
        WorkerGrid grid = Stage.rows(rows);

        assertThat(grid.getGlobalWork()[0]).isBetween(rows, rows + 63);
        assertThat(grid.getGlobalWork()[0] % grid.getLocalWork()[0]).isZero();
    }

    @Test
    void rowsThatNoLaunchTakesAreRefused() {
        assertThatThrownBy(() -> Stage.rows((1L << 31) - 1)).isInstanceOf(DeviceException.class);
    }

    @Test
    void runsAreRecordedUnlessTold() {
        assertThat(Stage.graph(null)).isTrue();
        assertThat(Stage.graph("on")).isTrue();
        assertThat(Stage.graph("off")).isFalse();
        assertThatThrownBy(() -> Stage.graph("no")).isInstanceOf(UsageException.class)
                .hasMessage("system property attention.graph is 'no', must be on or off");
    }

    @Test
    void loopsAreNotRecorded() {
        assertThat(new Tasks("kernels").task("one", Stage.rows(64), graph -> { }).recordable()).isTrue();
        assertThat(new Tasks("loops").task("one", Stage.rows(64), graph -> { }).loop("two", 64, graph -> { })
                .recordable()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 64, 97, 100, 2147483647})
    void loopsHaveExactlyTheirBounds(int length) {
        assertThat(Stage.loop(length).getGlobalWork()).startsWith(length);
        assertThat(length % Stage.loop(length).getLocalWork()[0]).isZero();
        assertThat(Stage.loop(length).getLocalWork()[0]).isBetween(1L, 64L);
    }
}
