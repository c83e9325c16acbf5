package io.github.tornadoattention.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.simulator.KernelFault.Kind;
import io.github.tornadoattention.simulator.KernelFault.Place;
import io.github.tornadoattention.simulator.kernels.Bounds;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

@ExtendWith(Restored.class)
class OutOfBoundsTest {

    private final KernelContext ctx = new KernelContext();
    private final FloatArray a = new FloatArray(8);
    private final FloatArray b = new FloatArray(8);

    private void shifted(int read, int write) {
        Run.line(8, 4, g -> g.transferToDevice(DataTransferMode.FIRST_EXECUTION, a)
                .task("t", Bounds::shifted, ctx, a, b, read, write));
    }

    private static void watch(boolean on) {
        Simulator.settings(Simulator.settings().withWatch(on));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void readPastAGlobalArray(boolean watch) {
        watch(watch);
        KernelFault fault = Run.fault(Kind.OUT_OF_BOUNDS, "Bounds.shifted", "read", () -> shifted(1, 0));
        assertThat(fault).hasMessageContaining("read of index 8 of FloatArray 'source' (argument 1) with 8 elements");
        assertThat(fault.site().group()).isEqualTo(new Place(1, 0, 0));
        assertThat(fault.site().items()).containsExactly(new Place(3, 0, 0));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void writeBeforeAGlobalArrayNeverReachesItsHeader(boolean watch) {
        watch(watch);
        KernelFault fault = Run.fault(Kind.OUT_OF_BOUNDS, "Bounds.shifted", "write", () -> shifted(0, -1));
        assertThat(fault).hasMessageContaining("write to index -1 of FloatArray 'target' (argument 2) with 8 elements");
        assertThat(fault.site().items()).containsExactly(new Place(0, 0, 0));
    }

    @Test
    void aHelperIsNamedByItsLineAndTheKernelByItsName() {
        HalfFloatArray halves = new HalfFloatArray(3);
        KernelFault fault = Run.fault(Kind.OUT_OF_BOUNDS, () -> Run.line(4, 4,
                g -> g.transferToDevice(DataTransferMode.FIRST_EXECUTION, halves).task("t", Bounds::helped, ctx, halves, a)));
        assertThat(fault.site().kernel()).isEqualTo("Bounds.helped");
        assertThat(fault.site().source()).isEqualTo(SourceLines.of("Helper.halfAt", "half"));
        assertThat(fault).hasMessageContaining("HalfFloatArray 'halves' (argument 1)");
    }

    @Test
    void localAndPrivateArrays() {
        Run.fault(Kind.OUT_OF_BOUNDS, "Bounds.local", "local", () -> Run.line(8, 4, g -> g.task("t", Bounds::local, ctx, a, 8)));
        Run.fault(Kind.OUT_OF_BOUNDS, "Bounds.privately", "private",
                () -> Run.line(8, 4, g -> g.task("t", Bounds::privately, ctx, a, -1)));
    }

    @Test
    void watchingTellsLocalFromPrivate() {
        watch(true);
        assertThat(Run.fault(Kind.OUT_OF_BOUNDS, "Bounds.local", "local",
                () -> Run.line(4, 4, g -> g.task("t", Bounds::local, ctx, a, 8))))
                .hasMessageContaining("write to index 8 of float local array 0 with 8 elements");
        assertThat(Run.fault(Kind.OUT_OF_BOUNDS, "Bounds.privately", "private",
                () -> Run.line(4, 4, g -> g.task("t", Bounds::privately, ctx, a, -1))))
                .hasMessageContaining("read of index -1 of a float private array with 4 elements");
    }

    @Test
    void plainLoops() {
        assertThat(Run.fault(Kind.OUT_OF_BOUNDS, "Bounds.loops", "loops", () -> Run.loops(g -> g.task("t", Bounds::loops, a, 9))))
                .hasMessageContaining("write to index 8 of FloatArray 'target' (argument 0) with 8 elements");
    }

    @Test
    void divisionByZero() {
        IntArray target = new IntArray(4);
        assertThat(Run.fault(Kind.EXCEPTION, "Bounds.divides", "division",
                () -> Run.line(4, 4, g -> g.task("t", Bounds::divides, ctx, target, 0))))
                .hasMessageContaining("ArithmeticException: / by zero");
    }

    @Test
    void onTheHostItIsAnOrdinaryException() {
        assertThatThrownBy(() -> a.get(8)).isInstanceOf(IndexOutOfBoundsException.class)
                .hasMessage("read of index 8 of FloatArray with 8 elements");
        assertThatThrownBy(() -> a.set(-1, 0f)).isInstanceOf(IndexOutOfBoundsException.class);
    }
}
