package io.github.tornadoattention.simulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.simulator.KernelFault.Kind;
import io.github.tornadoattention.simulator.KernelFault.Place;
import io.github.tornadoattention.simulator.kernels.Races;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

@ExtendWith(Restored.class)
class WatchTest {

    private final KernelContext ctx = new KernelContext();
    private final FloatArray out = new FloatArray(8);

    private static KernelFault watched(Kind kind, String kernel, String marker, Runnable run) {
        try (Simulator.Scope _ = Simulator.watching()) {
            return Run.fault(kind, kernel, marker, run);
        }
    }

    private void readsNeighbor(int distance) {
        Run.line(4, 4, g -> g.task("t", Races::readsNeighbor, ctx, out, distance));
    }

    @Test
    void aReadOfWhatAnotherWroteSinceTheLastBarrier() {
        KernelFault fault = watched(Kind.LOCAL_RACE, "Races.readsNeighbor", "read", () -> readsNeighbor(1));
        assertThat(fault.site().items()).containsExactly(new Place(1, 0, 0));
        assertThat(fault).hasMessageContaining("reads element 0 of float local array 0, which work-item (0,0,0) wrote at "
                + SourceLines.of("Races.readsNeighbor", "written"));
        try (Simulator.Scope _ = Simulator.watching()) {
            readsNeighbor(0);
        }
    }

    @Test
    void aWriteOverWhatAnotherReadSinceTheLastBarrier() {
        IntArray ints = new IntArray(4);
        KernelFault fault = watched(Kind.LOCAL_RACE, "Races.overwrites", "overwritten",
                () -> Run.line(4, 4, g -> g.task("t", Races::overwrites, ctx, ints)));
        assertThat(fault.site().items()).containsExactly(new Place(3, 0, 0));
        assertThat(fault).hasMessageContaining("other work-items read at " + SourceLines.of("Races.overwrites", "read before"));
    }

    @Test
    void twoWritesOfOneElement() {
        KernelFault fault = watched(Kind.LOCAL_RACE, "Races.allWrite", "all",
                () -> Run.line(4, 4, g -> g.task("t", Races::allWrite, ctx, out)));
        assertThat(fault).hasMessageContaining("writes element 0 of double local array 0");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4})
    void readsOfLocalMemoryThatNobodyWrote(int which) {
        KernelFault fault = watched(Kind.UNWRITTEN_READ, "Races.unwrittenLocal", String.valueOf(which),
                () -> Run.line(1, 1, g -> g.task("t", Races::unwrittenLocal, ctx, out, which)));
        assertThat(fault).hasMessageContaining("element 1 of").hasMessageContaining("local array " + which);
    }

    @Test
    void readsOfPrivateMemoryThatNobodyWrote() {
        KernelFault fault = watched(Kind.UNWRITTEN_READ, "Races.unwrittenPrivate", "private",
                () -> Run.line(4, 4, g -> g.task("t", Races::unwrittenPrivate, ctx, out)));
        assertThat(fault).hasMessageContaining("element 1 of a private array");
    }

    @Test
    void readsOfGlobalMemoryThatNobodyFilled() {
        KernelFault fault = watched(Kind.UNWRITTEN_READ, "Races.unwrittenGlobal", "global",
                () -> Run.line(8, 4, g -> g.task("t", Races::unwrittenGlobal, ctx, out)));
        assertThat(fault).hasMessageContaining("element 0 of FloatArray 'out' (argument 1)");
        try (Simulator.Scope _ = Simulator.watching()) {
            Run.line(8, 4, g -> g.transferToDevice(DataTransferMode.FIRST_EXECUTION, out)
                    .task("t", Races::unwrittenGlobal, ctx, out));
        }
    }

    private void groupsMeet(int how) {
        Run.line(8, 4, g -> g.transferToDevice(DataTransferMode.FIRST_EXECUTION, out)
                .task("t", Races::groupsMeet, ctx, out, how));
    }

    @Test
    void twoGroupsUseOneGlobalElement() {
        assertThat(watched(Kind.GLOBAL_RACE, "Races.groupsMeet", "both write", () -> groupsMeet(0)))
                .hasMessageContaining("the group writes element 0 of FloatArray 'data' (argument 1), which group (0,0,0) wrote");
        assertThat(watched(Kind.GLOBAL_RACE, "Races.groupsMeet", "read then written", () -> groupsMeet(1)))
                .hasMessageContaining("which group (0,0,0)");
        assertThat(watched(Kind.GLOBAL_RACE, "Races.groupsMeet", "written then read", () -> groupsMeet(2)))
                .hasMessageContaining("reads element 5");
    }

    @Test
    void helpersOfOtherClassesAreWatched() {
        try (Simulator.Scope _ = Simulator.watching()) {
            KernelFault fault = Run.fault(Kind.UNWRITTEN_READ,
                    () -> Run.line(4, 4, g -> g.task("t", Races::helperReads, ctx, out)));
            assertThat(fault.site().kernel()).isEqualTo("Races.helperReads");
            assertThat(fault.site().source()).isEqualTo(SourceLines.of("Helper.element", "element"));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCleanKernelRunsWatchedAsItRunsPlain(Settings.Scheduling scheduling) {
        Simulator.settings(Simulator.settings().withScheduling(scheduling));
        FloatArray in = new FloatArray(16);
        in.init(1.5f);
        FloatArray plain = new FloatArray(16);
        FloatArray watched = new FloatArray(16);
        clean(in, plain);
        try (Simulator.Scope _ = Simulator.watching()) {
            clean(in, watched);
        }
        assertThat(watched.toHeapArray()).isEqualTo(plain.toHeapArray());
        float perRound = 1.5f * 2 * 4;
        assertThat(plain.get(7)).isEqualTo(perRound + 2 * perRound + perRound + 3 * 6 + 1.5f);
    }

    private void clean(FloatArray in, FloatArray target) {
        Run.line(16, 4, g -> g.transferToDevice(DataTransferMode.FIRST_EXECUTION, in)
                .task("t", Races::clean, ctx, in, target).transferToHost(DataTransferMode.EVERY_EXECUTION, target));
    }

    @Test
    void withoutWatchingNothingIsReported() {
        readsNeighbor(1);
        groupsMeet(0);
        assertThat(Simulator.settings().watch()).isFalse();
    }
}
