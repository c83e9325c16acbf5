package io.github.tornadoattention.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.simulator.KernelFault.Kind;
import io.github.tornadoattention.simulator.kernels.Barriers;
import io.github.tornadoattention.simulator.kernels.Bounds;
import io.github.tornadoattention.simulator.kernels.Plain;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.WorkerGrid2D;
import uk.ac.manchester.tornado.api.WorkerGrid3D;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoTaskRuntimeException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

@ExtendWith(Restored.class)
class LaunchTest {

    private final KernelContext ctx = new KernelContext();

    @Test
    void everyWorkItemKnowsItsPlace() {
        IntArray out = new IntArray(6 * 4 * 2 * 15);
        WorkerGrid grid = new WorkerGrid3D(6, 4, 2);
        grid.setLocalWork(3, 2, 1);
        Run.grid(grid, g -> g.task("t", Plain::places, ctx, out).transferToHost(DataTransferMode.EVERY_EXECUTION, out));
        int item = ((1 * 4) + 3) * 6 + 4;
        assertThat(out.slice(item * 15, 15).toHeapArray()).containsExactly(4, 3, 1, 1, 1, 1, 1, 1, 0, 6, 4, 2, 3, 2, 1);
    }

    @Test
    void aGroupSizeIsChosenWhereTheGridNamesNone() {
        IntArray out = new IntArray(12 * 2 * 15);
        Run.grid(new WorkerGrid2D(12, 2), g -> g.task("t", Plain::places, ctx, out)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out));
        assertThat(out.slice(12 * 15, 15).toHeapArray()).containsExactly(0, 1, 0, 0, 1, 0, 0, 0, 0, 12, 2, 1, 12, 1, 1);
    }

    @Test
    void twentyArguments() {
        IntArray out = new IntArray(2);
        Run.line(2, 2, g -> g.transferToDevice(DataTransferMode.FIRST_EXECUTION, out)
                .task("t", Plain::twenty, ctx, out, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17L, 18f, 19d, out)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out));
        assertThat(out.toHeapArray()[0]).isEqualTo(3 + 4 + 5 + 6 + 7 + 8 + 9 + 10 + 11 + 12 + 13 + 14 + 15 + 16 + 17 + 18 + 19);
    }

    @Test
    void theNumberOfWorkItemsMustBeAMultipleOfTheGroup() {
        IntArray out = new IntArray(150);
        assertThat(Run.fault(Kind.GLOBAL_SIZE, () -> Run.line(10, 4, g -> g.task("t", Plain::places, ctx, out))))
                .hasMessageContaining("[10, 1, 1] work-items are no multiple of groups of [4, 1, 1]");
    }

    @Test
    void aGroupMustFitTheDevice() {
        IntArray out = new IntArray(4096 * 15);
        Run.line(1024, 1024, g -> g.task("t", Plain::places, ctx, out));
        assertThat(Run.fault(Kind.GROUP_SIZE, () -> Run.line(2048, 2048, g -> g.task("t", Plain::places, ctx, out))))
                .hasMessageContaining("2048 work-items, the device allows 1024");
        SimulatedDevice.INSTANCE.limits(SimulatedDevice.INSTANCE.limits().withMaxGroupSize(8));
        WorkerGrid square = new WorkerGrid2D(4, 4);
        square.setLocalWork(4, 4, 1);
        Run.fault(Kind.GROUP_SIZE, () -> Run.grid(square, g -> g.task("t", Plain::places, ctx, out)));
    }

    @Test
    void localMemoryMustFitTheDevice() {
        FloatArray out = new FloatArray(4);
        Run.line(4, 4, g -> g.task("t", Plain::wantsLocal, ctx, out, 12_286, 1));
        KernelFault fault = Run.fault(Kind.LOCAL_MEMORY, "Plain.wantsLocal", "second",
                () -> Run.line(4, 4, g -> g.task("t", Plain::wantsLocal, ctx, out, 12_287, 1)));
        assertThat(fault).hasMessageContaining("asks for 49156 bytes of local memory")
                .hasMessageContaining("the device has 49152");
        DeviceLimits before = SimulatedDevice.INSTANCE.limits(SimulatedDevice.INSTANCE.limits().withLocalBytes(64));
        assertThat(before.localBytes()).isEqualTo(49_152);
        assertThat(SimulatedDevice.INSTANCE.getDeviceLocalMemorySize()).isEqualTo(64);
        Run.fault(Kind.LOCAL_MEMORY, () -> Run.line(4, 4, g -> g.task("t", Plain::wantsLocal, ctx, out, 8, 5)));
    }

    @Test
    void workItemsOfAGroupShareTheirLocalArrays() {
        Run.fault(Kind.LOCAL_ALLOCATION, "Bounds.unequalAllocations", "allocation",
                () -> Run.line(4, 4, g -> g.task("t", Bounds::unequalAllocations, ctx, new FloatArray(4))));
    }

    @Test
    void aContextWantsAGrid() {
        IntArray out = new IntArray(15);
        assertThat(Run.fault(Kind.MISSING_GRID, () -> Run.loops(g -> g.task("t", Plain::places, ctx, out))))
                .hasMessageContaining("the GridScheduler names no task");
    }

    @Test
    void aVirtualThreadMayLaunchToo() throws InterruptedException {
        IntArray out = new IntArray(8);
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread.ofVirtual().start(() -> {
            try {
                Run.line(8, 4, g -> g.task("t", Barriers::ring, ctx, out, 1)
                        .transferToHost(DataTransferMode.EVERY_EXECUTION, out));
            } catch (RuntimeException e) {
                thrown.set(e);
            }
        }).join();
        assertThat(thrown.get()).isNull();
        assertThat(out.toHeapArray()).containsExactly(1, 2, 3, 0, 1, 2, 3, 0);
    }

    @Test
    void aLambdaMayBeAKernel() {
        IntArray out = new IntArray(4);
        Run.line(4, 2, g -> g.task("t", (KernelContext c, IntArray o) -> {
            c.localBarrier();
            o.set(c.globalIdx, c.groupIdx);
        }, ctx, out).transferToHost(DataTransferMode.EVERY_EXECUTION, out));
        assertThat(out.toHeapArray()).containsExactly(0, 0, 1, 1);
    }

    @Test
    void argumentsThatADeviceHasNoMemoryForAreRefused() {
        assertThatThrownBy(() -> new TaskGraph("g").task("t", (float[] a) -> a[0] = 1f, new float[1]))
                .isInstanceOf(TornadoTaskRuntimeException.class).hasMessageContaining("argument 0 of task g.t");
        assertThatThrownBy(() -> new TaskGraph("g").task("t", (FloatArray a) -> a.set(0, 1f), null))
                .isInstanceOf(TornadoTaskRuntimeException.class).hasMessageContaining("is null");
        TaskGraph graph = new TaskGraph("g").task("t", Plain::increment, new FloatArray(1));
        assertThatThrownBy(() -> graph.task("t", Plain::increment, new FloatArray(1)))
                .isInstanceOf(TornadoTaskRuntimeException.class).hasMessageContaining("two tasks are called g.t");
    }

    @Test
    void oneGridAtLeastMustBelongToThePlan() throws Exception {
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(new TaskGraph("g").snapshot())) {
            GridScheduler grids = new GridScheduler("other.t", new WorkerGrid1D(1));
            assertThatThrownBy(() -> plan.withGridScheduler(grids)).hasMessageContaining("other.t");
        }
    }
}
