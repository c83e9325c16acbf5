package io.github.tornadoattention.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.github.tornadoattention.simulator.KernelFault.Kind;
import io.github.tornadoattention.simulator.kernels.EarlyHelper;
import io.github.tornadoattention.simulator.kernels.EarlyKernel;
import io.github.tornadoattention.simulator.kernels.Loops;
import java.time.Duration;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

@ExtendWith(Restored.class)
class LoopBudgetTest {

    private final KernelContext ctx = new KernelContext();
    private final IntArray out = new IntArray(4);

    @BeforeEach
    void smallBudget() {
        Simulator.settings(Simulator.settings().withLoopBudget(10_000));
    }

    @Test
    void aLoopWithoutEndEnds() {
        KernelFault fault = Run.fault(Kind.LOOP_BUDGET, "Loops.forever", "forever",
                () -> Run.line(4, 4, g -> g.task("t", Loops::forever, ctx, out)));
        assertThat(fault).hasMessageContaining("10000 iterations");
    }

    @Test
    void aStepOfZero() {
        Run.fault(Kind.LOOP_BUDGET, "Loops.noStep", "step", () -> Run.line(4, 4, g -> g.task("t", Loops::noStep, ctx, out, 0)));
    }

    @Test
    void aBoundOfGarbageIsRefusedBeforeTheLoopStarts() {
        Simulator.settings(Simulator.settings().withLoopBudget(1_000_000_000));
        IntArray lengths = new IntArray(1);
        Assertions.assertTimeout(Duration.ofSeconds(1), () -> Run.fault(Kind.LOOP_BUDGET, "Loops.garbageBound", "bound",
                () -> Run.line(4, 4, g -> g.task("t", Loops::garbageBound, ctx, lengths, out))));
    }

    @Test
    void aLoopAroundABarrier() {
        Run.fault(Kind.LOOP_BUDGET, "Loops.foreverAtABarrier", "barrier",
                () -> Run.line(4, 4, g -> g.task("t", Loops::foreverAtABarrier, ctx, out)));
    }

    @Test
    void aLoopInAHelperOfAnotherClass() {
        KernelFault fault = Run.fault(Kind.LOOP_BUDGET, () -> Run.line(4, 4, g -> g.task("t", Loops::helperForever, ctx, out)));
        assertThat(fault.site().kernel()).isEqualTo("Loops.helperForever");
        assertThat(fault.site().source()).isEqualTo(SourceLines.of("Helper.endless", "circle"));
    }

    @Test
    void aLoopInAHelperThatWasLoadedBeforeTheKernel() {
        assertThat(EarlyHelper.endless(7)).isEqualTo(7);
        KernelFault fault = Run.fault(Kind.LOOP_BUDGET,
                () -> Run.line(1, 1, g -> g.task("t", EarlyKernel::callsEarlyHelper, ctx, out)));
        assertThat(fault.site().source()).isEqualTo(SourceLines.of("EarlyHelper.endless", "late"));
    }

    @Test
    void aLoopWithinParallelLoops() {
        Simulator.settings(Simulator.settings().withLoopBudget(500));
        Run.fault(Kind.LOOP_BUDGET, "Loops.parallelForever", "inner",
                () -> Run.loops(g -> g.task("t", Loops::parallelForever, out)));
    }

    @Test
    void parallelLoopsHaveABudgetForEachIteration() {
        assertThatCode(() -> Run.loops(g -> g.task("t", Loops::parallelMany, out, 5000, 5000))).doesNotThrowAnyException();
        Run.fault(Kind.LOOP_BUDGET, () -> Run.loops(g -> g.task("t", Loops::parallelMany, out, 5000, 20_000)));
        Run.fault(Kind.LOOP_BUDGET, () -> Run.loops(g -> g.task("t", Loops::parallelMany, out, 20_000, 5000)));
    }

    @Test
    void countingChangesNoResult() {
        Run.line(1, 1, g -> g.task("t", Loops::allForms, ctx, out, 10, 4).transferToHost(DataTransferMode.EVERY_EXECUTION, out));
        int up = 45;
        int even = 10 + 12 + 14 + 16 + 18 + 20;
        int steps = 0 + 4 + 8;
        int towardsEachOther = 9 + 8 + 7 + 6 + 5;
        int down = 55;
        int skipping = 45 - 3;
        assertThat(out.get(0)).isEqualTo(up + even + steps + towardsEachOther + down + skipping);
    }

    @Test
    void theDefaultLeavesRoomForRealKernels() {
        assertThat(Settings.fromProperties().loopBudget()).isEqualTo(1_000_000_000);
    }
}
