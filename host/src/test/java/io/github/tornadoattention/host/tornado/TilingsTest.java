package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.check.RandomSpecs.Drawn;
import io.github.tornadoattention.host.check.RandomSpecs.Expected;
import io.github.tornadoattention.simulator.DeviceLimits;
import io.github.tornadoattention.simulator.KernelFault;
import io.github.tornadoattention.simulator.SimulatedDevice;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every tiling that the host may choose computes the right thing and needs the local memory that its contract says. */
class TilingsTest {
    private final DeviceLimits before = SimulatedDevice.INSTANCE.limits();

    @AfterEach
    void restoreLimits() {
        SimulatedDevice.INSTANCE.limits(before);
    }

    static IntStream headDims() {
        return IntStream.of(16, 40, 64, 80, 96, 128, 200, 256);
    }

    static Stream<Arguments> kernelsAndHeadDims() {
        return Tiled.KERNELS.stream().flatMap(kernel -> headDims().mapToObj(headDim -> Arguments.of(kernel, headDim)));
    }

    private static void assertEveryTilingIsRight(AttentionSpec spec) {
        Inputs in = Inputs.random(spec, spec.headDim());
        Expected expected = new Drawn(spec.headDim(), spec, in.inputs(), in.dOut()).expected();
        for (Tiled tiled : Tiled.all(spec)) {
            assertThat(expected.compare(tiled, Algorithm.FLASH).firstFailure()).as("%s, %s", spec, tiled.device()).isEmpty();
        }
    }

    @ParameterizedTest
    @MethodSource("headDims")
    void raggedLengths(int headDim) {
        assertEveryTilingIsRight(AttentionSpec.builder(1, 1, 67, headDim).seqK(70).build());
    }

    @ParameterizedTest
    @ValueSource(ints = {40, 96, 256})
    void raggedLengthsWithEveryOption(int headDim) {
        AttentionSpec plain = AttentionSpec.builder(1, 1, 67, headDim).seqK(95).build();
        assertEveryTilingIsRight(AttentionSpec.builder(1, 1, 67, headDim).seqK(95).keyLengths(90).window(70, 21)
                .alibi().softcap(9).dropout(0.2).blockMask(Inputs.mask(plain, 64, 1, 0.8, headDim)).build());
    }

    /** With exactly the local memory of the contract the kernel runs; with one byte less it is this kernel that fails. */
    @ParameterizedTest
    @MethodSource("kernelsAndHeadDims")
    void localMemoryIsWhatTheContractSays(Class<?> kernel, int headDim) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 3, headDim).seqK(5).build();
        Inputs in = Inputs.random(spec, 1);
        Tiled small = new Tiled(Tiled.SMALLEST, Tiled.SMALLEST, Tiled.SMALLEST);
        for (Tiling tiling : TileTable.fitting(kernel, headDim, 0, Tiled.SIMULATOR.limits())) {
            long bytes = Contract.of(kernel).localBytes(tiling, headDim);
            SimulatedDevice.INSTANCE.limits(before.withLocalBytes(bytes));
            in.on(small.with(kernel, tiling), Algorithm.FLASH);
            SimulatedDevice.INSTANCE.limits(before.withLocalBytes(bytes - 1));
            assertThatThrownBy(() -> in.on(small.with(kernel, tiling), Algorithm.FLASH))
                    .as("%s, %s", kernel.getSimpleName(), tiling)
                    .isInstanceOf(DeviceException.class)
                    .cause()
                    .isInstanceOfSatisfying(KernelFault.class, fault -> {
                        assertThat(fault.kind()).isEqualTo(KernelFault.Kind.LOCAL_MEMORY);
                        assertThat(fault.site().kernel()).startsWith(kernel.getSimpleName());
                    });
        }
    }
}
