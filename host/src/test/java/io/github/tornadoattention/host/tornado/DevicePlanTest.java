package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UnavailableException;
import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.RandomSpecs.Drawn;
import io.github.tornadoattention.host.check.RandomSpecs.Expected;
import io.github.tornadoattention.simulator.KernelFault;
import io.github.tornadoattention.simulator.Settings;
import io.github.tornadoattention.simulator.Simulator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Plans on a device: the same every time, reusable, independent of each other, and clear about what ran and what failed. */
class DevicePlanTest {
    private final Backend simulator = Backend.of("simulator");

    private static AttentionSpec spec() {
        AttentionSpec plain = AttentionSpec.builder(2, 4, 77, 20).seqK(90).build();
        return AttentionSpec.builder(2, 4, 77, 20).kvHeads(2).seqK(90).causal().alibi().softcap(6).keyLengths(90, 41)
                .blockMask(Inputs.mask(plain, 32, 4, 0.7, 1)).build();
    }

    private static void assertSame(Inputs.Result actual, Inputs.Result expected) {
        List<Tensor> tensors = tensors(actual);
        List<Tensor> others = tensors(expected);
        for (int n = 0; n < tensors.size(); n++) {
            assertThat(tensors.get(n).toArray()).containsExactly(others.get(n).toArray());
        }
    }

    private static List<Tensor> tensors(Inputs.Result result) {
        Gradients g = result.gradients();
        return List.of(result.forward().out(), result.forward().lse(), g.dq(), g.dk(), g.dv());
    }

    private static Inputs.Result run(Attention attention, Inputs in) {
        Forward f = attention.forward(in.inputs());
        return new Inputs.Result(f, attention.backward(in.dOut(), f));
    }

    @ParameterizedTest
    @EnumSource
    void twoRunsAreBitwiseEqual(Algorithm algorithm) {
        Inputs in = Inputs.random(spec(), 1);
        assertSame(in.on(simulator, algorithm), in.on(simulator, algorithm));
    }

    /** Nothing of an earlier run stays: neither in what comes out nor in what goes in. */
    @ParameterizedTest
    @EnumSource
    void aPlanServesManyInputs(Algorithm algorithm) {
        Inputs one = Inputs.random(spec(), 1);
        Inputs two = Inputs.random(spec(), 2);
        Inputs.Result first = one.on(simulator, algorithm);
        Inputs.Result second = two.on(simulator, algorithm);
        try (Attention attention = Attention.on(simulator, spec(), algorithm)) {
            Inputs.Result kept = run(attention, one);
            assertSame(kept, first);
            assertSame(run(attention, two), second);
            assertSame(kept, first);
            assertSame(run(attention, one), first);
            Forward f = attention.forward(one.q(), one.k(), one.v());
            attention.forward(two.q(), two.k(), two.v());
            assertSame(new Inputs.Result(f, attention.backward(one.dOut(), f)), first);
        }
    }

    /** A plan that has not run forward itself goes back from another backend's result. */
    @ParameterizedTest
    @EnumSource
    void backwardTakesAForwardFromElsewhere(Algorithm algorithm) {
        Inputs in = Inputs.random(spec(), 3);
        Expected expected = new Drawn(3, in.spec(), in.inputs(), in.dOut()).expected();
        Forward f = in.on(Backend.of("cpu"), Algorithm.FLASH).forward();
        try (Attention attention = Attention.on(simulator, in.spec(), algorithm)) {
            Gradients g = attention.backward(in.dOut(), f);
            assertThat(Comparison.of(in.spec(), expected.exact(), f, g, expected.tolerance()).firstFailure()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource
    void plansInTwoThreadsDoNotMeet(Algorithm algorithm) {
        List<Inputs> inputs = Stream.of(1, 2, 3, 4).map(seed -> Inputs.random(spec(), seed)).toList();
        List<CompletableFuture<Inputs.Result>> parallel =
                inputs.stream().map(in -> CompletableFuture.supplyAsync(() -> in.on(simulator, algorithm))).toList();
        for (int n = 0; n < inputs.size(); n++) {
            assertSame(parallel.get(n).join(), inputs.get(n).on(simulator, algorithm));
        }
    }

    @Test
    void reportsSayWhatRan() {
        AttentionSpec spec = AttentionSpec.builder(1, 2, 30, 8).build();
        Inputs.Result flash = Inputs.random(spec, 1).on(simulator, Algorithm.FLASH);
        Report forward = flash.forward().report();

        assertThat(forward.backend()).isEqualTo("simulator");
        assertThat(forward.device()).isEqualTo("Java simulator");
        assertThat(forward.driver()).isEqualTo("simulator");
        assertThat(forward.algorithm()).isEqualTo("flash");
        assertThat(forward.kernels()).containsExactly("FlashForward");
        assertThat(forward.kernelNanos()).isEqualTo(-1);
        assertThat(forward.compileNanos()).isEqualTo(-1);
        assertThat(forward.wallNanos()).isPositive();
        assertThat(forward.extraBytes()).isZero();
        assertThat(flash.gradients().report().kernels()).containsExactly("RowDots", "FlashBackwardKeys", "FlashBackwardQueries");
        assertThat(flash.gradients().report().extraBytes()).isEqualTo(2 * 30 * Float.BYTES);

        Inputs.Result standard = Inputs.random(spec, 1).on(simulator, Algorithm.STANDARD);
        assertThat(standard.forward().report().algorithm()).isEqualTo("standard");
        assertThat(standard.forward().report().extraBytes()).isEqualTo(2 * 30 * 30 * Float.BYTES);
        assertThat(standard.gradients().report().extraBytes()).isEqualTo((2 * 2 * 30 * 30 + 2 * 30) * Float.BYTES);
    }

    @Test
    void theClockRunsOnlyWhenAskedFor() {
        Report report = Inputs.random(spec(), 1).on(simulator.profiled(), Algorithm.FLASH).forward().report();

        assertThat(report.kernelNanos()).isPositive().isLessThan(report.wallNanos());
        assertThat(report.compileNanos()).isNotNegative();
    }

    /** Whatever the device says arrives as one line, with the fault as its cause; the plan can be closed and others work. */
    @ParameterizedTest
    @EnumSource
    void aFaultInAKernelIsADeviceException(Algorithm algorithm) {
        Inputs in = Inputs.random(spec(), 1);
        Settings before = Simulator.settings(Simulator.settings().withLoopBudget(10));
        try {
            assertThatThrownBy(() -> in.on(simulator, algorithm))
                    .isInstanceOfSatisfying(DeviceException.class, e -> assertThat(e.exitCode()).isEqualTo(4))
                    .hasCauseInstanceOf(KernelFault.class)
                    .hasMessageStartingWith("loop budget: ")
                    .hasMessageContaining(algorithm == Algorithm.FLASH ? "FlashForward.forward" : "StandardForward.scores")
                    .message().doesNotContain("\n");
        } finally {
            Simulator.settings(before);
        }
        in.on(simulator, algorithm);
    }

    @Test
    void bailoutMustBeOff() {
        Bailout.requireOff("tornado", "False");
        Bailout.requireOff("tornado", "false");
        for (String value : new String[] {"True", "no", ""}) {
            assertThatThrownBy(() -> Bailout.requireOff("tornado", value))
                    .isInstanceOf(UnavailableException.class)
                    .hasMessageStartingWith("backend 'tornado': start the JVM with -Dtornado.recover.bailout=False, which is '"
                            + value + "':");
        }
        assertThatThrownBy(() -> Bailout.requireOff("tornado:0:1", (String) null))
                .hasMessageContaining("=False, which is not set:");
    }

    @ParameterizedTest
    @ValueSource(strings = {"tornado", "tornado:0:0"})
    void withoutAnSdkThereIsNoTornado(String name) {
        assertThatThrownBy(() -> Backend.of(name))
                .isInstanceOf(UnavailableException.class)
                .hasMessageStartingWith("backend '%s': ".formatted(name))
                .hasMessageEndingWith("; see scripts/doctor");
        assertThat(TornadoBackend.whyNone(null))
                .isEqualTo("TORNADOVM_HOME is not set, it must name the folder of a TornadoVM SDK");
        assertThat(TornadoBackend.whyNone("/opt/sdk"))
                .isEqualTo("this JVM was not started from the TornadoVM SDK in TORNADOVM_HOME, /opt/sdk");
    }
}
