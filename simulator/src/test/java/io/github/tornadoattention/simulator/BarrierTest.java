package io.github.tornadoattention.simulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.simulator.KernelFault.Kind;
import io.github.tornadoattention.simulator.KernelFault.Place;
import io.github.tornadoattention.simulator.Settings.Scheduling;
import io.github.tornadoattention.simulator.kernels.Barriers;
import io.github.tornadoattention.simulator.kernels.Bounds;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

@ExtendWith(Restored.class)
class BarrierTest {

    private final KernelContext ctx = new KernelContext();

    private static void use(Scheduling scheduling) {
        Simulator.settings(Simulator.settings().withScheduling(scheduling));
        assertThat(Simulator.settings().scheduling()).isEqualTo(scheduling);
    }

    @ParameterizedTest
    @EnumSource
    void groupsSumInATree(Scheduling scheduling) {
        use(scheduling);
        FloatArray in = new FloatArray(192);
        for (int i = 0; i < 192; i++) {
            in.set(i, i);
        }
        FloatArray out = new FloatArray(3);
        Run.line(192, 64, g -> g.transferToDevice(DataTransferMode.FIRST_EXECUTION, in)
                .task("t", Barriers::groupSum, ctx, in, out).transferToHost(DataTransferMode.EVERY_EXECUTION, out));
        assertThat(out.toHeapArray()).containsExactly(2016f, 6112f, 10208f);
    }

    @ParameterizedTest
    @EnumSource
    void everyBarrierHoldsInALoop(Scheduling scheduling) {
        use(scheduling);
        IntArray out = new IntArray(10);
        Run.line(10, 5, g -> g.task("t", Barriers::ring, ctx, out, 3).transferToHost(DataTransferMode.EVERY_EXECUTION, out));
        assertThat(out.toHeapArray()).containsExactly(3, 4, 0, 1, 2, 3, 4, 0, 1, 2);
    }

    @ParameterizedTest
    @EnumSource
    void aWholeGroupMayReturnEarly(Scheduling scheduling) {
        use(scheduling);
        IntArray out = new IntArray(8);
        Run.line(8, 4, g -> g.transferToDevice(DataTransferMode.FIRST_EXECUTION, out)
                .task("t", Barriers::wholeGroupReturns, ctx, out, 1).transferToHost(DataTransferMode.EVERY_EXECUTION, out));
        assertThat(out.toHeapArray()).containsExactly(1, 1, 1, 1, 0, 0, 0, 0);
    }

    @ParameterizedTest
    @EnumSource
    void someReturnWhileOthersWait(Scheduling scheduling) {
        use(scheduling);
        IntArray out = new IntArray(8);
        KernelFault fault = Run.fault(Kind.BARRIER_DIVERGENCE, "Barriers.someReturn", "some wait",
                () -> Run.line(8, 4, g -> g.task("t", Barriers::someReturn, ctx, out, 3)));
        assertThat(fault.site().group()).isEqualTo(new Place(0, 0, 0));
        assertThat(fault.site().items()).containsExactly(new Place(0, 0, 0), new Place(3, 0, 0));
        assertThat(fault).hasMessageContaining("3 of 4 work-items wait").hasMessageContaining("ended without it: (3,0,0)");
    }

    @ParameterizedTest
    @EnumSource
    void differentBarriersAreNotOne(Scheduling scheduling) {
        use(scheduling);
        IntArray out = new IntArray(4);
        KernelFault fault = Run.fault(Kind.BARRIER_DIVERGENCE, "Barriers.twoSites", "even",
                () -> Run.line(4, 4, g -> g.task("t", Barriers::twoSites, ctx, out)));
        assertThat(fault).hasMessageContaining(SourceLines.of("Barriers.twoSites", "odd") + ": (1,0,0) (3,0,0)");
    }

    @ParameterizedTest
    @EnumSource
    void twoBarriersOnOneLineAreTwo(Scheduling scheduling) {
        use(scheduling);
        IntArray out = new IntArray(4);
        Run.fault(Kind.BARRIER_DIVERGENCE, "Barriers.oneLine", "both",
                () -> Run.line(4, 4, g -> g.task("t", Barriers::oneLine, ctx, out)));
    }

    @ParameterizedTest
    @EnumSource
    void unequalNumbersOfRounds(Scheduling scheduling) {
        use(scheduling);
        IntArray out = new IntArray(4);
        Run.fault(Kind.BARRIER_DIVERGENCE, "Barriers.unequalRounds", "round",
                () -> Run.line(4, 4, g -> g.task("t", Barriers::unequalRounds, ctx, out)));
    }

    @ParameterizedTest
    @EnumSource
    void theFirstGroupAtFaultIsTheOneReported(Scheduling scheduling) {
        use(scheduling);
        IntArray out = new IntArray(64);
        for (int repeat = 0; repeat < 20; repeat++) {
            KernelFault fault = Run.fault(Kind.OUT_OF_BOUNDS, "Bounds.groupsFrom", "later groups",
                    () -> Run.line(256, 4, g -> g.task("t", Bounds::groupsFrom, ctx, out, 5)));
            assertThat(fault.site().group()).isEqualTo(new Place(5, 0, 0));
        }
    }
}
