package io.github.tornadoattention.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static uk.ac.manchester.tornado.api.enums.DataTransferMode.EVERY_EXECUTION;
import static uk.ac.manchester.tornado.api.enums.DataTransferMode.FIRST_EXECUTION;

import io.github.tornadoattention.simulator.kernels.Plain;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.DoubleArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

@ExtendWith(Restored.class)
class TrafficTest {

    private final KernelContext ctx = new KernelContext();

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void everyAccessCountsOnce(boolean watch) {
        Simulator.settings(Simulator.settings().withWatch(watch));
        FloatArray in = new FloatArray(32);
        FloatArray out = new FloatArray(32 * 8);
        try (Traffic traffic = Traffic.record()) {
            Run.line(32, 8, g -> g.transferToDevice(FIRST_EXECUTION, in).task("t", Plain::tiled, ctx, in, out)
                    .transferToHost(EVERY_EXECUTION, out));
            assertThat(traffic.bytesRead("g.t", in)).isEqualTo(32 * 4);
            assertThat(traffic.bytesWritten("g.t", in)).isZero();
            assertThat(traffic.bytesRead("g.t", out)).isZero();
            assertThat(traffic.bytesWritten("g.t", out)).isEqualTo(32 * 8 * 4);
            assertThat(traffic.bytesRead("g.t")).isEqualTo(traffic.bytesRead()).isEqualTo(32 * 4);
            assertThat(traffic.bytesWritten("other")).isZero();
            assertThat(traffic.launches()).hasSize(1);
            assertThat(traffic.launches().getFirst().localBytesWritten()).isEqualTo(watch ? 32 * 4 : 0);
            assertThat(traffic.launches().getFirst().localBytesRead()).isEqualTo(watch ? 32 * 8 * 4 : 0);
        }
    }

    @Test
    void anElementCountsItsSize() {
        IntArray i = new IntArray(4);
        LongArray l = new LongArray(4);
        DoubleArray d = new DoubleArray(4);
        ByteArray b = new ByteArray(4);
        HalfFloatArray h = new HalfFloatArray(4);
        BFloat16Array f = new BFloat16Array(4);
        try (Traffic traffic = Traffic.record()) {
            Run.line(4, 2, g -> g.transferToDevice(FIRST_EXECUTION, i, l, d, b, h, f)
                    .task("t", Plain::allTypes, ctx, i, l, d, b, h, f).transferToHost(EVERY_EXECUTION, i, l, d, b, h, f));
            assertThat(traffic.launches().getFirst().arrays()).extracting(Traffic.ArrayTraffic::bytesRead)
                    .containsExactly(16L, 32L, 32L, 4L, 8L, 8L);
            assertThat(traffic.launches().getFirst().arrays()).extracting(Traffic.ArrayTraffic::bytesWritten)
                    .containsExactly(16L, 32L, 32L, 4L, 8L, 8L);
        }
        assertThat(i.get(3)).isEqualTo(1);
        assertThat(l.get(3)).isEqualTo(1L);
        assertThat(d.get(3)).isEqualTo(1d);
        assertThat(b.get(3)).isEqualTo((byte) 1);
        assertThat(h.get(3).getFloat32()).isEqualTo(1f);
        assertThat(f.getFloat(3)).isEqualTo(1f);
    }

    @Test
    void plainLoopsCountToo() {
        FloatArray x = new FloatArray(10);
        FloatArray y = new FloatArray(10);
        try (Traffic traffic = Traffic.record()) {
            Run.loops(g -> g.transferToDevice(FIRST_EXECUTION, x).task("t", Plain::scale, x, y, 2f));
            assertThat(traffic.bytesRead("g.t", x)).isEqualTo(40);
            assertThat(traffic.bytesWritten("g.t", y)).isEqualTo(40);
        }
    }

    @Test
    void nothingCountsAfterClosing() {
        FloatArray x = new FloatArray(10);
        Traffic traffic = Traffic.record();
        traffic.close();
        Run.loops(g -> g.transferToDevice(FIRST_EXECUTION, x).task("t", Plain::increment, x));
        assertThat(traffic.launches()).isEmpty();
    }
}
