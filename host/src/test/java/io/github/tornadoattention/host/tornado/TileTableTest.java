package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.simulator.DeviceLimits;
import io.github.tornadoattention.simulator.SimulatedDevice;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Which tilings the host takes: always one that kernels, device and block mask allow. */
class TileTableTest {
    /** What today's GPUs give a group, and what the smallest of them give. */
    private static final List<Limits> DEVICES = List.of(limits(1024, 48 << 10), limits(1024, 32 << 10), limits(256, 32 << 10));

    static final List<Class<?>> KERNELS = Tiled.KERNELS;

    private final DeviceLimits before = SimulatedDevice.INSTANCE.limits();

    @AfterEach
    void restoreLimits() {
        SimulatedDevice.INSTANCE.limits(before);
    }

    private static Limits limits(int group, long localBytes) {
        return new Limits(group, localBytes, 1L << 30, 1L << 30);
    }

    @ParameterizedTest
    @FieldSource("KERNELS")
    void everyHeadDimFitsEveryDeviceWithEveryBlockSize(Class<?> kernel) {
        Contract contract = Contract.of(kernel);
        for (Limits limits : DEVICES) {
            for (int headDim = 1; headDim <= AttentionSpec.MAX_HEAD_DIM; headDim++) {
                for (int blockSize : new int[] {0, 16, 32, 64, 128}) {
                    List<Tiling> fitting = TileTable.fitting(kernel, headDim, blockSize, limits);
                    assertThat(fitting).as("head dim %d, blocks of %d, %s", headDim, blockSize, limits).isNotEmpty();
                    assertThat(TileTable.choose(kernel, headDim, blockSize, limits)).isEqualTo(fitting.getFirst());
                    for (Tiling tiling : fitting) {
                        assertThat((long) tiling.group()).isLessThanOrEqualTo(limits.group());
                        assertThat(contract.localBytes(tiling, headDim)).isLessThanOrEqualTo(limits.localBytes());
                        assertThat(blockSize % tiling.blockQ() + blockSize % tiling.blockK()).isZero();
                    }
                }
            }
        }
    }

    /** What the kernels' Javadoc asks of their arguments. */
    @ParameterizedTest
    @FieldSource("KERNELS")
    void tilingsAreThoseThatTheKernelCanRun(Class<?> kernel) {
        boolean keys = kernel.getSimpleName().equals("FlashBackwardKeys");
        for (int headDim = 1; headDim <= AttentionSpec.MAX_HEAD_DIM; headDim++) {
            for (Tiling t : TileTable.fitting(kernel, headDim, 0, DEVICES.getFirst())) {
                int rows = keys ? t.blockK() : t.blockQ();
                int columns = keys ? t.blockQ() : t.blockK();
                int sliceD = t.slices(headDim) >> 16;
                int sliceN = t.slices(headDim) & 0xFFFF;
                int padded = Math.ceilDiv(headDim, t.threadsX()) * t.threadsX();

                assertThat(Integer.bitCount(t.threadsX())).isEqualTo(1);
                assertThat(Integer.bitCount(t.threadsY())).isEqualTo(1);
                assertThat(t.threadsX()).isGreaterThanOrEqualTo(4);
                assertThat(t.threadsY()).isGreaterThanOrEqualTo(2);
                assertThat(rows % t.threadsY()).isZero();
                assertThat(columns % t.threadsX()).isZero();
                assertThat(columns % sliceN).isZero();
                assertThat(sliceN % t.threadsY()).isZero();
                assertThat(sliceN % 4).isZero();
                assertThat(sliceD % t.threadsX()).isZero();
                assertThat(padded % sliceD).isZero();
            }
        }
    }

    @Test
    void aDeviceTooSmallForAnyTileIsRefusedWithItsNumbers() {
        Inputs in = Inputs.random(AttentionSpec.builder(1, 1, 4, 64).build(), 1);
        SimulatedDevice.INSTANCE.limits(before.withMaxGroupSize(16));
        assertThatThrownBy(() -> in.on(Backend.of("simulator"), Algorithm.FLASH))
                .isInstanceOf(DeviceException.class)
                .hasMessage("FlashForward: no tile for head dim 64 fits the device, "
                        + "which has 49152 bytes of local memory and groups of at most 16");
        SimulatedDevice.INSTANCE.limits(before.withLocalBytes(1000));
        assertThatThrownBy(() -> in.on(Backend.of("simulator"), Algorithm.FLASH))
                .isInstanceOf(DeviceException.class)
                .hasMessage("FlashForward: no tile for head dim 64 fits the device, "
                        + "which has 1000 bytes of local memory and groups of at most 1024");
    }
}
