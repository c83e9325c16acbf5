package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.kernels.FlashForward;
import io.github.tornadoattention.simulator.KernelFault;
import io.github.tornadoattention.simulator.Simulator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every barrier of every kernel is needed, and the simulator sees it where one is missing: so a clean watched run means
 * something.
 */
class BarriersTest {
    /** More than one tile and more than one slice both ways, and the option that has a barrier of its own. */
    private static final Inputs INPUTS = Inputs.random(AttentionSpec.builder(1, 1, 70, 24).seqK(150).dropout(0.3).build(), 3);

    private static final Forward FORWARD = INPUTS.on(Backend.of("simulator"), Algorithm.FLASH).forward();

    static Stream<Arguments> barriers() {
        return Tiled.KERNELS.stream().flatMap(kernel -> IntStream.range(0, WithoutBarrier.barriers(kernel))
                .mapToObj(barrier -> Arguments.of(kernel, barrier)));
    }

    @ParameterizedTest(name = "{0} without barrier {1}")
    @MethodSource("barriers")
    void aMissingBarrierIsCaught(Class<?> kernel, int barrier) {
        try (Attention attention = Attention.on(WithoutBarrier.backend(kernel, barrier), INPUTS.spec());
                Simulator.Scope _ = Simulator.watching()) {
            assertThatThrownBy(() -> run(kernel, attention))
                    .isInstanceOf(DeviceException.class)
                    .cause()
                    .isInstanceOfSatisfying(KernelFault.class, fault -> {
                        assertThat(fault.kind()).isIn(KernelFault.Kind.LOCAL_RACE, KernelFault.Kind.UNWRITTEN_READ);
                        assertThat(fault.site().kernel()).startsWith(kernel.getSimpleName() + ".");
                    });
        }
    }

    private static void run(Class<?> kernel, Attention attention) {
        if (kernel == FlashForward.class) {
            attention.forward(INPUTS.q(), INPUTS.k(), INPUTS.v());
        } else {
            attention.backward(INPUTS.dOut(), FORWARD);
        }
    }
}
