package io.github.tornadoattention.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.simulator.kernels.Warps;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.WorkerGrid2D;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.BFloat16;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FP8Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Warp operations give what plain Java gives. Sums are taken in the order that the simulator promises, so results are equal. */
@ExtendWith(Restored.class)
class WarpTest {

    private static final int EVERY = DataTransferMode.EVERY_EXECUTION;

    private final KernelContext ctx = new KernelContext();
    private final Random random = new Random(16);

    private HalfFloatArray halves(int n) {
        HalfFloatArray array = new HalfFloatArray(n);
        for (int i = 0; i < n; i++) {
            array.set(i, new HalfFloat((float) random.nextGaussian()));
        }
        return array;
    }

    private static float[] product(int rows, int columns, int depth, IntToDoubleFunction a, IntToDoubleFunction b) {
        float[] c = new float[rows * columns];
        for (int i = 0; i < c.length; i++) {
            for (int k = 0; k < depth; k++) {
                c[i] += (float) a.applyAsDouble(i / columns * depth + k) * (float) b.applyAsDouble(k * columns + i % columns);
            }
        }
        return c;
    }

    @ParameterizedTest
    @CsvSource({"16, 16, 16, CONTINUATIONS, false", "48, 64, 80, CONTINUATIONS, false", "32, 128, 32, CONTINUATIONS, true",
            "32, 32, 48, VIRTUAL_THREADS, true"})
    void aProductInHalfPrecision(int rows, int columns, int depth, Settings.Scheduling scheduling, boolean watch) {
        Simulator.settings(Simulator.settings().withScheduling(scheduling).withWatch(watch));
        HalfFloatArray a = halves(rows * depth);
        HalfFloatArray b = halves(depth * columns);
        FloatArray c = new FloatArray(rows * columns);
        Run.line(rows / 16 * columns * 2, columns * 2, g -> g.transferToDevice(EVERY, a, b)
                .task("t", Warps::product, ctx, a, b, c, columns, depth).transferToHost(EVERY, c));
        assertThat(c.toHeapArray())
                .isEqualTo(product(rows, columns, depth, i -> a.get(i).getFloat32(), i -> b.get(i).getFloat32()));
    }

    @ParameterizedTest
    @CsvSource({"16, 8, 16, false", "48, 24, 64, false", "16, 16, 32, true"})
    void aProductInBfloat16(int rows, int columns, int depth, boolean watch) {
        Simulator.settings(Simulator.settings().withWatch(watch));
        BFloat16Array a = new BFloat16Array(rows * depth);
        BFloat16Array b = new BFloat16Array(depth * columns);
        for (int i = 0; i < a.getSize(); i++) {
            // Far outside what half precision holds.
            a.set(i, BFloat16.bf16FromFloat((float) random.nextGaussian() * 1e20f));
        }
        for (int i = 0; i < b.getSize(); i++) {
            b.set(i, BFloat16.bf16FromFloat((float) random.nextGaussian() * 1e-12f));
        }
        FloatArray c = new FloatArray(rows * columns);
        Run.line(rows / 16 * columns / 8 * 32, 32, g -> g.transferToDevice(EVERY, a, b)
                .task("t", Warps::productBfloat16, ctx, a, b, c, columns, depth).transferToHost(EVERY, c));
        assertThat(c.toHeapArray()).isEqualTo(product(rows, columns, depth, i -> BFloat16.bf16ToFloat(a.get(i)),
                i -> BFloat16.bf16ToFloat(b.get(i))));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void tilesThatAreFetchedAhead(boolean watch) {
        Simulator.settings(Simulator.settings().withWatch(watch));
        HalfFloatArray a = halves(16 * 80);
        HalfFloatArray b = halves(80 * 8);
        FloatArray c = new FloatArray(128);
        Run.line(32, 32, g -> g.transferToDevice(EVERY, a, b).task("t", Warps::fetchedAhead, ctx, a, b, c, 80)
                .transferToHost(EVERY, c));
        assertThat(c.toHeapArray()).isEqualTo(product(16, 8, 80, i -> a.get(i).getFloat32(), i -> b.get(i).getFloat32()));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anAccumulatorThatGoesThroughLocalMemory(boolean watch) {
        Simulator.settings(Simulator.settings().withWatch(watch));
        HalfFloatArray a = halves(256);
        HalfFloatArray b = halves(128);
        FloatArray c = new FloatArray(128);
        Run.line(32, 32, g -> g.transferToDevice(EVERY, a, b).task("t", Warps::rescaled, ctx, a, b, c, 0f)
                .transferToHost(EVERY, c));
        float[] plain = product(16, 8, 16, i -> a.get(i).getFloat32(), i -> b.get(i).getFloat32());
        assertThat(c.toHeapArray()).isEqualTo(plain);
        Run.line(32, 32, g -> g.transferToDevice(EVERY, a, b).task("t", Warps::rescaled, ctx, a, b, c, 3f)
                .transferToHost(EVERY, c));
        for (int i = 0; i < plain.length; i++) {
            assertThat(c.get(i)).isCloseTo(4 * plain[i], org.assertj.core.data.Offset.offset(1e-5f));
        }
    }

    @ParameterizedTest
    @EnumSource
    void shufflesStayWithinTheirWarp(Settings.Scheduling scheduling) {
        Simulator.settings(Simulator.settings().withScheduling(scheduling));
        FloatArray in = new FloatArray(128);
        FloatArray out = new FloatArray(3 * 128);
        for (int i = 0; i < 128; i++) {
            in.set(i, 1 << i % 24);
        }
        // Groups of 16 x 4 make two warps each: lanes go on from row to row.
        WorkerGrid2D grid = new WorkerGrid2D(16, 8);
        grid.setLocalWork(16, 4, 1);
        Run.grid(grid, g -> g.transferToDevice(EVERY, in).task("t", Warps::shuffles, ctx, in, out, 5)
                .transferToHost(EVERY, out));
        for (int i = 0; i < 128; i++) {
            float sum = 0;
            for (int lane = 0; lane < 32; lane++) {
                sum += in.get(i / 32 * 32 + lane);
            }
            assertThat(out.get(i)).as("sum at %d", i).isEqualTo(sum);
            assertThat(out.get(128 + i)).as("neighbor of %d", i).isEqualTo(in.get(i % 32 < 27 ? i + 5 : i));
            assertThat(out.get(256 + i)).as("first for %d", i).isEqualTo(in.get(i / 32 * 32));
        }
    }

    @Test
    void sumsAreTakenInPairsOfLanesThatAreFarApartFirst() {
        FloatArray in = new FloatArray(32);
        FloatArray out = new FloatArray(96);
        in.set(0, 1e8f);
        in.set(1, 3f);
        in.set(16, -1e8f);
        Run.line(32, 32, g -> g.transferToDevice(EVERY, in).task("t", Warps::shuffles, ctx, in, out, 0)
                .transferToHost(EVERY, out));
        assertThat(out.get(0)).isEqualTo(3f);
        assertThat(out.get(31)).isEqualTo(3f);
        assertThat(out.get(32 + 31)).isEqualTo(0f);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void bytesAndPairsOfHalves(boolean watch) {
        Simulator.settings(Simulator.settings().withWatch(watch));
        ByteArray bytes = new ByteArray(128);
        FP8Array small = new FP8Array(128);
        for (int i = 0; i < 128; i++) {
            bytes.set(i, (byte) (i * 5));
            small.set(i, (byte) (200 - i));
        }
        IntArray words = new IntArray(64);
        FloatArray sum = new FloatArray(2);
        Run.line(32, 32, g -> g.transferToDevice(EVERY, bytes, small)
                .task("t", Warps::packs, ctx, bytes, small, words, sum).transferToHost(EVERY, words, sum));
        for (int i = 0; i < 128; i++) {
            assertThat((byte) (words.get(i / 4) >> i % 4 * 8)).isEqualTo((byte) (i * 5));
            assertThat((byte) (words.get(32 + i / 4) >> i % 4 * 8)).isEqualTo((byte) (200 - i));
        }
        assertThat(sum.toHeapArray()).containsExactly(496f, -992f);
    }

    @Test
    void copiesCountAsTraffic() {
        HalfFloatArray a = halves(256);
        HalfFloatArray b = halves(128);
        FloatArray c = new FloatArray(128);
        try (Traffic traffic = Traffic.record()) {
            Run.line(32, 32, g -> g.transferToDevice(EVERY, a, b).task("t", Warps::rescaled, ctx, a, b, c, 3f)
                    .transferToHost(EVERY, c));
            assertThat(traffic.bytesRead("g.t", a)).isEqualTo(512);
            assertThat(traffic.bytesRead("g.t", b)).isEqualTo(256);
            assertThat(traffic.bytesWritten("g.t")).isEqualTo(512);
        }
    }

    @Test
    void thereAreNoWarpsOutsideALaunch() {
        assertThatThrownBy(() -> ctx.simdSum(1f)).isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("simdSum works in a launch only");
        assertThat(ctx.mmaFragment(2f)).containsExactly(2f, 2f, 2f, 2f);
    }
}
