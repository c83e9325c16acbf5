package io.github.tornadoattention.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static uk.ac.manchester.tornado.api.enums.DataTransferMode.EVERY_EXECUTION;
import static uk.ac.manchester.tornado.api.enums.DataTransferMode.FIRST_EXECUTION;
import static uk.ac.manchester.tornado.api.enums.DataTransferMode.UNDER_DEMAND;

import io.github.tornadoattention.simulator.kernels.Plain;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import uk.ac.manchester.tornado.api.DataRange;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoExecutionResult;
import uk.ac.manchester.tornado.api.TornadoProfilerResult;
import uk.ac.manchester.tornado.api.enums.ProfilerMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoOutOfMemoryException;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

@ExtendWith(Restored.class)
class TransferTest {

    private final FloatArray x = FloatArray.fromElements(1f, 2f);
    private final FloatArray y = new FloatArray(2);

    private static TornadoExecutionPlan plan(TaskGraph... graphs) {
        return new TornadoExecutionPlan(Arrays.stream(graphs).map(TaskGraph::snapshot).toArray(ImmutableTaskGraph[]::new));
    }

    private TaskGraph scale(int in, int out) {
        return new TaskGraph("g").transferToDevice(in, x).task("t", Plain::scale, x, y, 10f).transferToHost(out, y);
    }

    @Test
    void firstExecutionIgnoresLaterChangesOfTheHost() throws Exception {
        try (TornadoExecutionPlan plan = plan(scale(FIRST_EXECUTION, EVERY_EXECUTION))) {
            plan.execute();
            x.set(0, 5f);
            plan.execute();
            assertThat(y.toHeapArray()).containsExactly(10f, 20f);
            plan.freeDeviceMemory().execute();
            assertThat(y.toHeapArray()).containsExactly(50f, 20f);
        }
    }

    @Test
    void everyExecutionCopiesAgain() throws Exception {
        try (TornadoExecutionPlan plan = plan(scale(EVERY_EXECUTION, EVERY_EXECUTION))) {
            plan.execute();
            x.set(0, 5f);
            plan.execute();
            assertThat(y.toHeapArray()).containsExactly(50f, 20f);
        }
    }

    @Test
    void underDemandComesOnlyWhenAskedFor() throws Exception {
        try (TornadoExecutionPlan plan = plan(scale(FIRST_EXECUTION, UNDER_DEMAND))) {
            TornadoExecutionResult result = plan.execute();
            assertThat(y.toHeapArray()).containsExactly(0f, 0f);
            result.transferToHost(new DataRange(y).withOffset(1).withSize(1));
            assertThat(y.toHeapArray()).containsExactly(0f, 20f);
            assertThat(result.transferToHost(y).isReady()).isTrue();
            assertThat(y.toHeapArray()).containsExactly(10f, 20f);
            assertThatThrownBy(() -> result.transferToHost(new FloatArray(7))).isInstanceOf(TornadoRuntimeException.class)
                    .hasMessageContaining("array of 7 elements");
            assertThatThrownBy(() -> result.transferToHost(new DataRange(y).withOffset(1).withSize(2)))
                    .isInstanceOf(TornadoRuntimeException.class);
        }
    }

    @Test
    void whatNobodyCopiedOrWroteIsGarbage() throws Exception {
        try (TornadoExecutionPlan plan = plan(new TaskGraph("g").transferToDevice(FIRST_EXECUTION, x)
                .task("t", Plain::firstHalf, x, y).transferToHost(EVERY_EXECUTION, y))) {
            plan.execute();
        }
        assertThat(y.get(0)).isEqualTo(1f);
        assertThat(y.get(1)).isNaN();
        assertThat(Float.floatToRawIntBits(y.get(1))).isEqualTo(0x7fc0_dead);
    }

    @Test
    void anInputThatWasForgottenIsGarbage() throws Exception {
        try (TornadoExecutionPlan plan = plan(new TaskGraph("g").task("t", Plain::scale, x, y, 1f)
                .transferToHost(EVERY_EXECUTION, y))) {
            plan.execute();
        }
        assertThat(y.get(0)).isNaN();
    }

    @Test
    void theHostsArrayIsNotTheDevices() throws Exception {
        try (TornadoExecutionPlan plan = plan(new TaskGraph("g").transferToDevice(FIRST_EXECUTION, x)
                .task("a", Plain::increment, x).task("b", Plain::increment, x).transferToHost(UNDER_DEMAND, x))) {
            plan.execute();
            assertThat(x.toHeapArray()).containsExactly(1f, 2f);
            plan.execute().transferToHost(x);
            assertThat(x.toHeapArray()).containsExactly(5f, 6f);
        }
    }

    @Test
    void graphsOfAPlanHandArraysOver() throws Exception {
        TaskGraph first = new TaskGraph("first").transferToDevice(FIRST_EXECUTION, x).task("t", Plain::increment, x)
                .persistOnDevice(x);
        TaskGraph second = new TaskGraph("second").consumeFromDevice("first", x).task("t", Plain::scale, x, y, 2f)
                .transferToHost(EVERY_EXECUTION, y);
        TaskGraph third = new TaskGraph("third").consumeFromDevice(y).task("t", Plain::increment, y);
        try (TornadoExecutionPlan plan = plan(first, second, third)) {
            assertThatThrownBy(() -> plan.withGraph(1).execute()).isInstanceOf(TornadoRuntimeException.class)
                    .hasMessageContaining("graph second consumes an array of 2 elements");
            plan.withGraph(0).execute();
            plan.withGraph(1).execute();
            assertThat(y.toHeapArray()).containsExactly(4f, 6f);
            assertThatThrownBy(() -> plan.withGraph(2).execute()).hasMessageContaining("graph third consumes");
        }
    }

    @Test
    void bytesAreCountedAndTimesOnlyWithTheProfiler() throws Exception {
        try (TornadoExecutionPlan plan = plan(scale(FIRST_EXECUTION, EVERY_EXECUTION))) {
            TornadoProfilerResult quiet = plan.execute().getProfilerResult();
            assertThat(quiet.getDeviceKernelTime()).isZero();
            assertThat(quiet.getTotalBytesCopyIn()).isEqualTo(8);
            assertThat(quiet.getTotalBytesCopyOut()).isEqualTo(8);
            assertThat(quiet.getTotalDeviceMemoryUsage()).isEqualTo(2 * 24);
            TornadoProfilerResult timed = plan.withProfiler(ProfilerMode.SILENT).execute().getProfilerResult();
            assertThat(timed.getDeviceKernelTime()).isPositive();
            assertThat(timed.getTotalTime()).isGreaterThanOrEqualTo(timed.getDeviceKernelTime());
            assertThat(timed.getTotalBytesCopyIn()).isZero();
            assertThat(timed.getProfileLog()).contains("\"copy_out_bytes\": 8");
            assertThat(plan.withoutProfiler().execute().getProfilerResult().getTotalTime()).isZero();
        }
    }

    @Test
    void deviceMemoryIsLimitedAndGivenBack() throws Exception {
        SimulatedDevice.INSTANCE.limits(SimulatedDevice.INSTANCE.limits().withGlobalBytes(60));
        try (TornadoExecutionPlan plan = plan(scale(FIRST_EXECUTION, EVERY_EXECUTION))) {
            plan.execute();
            assertThat(plan.getCurrentDeviceMemoryUsage()).isEqualTo(48);
            try (TornadoExecutionPlan other = plan(scale(FIRST_EXECUTION, EVERY_EXECUTION))) {
                assertThatThrownBy(other::execute).isInstanceOf(TornadoOutOfMemoryException.class)
                        .hasMessageContaining("wants 24 bytes, but 48 of the device's 60");
                plan.freeDeviceMemory();
                assertThat(plan.getCurrentDeviceMemoryUsage()).isZero();
                other.execute();
            }
        }
    }

    @Test
    void aPlanMayLimitItself() throws Exception {
        FloatArray large = new FloatArray(300_000);
        try (TornadoExecutionPlan plan = plan(new TaskGraph("g").transferToDevice(FIRST_EXECUTION, large)
                .task("t", Plain::increment, large))) {
            plan.withMemoryLimit("1MB");
            assertThatThrownBy(plan::execute).isInstanceOf(TornadoOutOfMemoryException.class)
                    .hasMessageContaining("limit is 1000000");
            plan.withoutMemoryLimit().execute();
            assertThatThrownBy(() -> plan.withMemoryLimit("much")).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void aClosedPlanDoesNotRun() throws Exception {
        TornadoExecutionPlan plan = plan(scale(FIRST_EXECUTION, EVERY_EXECUTION));
        TornadoExecutionResult result = plan.execute();
        plan.close();
        assertThatThrownBy(plan::execute).isInstanceOf(TornadoRuntimeException.class).hasMessageContaining("closed");
        assertThatThrownBy(() -> result.transferToHost(y)).hasMessageContaining("closed");
    }

    @Test
    void aPlanIsForOneThreadAtATime() throws Exception {
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch tried = new CountDownLatch(1);
        TaskGraph graph = new TaskGraph("g").task("t", (FloatArray a) -> {
            running.countDown();
            await(tried);
            a.set(0, 1f);
        }, x);
        try (TornadoExecutionPlan plan = plan(graph)) {
            Thread other = Thread.ofPlatform().start(plan::execute);
            running.await();
            assertThatThrownBy(plan::execute).isInstanceOf(TornadoRuntimeException.class)
                    .hasMessageContaining("one thread at a time");
            tried.countDown();
            other.join();
            plan.execute();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void wrongTransfersAreRefused() {
        assertThatThrownBy(() -> new TaskGraph("g").transferToDevice(7, x)).hasMessageContaining("7 is no DataTransferMode");
        assertThatThrownBy(() -> new TaskGraph("g").transferToDevice(FIRST_EXECUTION, (Object) new float[1]))
                .hasMessageContaining("transferToDevice of graph g");
        TornadoExecutionPlan plan = plan(new TaskGraph("g").transferToHost(EVERY_EXECUTION, x));
        assertThatThrownBy(plan::execute).hasMessageContaining("none of its tasks takes");
    }
}
