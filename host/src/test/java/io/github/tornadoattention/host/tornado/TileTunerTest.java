package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.BlockMasks;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.PackedAttention;
import io.github.tornadoattention.host.PackedSpec;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.kernels.FlashBackwardKeys;
import io.github.tornadoattention.kernels.FlashForward;
import io.github.tornadoattention.simulator.DeviceLimits;
import io.github.tornadoattention.simulator.SimulatedDevice;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which tiling is chosen, by given times; and that plans use it where it fits and nowhere else. */
class TileTunerTest {
    private static final AttentionSpec SPEC = AttentionSpec.builder(1, 1, 20, 16).build();
    private static final List<Tiling> FORWARD = TileTable.fitting(FlashForward.class, 16, 0, Tiled.SIMULATOR.limits());

    @TempDir
    Path folder;

    private final DeviceLimits before = SimulatedDevice.INSTANCE.limits();

    @AfterEach
    void restoreLimits() {
        SimulatedDevice.INSTANCE.limits(before);
    }

    private TuningFile file() {
        return new TuningFile(folder.resolve("tunings.json"));
    }

    private Backend backend() {
        return Backend.of("simulator").withTunings(file().path());
    }

    /** All tilings take 100, but for one. */
    private static TileTuner tuner(Tiling odd, double nanos, double spread) {
        return new TileTuner(Tiled.SIMULATOR, (spec, kernel, tiling) -> tiling.equals(odd) ? new TileTuner.Timing(nanos, spread)
                : new TileTuner.Timing(100, 0));
    }

    private void tune(AttentionSpec spec, Class<?> kernel, Tiling fastest) {
        TileTuner tuner = tuner(fastest, 50, 0);
        tuner.keep(tuner.tune(new TileTuner.Job(spec, kernel), tiling -> { }), file());
    }

    @ParameterizedTest
    @CsvSource({"50, 0, 2", "96.9, 0, 2", "97, 0, 0", "99, 0, 0", "101, 0, 0", "90, 0.11, 0", "88, 0.11, 2"})
    void aTilingIsChosenIfItIsFasterByMoreThanTheSpread(double nanos, double spread, int chosen) {
        TileTuner.Outcome outcome = tuner(FORWARD.get(2), nanos, spread).tune(new TileTuner.Job(SPEC, FlashForward.class),
                tiling -> { });
        assertThat(outcome.chosen()).isEqualTo(chosen);
        assertThat(outcome.candidates()).hasSameSizeAs(FORWARD);
        assertThat(outcome.candidates().get(2).ratio()).isEqualTo(nanos / 100);
    }

    @Test
    void aGainThatIsNotThereAgainDoesNotCount() {
        List<Tiling> timed = new ArrayList<>();
        TileTuner tuner = new TileTuner(Tiled.SIMULATOR, (spec, kernel, tiling) -> {
            timed.add(tiling);
            // the device's clock goes up after the table's first turn
            return new TileTuner.Timing(timed.size() == 1 ? 200 : 100 - timed.size(), 0);
        });
        TileTuner.Outcome outcome = tuner.tune(new TileTuner.Job(SPEC, FlashForward.class), tiling -> { });
        assertThat(outcome.chosen()).isZero();
        assertThat(timed).hasSize(FORWARD.size() + 2).startsWith(FORWARD.toArray(Tiling[]::new)).endsWith(FORWARD.getFirst());
    }

    @Test
    void aTilingThatFailsIsLeftOutAndTheTablesMayNotFail() {
        TileTuner tuner = new TileTuner(Tiled.SIMULATOR, (spec, kernel, tiling) -> {
            if (tiling.equals(FORWARD.get(1))) {
                throw new DeviceException("too many registers");
            }
            return new TileTuner.Timing(tiling.equals(FORWARD.get(3)) ? 80 : 100, 0);
        });
        TileTuner.Outcome outcome = tuner.tune(new TileTuner.Job(SPEC, FlashForward.class), tiling -> { });
        assertThat(outcome.candidates().get(1).failure()).isEqualTo("too many registers");
        assertThat(outcome.chosen()).isEqualTo(3);
        TileTuner broken = new TileTuner(Tiled.SIMULATOR, (spec, kernel, tiling) -> {
            throw new DeviceException("no device");
        });
        assertThatThrownBy(() -> broken.tune(new TileTuner.Job(SPEC, FlashForward.class), tiling -> { })).hasMessage("no device");
    }

    @Test
    void timingsAreMediansWithTheirSpread() {
        assertThat(TileTuner.Timing.of(5)).isEqualTo(new TileTuner.Timing(5, 0));
        assertThat(TileTuner.Timing.of(90, 1000, 100, 100, 100, 100, 110, 1, 100, 100, 100)).isEqualTo(new TileTuner.Timing(100,
                0.1));
    }

    @Test
    void everyTilingIsRightOnTheSimulator() {
        TileTuner tuner = ((TornadoBackend) Backend.of("simulator")).tuner();
        for (DType dtype : new DType[] {DType.FP32, DType.FP16}) {
            AttentionSpec spec = tuner.shape(16, dtype, true, 0, 20, true);
            for (TileTuner.Job job : tuner.jobs(spec)) {
                List<String> seen = new ArrayList<>();
                TileTuner.Outcome outcome = tuner.tune(job, seen::add);
                assertThat(outcome.candidates()).hasSize(tuner.candidates(job))
                        .allSatisfy(candidate -> assertThat(candidate.failure()).isNull())
                        .allSatisfy(candidate -> assertThat(candidate.milliseconds()).isPositive());
                assertThat(seen).hasSize(tuner.candidates(job));
            }
        }
        assertThatThrownBy(() -> tuner.shape(16, DType.FP32, false, 10, 20, true)).isInstanceOf(UsageException.class)
                .hasMessageContaining("FlashForward has no tile that divides blocks of 10");
    }

    @ParameterizedTest
    @CsvSource({"tensor, 6", "fma, 3"})
    void kernelsOfFloat32OnTensorCoresAreTunedWhereTheyAreUsed(String fp32, int kernels) {
        TileTuner tuner = ((TornadoBackend) Backend.of("simulator")).tuner();
        System.setProperty(KernelChoice.FP32_PROPERTY, fp32);
        try {
            List<TileTuner.Job> jobs = tuner.jobs(tuner.shape(16, DType.FP32, true, 0, 20, true));
            assertThat(jobs).hasSize(kernels);
            for (TileTuner.Job job : jobs) {
                assertThat(TileTuner.splits(job.kernel()))
                        .isEqualTo(kernels == 6 && job.kernel().getSimpleName().startsWith("Split"));
                if (TileTuner.splits(job.kernel())) {
                    assertThat(tuner.tune(job, tiling -> { }).candidates()).hasSize(tuner.candidates(job))
                            .allSatisfy(candidate -> assertThat(candidate.failure()).isNull());
                }
            }
        } finally {
            System.clearProperty(KernelChoice.FP32_PROPERTY);
        }
    }

    @Test
    void aWrongResultHasNoTime() {
        // the kernel's contract does not allow tiles whose rows its work-items do not share evenly
        TilingClock clock = new TilingClock("simulator", Tiled.SIMULATOR);
        assertThatThrownBy(() -> clock.time(SPEC, FlashForward.class, new Tiling(17, 16, 8, 8, 8, 8)))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("out");
        assertThat(clock.time(SPEC, FlashForward.class, FORWARD.getLast()).median()).isPositive();
    }

    @ParameterizedTest
    @CsvSource({"1, 1, true", "1, 1.0007, true", "1, 1.0009, false", "1, NaN, false", "1, Infinity, false",
            "-Infinity, -Infinity, true", "-Infinity, 0, false",
        "NaN, NaN, false"})
    void aResultIsComparedWithThatOfTheTablesTiling(float expected, float actual, boolean close) {
        Tensor right = Tensor.of(new float[] {8, expected}, 2);
        Tensor got = Tensor.of(new float[] {8, actual}, 2);
        if (close) {
            TilingClock.requireClose("out", right, got, DType.FP32);
        } else {
            assertThatThrownBy(() -> TilingClock.requireClose("out", right, got, DType.FP32)).isInstanceOf(DeviceException.class)
                    .hasMessageStartingWith("wrong: out is " + actual + " at 1");
        }
    }

    private static Report forward(Backend backend, AttentionSpec spec) {
        return Inputs.random(spec, 1).on(backend, Algorithm.FLASH).forward().report();
    }

    @Test
    void plansUseWhatWasFoundForThemUnlessTheyAreToldNotTo() {
        AttentionSpec causal = AttentionSpec.builder(1, 1, 20, 16).causal().build();
        tune(SPEC, FlashForward.class, FORWARD.get(2));
        tune(SPEC, FlashBackwardKeys.class, TileTable.fitting(FlashBackwardKeys.class, 16, 0, Tiled.SIMULATOR.limits()).get(1));
        var result = Inputs.random(SPEC, 1).on(backend(), Algorithm.FLASH);
        assertThat(result.forward().report().remarks()).singleElement().asString()
                .startsWith("FlashForward: tiles of " + FORWARD.get(2)).contains("attention tune found");
        assertThat(result.gradients().report().remarks()).singleElement().asString().startsWith("FlashBackwardKeys: tiles of ");
        assertThat(forward(backend(), causal).remarks()).isEmpty();
        assertThat(forward(backend(), AttentionSpec.builder(1, 1, 20, 24).build()).remarks()).isEmpty();
        assertThat(forward(backend().untuned(), SPEC).remarks()).isEmpty();
        assertThat(forward(Backend.of("simulator"), SPEC).remarks()).isEmpty();
        // results are those of any other tiling
        Inputs in = Inputs.random(SPEC, 1);
        assertThat(in.on(backend(), Algorithm.FLASH).forward().out().toArray())
                .usingComparatorWithPrecision(1e-5f).containsExactly(in.on(Backend.of("simulator"),
                Algorithm.FLASH).forward().out().toArray());
    }

    @Test
    void packedAndStreamedPlansUseItToo() {
        tune(SPEC, FlashForward.class, FORWARD.get(2));
        AttentionSpec odd = AttentionSpec.builder(1, 1, 20, 16).blockMask(BlockMasks.random(20, 20, 10, 1, 1)).build();
        assertThat(forward(backend(), odd).remarks()).hasSize(2).first().asString().startsWith("streamed in blocks");
        PackedSpec spec = PackedSpec.of(new int[] {0, 7, 20}, new int[] {0, 7, 20}, 1, 16, options -> options);
        try (PackedAttention attention = PackedAttention.on(backend(), spec)) {
            Tensor q = Tensor.zeros(spec.qShape());
            assertThat(attention.forward(q, q, q).report().remarks())
                    .singleElement().asString().startsWith("FlashForward: tiles of ");
        }
    }

    @Test
    void whereTheTablesIsTheBestAnOlderEntryGoes() {
        tune(SPEC, FlashForward.class, FORWARD.get(2));
        tune(SPEC, FlashForward.class, FORWARD.getFirst());
        assertThat(file().find(TuningKey.of(Tiled.SIMULATOR, FlashForward.class, SPEC, 0))).isNull();
    }

    @Test
    void whatDoesNotFitIsNeverUsedAndSaidOnce() {
        tune(SPEC, FlashForward.class, FORWARD.getFirst().equals(FORWARD.get(1)) ? FORWARD.get(2) : FORWARD.get(1));
        SimulatedDevice.INSTANCE.limits(before.withLocalBytes(6000));
        assertThat(Said.by(() -> {
            assertThat(forward(backend(), SPEC).remarks()).isEmpty();
            assertThat(forward(backend(), SPEC).remarks()).isEmpty();
        })).singleElement().asString().contains(file().path().toString(), "of FlashForward for head dim 16", "ignored");
    }

    @Test
    void whatIsNoCandidateIsNeverUsed() {
        TuningKey key = TuningKey.of(Tiled.SIMULATOR, FlashForward.class, SPEC, 0);
        file().replace(key, TuningFile.Entry.of(key, new Tiling(7, 7, 7, 7, 7, 7), 1, 2, "2026-11-22"));
        assertThat(Said.by(() -> assertThat(forward(backend(), SPEC).remarks()).isEmpty())).singleElement().asString()
                .contains("[7, 7, 7, 7, 7, 7] of FlashForward");
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "16, 16", "32, 32", "48, 48", "64, 64", "128, 128", "96, 96", "192, 192", "320, 64", "7, 1", "1024, 128"})
    void blockSizesOfOneClassAreDividedByTheSameTiles(int blockSize, int sizeClass) {
        assertThat(TileTable.sizeClass(blockSize)).isEqualTo(sizeClass);
        for (Class<?> kernel : Tiled.KERNELS) {
            assertThat(TileTable.fitting(kernel, 64, blockSize, Tiled.SIMULATOR.limits()))
                    .isEqualTo(TileTable.fitting(kernel, 64, sizeClass, Tiled.SIMULATOR.limits()));
        }
    }

    @Test
    void theCpuHasNothingToTune() {
        Backend cpu = Backend.of("cpu");
        assertThat(cpu.withTunings(file().path())).isSameAs(cpu);
        assertThat(cpu.untuned()).isSameAs(cpu);
        try (Attention attention = Attention.on(cpu.untuned(), SPEC)) {
            assertThat(attention).isNotNull();
        }
    }
}
