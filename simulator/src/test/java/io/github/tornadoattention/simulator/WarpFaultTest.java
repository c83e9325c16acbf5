package io.github.tornadoattention.simulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.simulator.KernelFault.Kind;
import io.github.tornadoattention.simulator.KernelFault.Place;
import io.github.tornadoattention.simulator.kernels.WarpFaults;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.WorkerGrid2D;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

/** Each fault of warp operations and asynchronous copies is planted once and found. */
@ExtendWith(Restored.class)
class WarpFaultTest {

    private static final int EVERY = DataTransferMode.EVERY_EXECUTION;

    private final KernelContext ctx = new KernelContext();
    private final HalfFloatArray in = new HalfFloatArray(256);
    private final FloatArray out = new FloatArray(128);

    private void apart(int items, int group, int which) {
        Run.line(items, group, g -> g.task("t", WarpFaults::apart, ctx, out, which));
    }

    @ParameterizedTest
    @EnumSource
    void lanesThatEndedAreMissed(Settings.Scheduling scheduling) {
        Simulator.settings(Simulator.settings().withScheduling(scheduling));
        KernelFault fault = Run.fault(Kind.WARP_DIVERGENCE, "WarpFaults.apart", "even", () -> apart(32, 32, 0));
        assertThat(fault.site().items()).containsExactly(new Place(0, 0, 0), new Place(30, 0, 0));
        assertThat(fault).hasMessageContaining("30 lanes of a warp of 32 are at simdSum of "
                + SourceLines.of("WarpFaults.apart", "even") + "; ended without it: (30,0,0) (31,0,0)");
    }

    @Test
    void lanesAtABarrierOrAtAnotherOperationAreMissed() {
        KernelFault waits = Run.fault(Kind.WARP_DIVERGENCE, "WarpFaults.apart", "even", () -> apart(64, 64, 1));
        assertThat(waits).hasMessageContaining("31 lanes of a warp of 32 are at simdSum")
                .hasMessageContaining("elsewhere, first at the barrier of " + SourceLines.of("WarpFaults.apart", "waits")
                        + ": (7,0,0)");
        KernelFault lines = Run.fault(Kind.WARP_DIVERGENCE, "WarpFaults.apart", "even", () -> apart(32, 32, 2));
        assertThat(lines).hasMessageContaining("16 lanes").hasMessageContaining("elsewhere, first at simdSum of "
                + SourceLines.of("WarpFaults.apart", "odd") + ": (1,0,0) (3,0,0) (5,0,0) (7,0,0) ...");
        KernelFault names = Run.fault(Kind.WARP_DIVERGENCE, "WarpFaults.apart", "others", () -> apart(32, 32, 3));
        assertThat(names).hasMessageContaining("31 lanes of a warp of 32 are at simdShuffleDown")
                .hasMessageContaining("first at simdBroadcastFirst of " + SourceLines.of("WarpFaults.apart",
                        "apart 3") + ": (31,0,0)");
        apart(64, 64, 4);
    }

    @Test
    void aWarpMustBeWhole() {
        KernelFault fault = Run.fault(Kind.WARP_DIVERGENCE, "WarpFaults.apart", "even", () -> apart(48, 48, 4));
        assertThat(fault).hasMessageContaining("16 lanes of a warp of 32").hasMessageContaining("lanes that do not exist");
        assertThat(fault.site().items()).containsExactly(new Place(32, 0, 0));
    }

    @Test
    void warpsOfAProductRunAlongX() {
        WorkerGrid2D grid = new WorkerGrid2D(16, 2);
        grid.setLocalWork(16, 2, 1);
        HalfFloatArray a = new HalfFloatArray(16 * 16);
        assertThat(Run.fault(Kind.WARP_OPERAND, () -> Run.grid(grid, g -> g.transferToDevice(EVERY, a)
                .task("t", WarpFaults::operands, ctx, a, out, 12))))
                .hasMessageContaining("mmaLoadA in groups of 16 work-items along x");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            0 | mmaLoadA takes a local array of the group, not a private one
            1 | mmaLoadB with a depth of 32
            2 | mmaLoadB at byte 8: rows must start at multiples of 16 bytes
            3 | mma takes a fragment of mmaLoadA and one of mmaLoadB, of 8 and 4 elements a lane, not of 4 and 4
            4 | mma takes an accumulator of 4 elements a lane, not of 2
            5 | mmaBF16 takes the shape M16N8K16, not M16N8K32
            7 | an array that is cast to FloatArray serves mmaStore only
            8 | simdShuffleDown by 32 lanes
            9 | asyncCopyToLocal from index 1: copies start at multiples of 2 elements
            10 | asyncCopyToLocal takes a local array of the group, not a private one
            13 | mmaLoadA needs tiles that start at multiples of 16 bytes, and local array 2 has 8 bytes
            11 | asyncCopyWaitGroup takes 0 groups or more, not -1
            """)
    void operandsThatTheDeviceDoesNotTake(int which, String message) {
        assertThat(Run.fault(Kind.WARP_OPERAND, "WarpFaults.operands", "operand " + which, () -> Run.line(32, 32,
                g -> g.transferToDevice(EVERY, in).task("t", WarpFaults::operands, ctx, in, out, which))))
                .hasMessageContaining(message);
    }

    private void outside(int which) {
        Run.line(32, 32, g -> g.transferToDevice(EVERY, in).task("t", WarpFaults::outside, ctx, in, out, which));
    }

    @ParameterizedTest
    @CsvSource({"0, int", "1, int", "2, HalfFloat", "3, float array", "4, FloatArray 'out'", "5, int local array",
            "6, HalfFloatArray 'in'"})
    void indicesOutsideTheirArray(int which, String array) {
        Run.fault(Kind.OUT_OF_BOUNDS, "WarpFaults.outside", "outside " + which, () -> outside(which));
        try (Simulator.Scope _ = Simulator.watching()) {
            assertThat(Run.fault(Kind.OUT_OF_BOUNDS, "WarpFaults.outside", "outside " + which, () -> outside(which)))
                    .hasMessageContaining(array);
        }
        outside(7);
    }

    private void races(int which) {
        Run.line(32, 32, g -> g.transferToDevice(EVERY, in).task("t", WarpFaults::races, ctx, out, which));
    }

    private KernelFault race(Kind kind, String marker, int which) {
        races(which);
        try (Simulator.Scope _ = Simulator.watching()) {
            return Run.fault(kind, "WarpFaults.races", marker, () -> races(which));
        }
    }

    @Test
    void fragmentsAndLocalMemory() {
        assertThat(race(Kind.UNWRITTEN_READ, "race 0 and 1", 0)).hasMessageContaining("element 0 of int local array 0");
        assertThat(race(Kind.LOCAL_RACE, "race 0 and 1", 1)).hasMessageContaining("which work-item (4,0,0) wrote at "
                + SourceLines.of("WarpFaults.races", "written") + " since the last barrier");
        assertThat(race(Kind.LOCAL_RACE, "race 0 and 1", 2)).hasMessageContaining("wrote at "
                + SourceLines.of("WarpFaults.races", "race 2"));
        assertThat(race(Kind.UNWRITTEN_READ, "race 3", 3)).hasMessageContaining("an accumulator whose element 0");
        assertThat(race(Kind.LOCAL_RACE, "race 4", 4))
                .hasMessageContaining("element 5 of float local array 1, which work-item (0,0,0)"
                + " wrote at " + SourceLines.of("WarpFaults.races", "stored"));
        try (Simulator.Scope _ = Simulator.watching()) {
            races(5);
        }
    }

    private void early(int which) {
        Run.line(32, 32, g -> g.transferToDevice(EVERY, in).task("t", WarpFaults::early, ctx, in, out, which)
                .transferToHost(EVERY, out));
    }

    @ParameterizedTest
    @CsvSource({"0, COPY_IN_FLIGHT, read", "1, COPY_IN_FLIGHT, early 1", "2, COPY_IN_FLIGHT, read", "3, COPY_IN_FLIGHT, read",
            "4, LOCAL_RACE, read"})
    void copiesThatNobodyHasWaitedFor(int which, Kind kind, String marker) {
        try (Simulator.Scope _ = Simulator.watching()) {
            assertThat(Run.fault(kind, "WarpFaults.early", marker, () -> early(which)))
                    .hasMessageContaining(SourceLines.of("WarpFaults.early", "copied"));
            early(5);
        }
    }

    @Test
    void unwatchedCopiesArriveNoEarlierThanTheyMust() {
        early(5);
        assertThat(out.get(31)).isEqualTo(0f);
        early(2);
        assertThat(out.get(31)).isEqualTo((float) 0x7fc0_dead);
    }
}
