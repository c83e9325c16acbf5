package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.simulator.Traffic;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Inputs that were uploaded once: the same results as without, and never those of other inputs. */
class ResidentTest {
    private static final AttentionSpec SPEC = AttentionSpec.builder(1, 4, 37, 12).kvHeads(2).seqK(50).causal().build();

    private static Inputs inputs(AttentionSpec spec, long seed) {
        Inputs in = Inputs.random(spec, seed);
        return new Inputs(spec, in.q().to(spec.dtype()), in.k().to(spec.dtype()), in.v().to(spec.dtype()),
                in.dOut().to(spec.dtype()));
    }

    private static void assertSame(Forward actual, Forward expected) {
        assertThat(actual.out().toArray()).containsExactly(expected.out().toArray());
        assertThat(actual.lse().toArray()).containsExactly(expected.lse().toArray());
    }

    private static void assertSame(Gradients actual, Gradients expected) {
        assertThat(actual.dq().toArray()).containsExactly(expected.dq().toArray());
        assertThat(actual.dk().toArray()).containsExactly(expected.dk().toArray());
        assertThat(actual.dv().toArray()).containsExactly(expected.dv().toArray());
    }

    @ParameterizedTest
    @CsvSource({"simulator, FLASH, FP32", "simulator, STANDARD, FP32", "simulator, FLASH, FP16",
            "simulator, STANDARD, BF16", "cpu, FLASH, FP32",
        "cpu, FLASH, BF16", "reference, FLASH, FP16"})
    void uploadsTakeEffectAndNothingStaleIsRead(String backend, Algorithm algorithm, DType dtype) {
        AttentionSpec spec = SPEC.withDtype(dtype);
        Inputs one = inputs(spec, 1);
        Inputs two = inputs(spec, 2);
        Inputs.Result first = one.on(Backend.of(backend), algorithm);
        Inputs.Result second = two.on(Backend.of(backend), algorithm);
        try (Attention attention = Attention.on(Backend.of(backend), spec, algorithm)) {
            Resident<Forward> forward = attention.upload(one.q(), one.k(), one.v());
            forward.run();
            Forward f = forward.result();
            assertSame(f, first.forward());
            assertThat(f.spec()).isEqualTo(spec);
            Resident<Gradients> backward = attention.upload(one.dOut(), f);
            forward.run();
            backward.run();
            forward.run();
            assertSame(backward.result(), first.gradients());
            assertSame(forward.result(), first.forward());

            Resident<Forward> other = attention.upload(two.q(), two.k(), two.v());
            other.run();
            other.run();
            assertSame(other.result(), second.forward());
            backward.run();
            assertSame(backward.result(), first.gradients());
            Resident<Gradients> otherBackward = attention.upload(two.dOut(), other.result());
            otherBackward.run();
            assertSame(otherBackward.result(), second.gradients());
            // the plain calls use the same arrays on the device
            assertSame(attention.forward(one.q(), one.k(), one.v()), first.forward());
            assertSame(attention.backward(one.dOut(), f), first.gradients());
        }
    }

    @Test
    void runningAgainMovesNothingToTheDevice() {
        Inputs in = inputs(SPEC, 1);
        try (Attention attention = Attention.on(Backend.of("simulator"), SPEC)) {
            Resident<Forward> forward = attention.upload(in.q(), in.k(), in.v());
            Report report;
            try (Traffic traffic = Traffic.record()) {
                report = forward.run();
                forward.run();
                assertThat(traffic.launches()).map(Traffic.LaunchTraffic::task)
                        .isEqualTo(List.of("flash.forward", "flash.forward"));
            }
            assertThat(report.kernels()).containsExactly("FlashForward");
            float[] expected = forward.result().out().toArray();
            // what the caller does to tensors that were uploaded does not reach the device
            in.v().write(new float[] {1e9f}, 0, 0, 1);
            forward.run();
            assertThat(forward.result().out().toArray()).containsExactly(expected);
        }
    }

    @ParameterizedTest
    @CsvSource({"simulator", "cpu"})
    void inputsThatWereReplacedAreRefused(String backend) {
        Inputs in = inputs(SPEC, 1);
        Attention attention = Attention.on(Backend.of(backend), SPEC);
        Resident<Forward> forward = attention.upload(in.q(), in.k(), in.v());
        assertThatThrownBy(forward::result).isInstanceOf(IllegalStateException.class).hasMessageStartingWith("nothing ran yet");
        forward.run();
        Forward f = attention.forward(in.q(), in.k(), in.v());
        assertThatThrownBy(forward::run).isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith("other inputs have taken the place");
        assertThatThrownBy(forward::result).isInstanceOf(IllegalStateException.class);
        Resident<Gradients> backward = attention.upload(in.dOut(), f);
        Resident<Gradients> again = attention.upload(in.dOut(), f);
        assertThatThrownBy(backward::run).isInstanceOf(IllegalStateException.class);
        again.run();
        attention.close();
        assertThatThrownBy(again::run).isInstanceOf(IllegalStateException.class).hasMessage("this Attention is closed");
    }

    @ParameterizedTest
    @CsvSource({"simulator, FLASH", "simulator, STANDARD", "cpu, FLASH"})
    void theSeedOfAnUploadIsThatOfItsRuns(String backend, Algorithm algorithm) {
        AttentionSpec spec = AttentionSpec.builder(1, 2, 37, 12).dropout(0.4).build();
        Inputs in = inputs(spec, 1);
        AttentionInputs one = AttentionInputs.of(in.q(), in.k(), in.v()).withSeed(5, 1);
        AttentionInputs two = one.withSeed(6, 1);
        try (Attention attention = Attention.on(Backend.of(backend), spec, algorithm);
                Attention plain = Attention.on(Backend.of(backend), spec, algorithm)) {
            Forward first = plain.forward(one);
            Forward second = plain.forward(two);
            assertThat(first.out().toArray()).isNotEqualTo(second.out().toArray());
            Resident<Forward> forward = attention.upload(one);
            Resident<Gradients> backward = attention.upload(in.dOut(), second);
            forward.run();
            backward.run();
            assertSame(forward.result(), first);
            assertSame(backward.result(), plain.backward(in.dOut(), second));
            Resident<Forward> other = attention.upload(two);
            other.run();
            assertSame(other.result(), second);
            backward.run();
            assertSame(backward.result(), plain.backward(in.dOut(), second));
        }
    }

    @Test
    void uploadsAreChecked() {
        Inputs in = inputs(SPEC, 1);
        try (Attention attention = Attention.on(Backend.of("simulator"), SPEC)) {
            assertThatThrownBy(() -> attention.upload(in.k(), in.k(), in.v())).hasMessageStartingWith("q has shape");
            Forward f = attention.forward(in.q(), in.k(), in.v());
            assertThatThrownBy(() -> attention.upload(in.k(), f)).hasMessageStartingWith("dOut has shape");
        }
    }
}
