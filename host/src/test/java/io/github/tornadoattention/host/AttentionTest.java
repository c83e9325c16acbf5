package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.cpu.CpuBackend;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AttentionTest {
    private static final AttentionSpec SPEC = AttentionSpec.builder(1, 2, 5, 4).seqK(6).build();
    private final Inputs in = Inputs.random(SPEC, 1);

    @Test
    void runsAsOftenAsWanted() {
        try (Attention attention = Attention.on(new CpuBackend(2), SPEC)) {
            Forward first = attention.forward(in.inputs());
            Forward second = attention.forward(in.inputs());

            assertThat(second.out().toArray()).containsExactly(first.out().toArray());
            assertThat(attention.backward(in.dOut(), first).dq().shape()).containsExactly(1, 2, 5, 4);
            assertThat(first.spec()).isEqualTo(SPEC);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"cpu", "reference", "simulator"})
    void compilingAheadChangesNothing(String backend) {
        Attention attention = Attention.on(Backend.of(backend), SPEC);
        float[] out = attention.forward(in.inputs()).out().toArray();
        attention.compile(false);
        attention.compile(true);
        assertThat(attention.forward(in.inputs()).out().toArray()).containsExactly(out);
        attention.close();
        assertThatThrownBy(() -> attention.compile(true)).isInstanceOf(IllegalStateException.class);
        try (Attention ahead = Attention.on(Backend.of(backend), SPEC)) {
            ahead.compile(true);
            Forward f = ahead.forward(in.inputs());
            assertThat(f.out().toArray()).containsExactly(out);
            assertThat(ahead.backward(in.dOut(), f).dq().shape()).containsExactly(1, 2, 5, 4);
        }
    }

    /** On a device of TornadoVM's, closing a plan spoils those that were compiled ahead, unless they are told. */
    @ParameterizedTest
    @ValueSource(strings = {"cpu", "simulator"})
    void closingOneLeavesOthersCompiled(String backend) {
        try (Attention kept = Attention.on(Backend.of(backend), SPEC)) {
            kept.compile(true);
            Attention closed = Attention.on(Backend.of(backend), SPEC);
            closed.compile(true);
            float[] out = closed.forward(in.inputs()).out().toArray();
            closed.close();
            Forward f = kept.forward(in.inputs());
            assertThat(f.out().toArray()).containsExactly(out);
            assertThat(kept.backward(in.dOut(), f).dk().shape()).containsExactly(1, 2, 6, 4);
        }
    }

    @Test
    void everyShapeIsChecked() {
        Tensor wrong = Tensor.zeros(1, 2, 4, 4);
        try (Attention attention = Attention.on(new CpuBackend(1), SPEC)) {
            Forward f = attention.forward(in.inputs());

            assertThatThrownBy(() -> attention.forward(wrong, in.k(), in.v()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("q has shape [1, 2, 4, 4], the spec needs [1, 2, 5, 4]");
            assertThatThrownBy(() -> attention.forward(in.q(), wrong, in.v())).hasMessageStartingWith("k has shape [1, 2, 4, 4]");
            assertThatThrownBy(() -> attention.forward(in.q(), in.k(), in.q()))
                    .hasMessageStartingWith("v has shape [1, 2, 5, 4]");
            assertThatThrownBy(() -> attention.backward(wrong, f)).hasMessageStartingWith("dOut has shape");
            Forward wrongLse = new Forward(in.q(), in.k(), in.v(), f.out(), wrong, f.report());
            assertThatThrownBy(() -> attention.backward(in.dOut(), wrongLse))
                    .hasMessageStartingWith("lse has shape");
        }
    }

    @Test
    void everyDtypeIsChecked() {
        AttentionSpec halves = SPEC.withDtype(DType.FP16);
        Tensor q = in.q().to(DType.FP16);
        Tensor k = in.k().to(DType.FP16);
        try (Attention attention = Attention.on(new CpuBackend(1), halves)) {
            assertThatThrownBy(() -> attention.forward(in.q(), k, k))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("q is fp32, the spec needs fp16; to(DType.FP16) converts a tensor");
            assertThatThrownBy(() -> attention.forward(q, k, in.v().to(DType.BF16)))
                    .hasMessageStartingWith("v is bf16, the spec needs fp16");
            Forward f = attention.forward(q, k, k);
            assertThatThrownBy(() -> attention.backward(in.dOut(), f))
                    .hasMessageStartingWith("dOut is fp32, the spec needs fp16");
            Forward wrongLse = new Forward(q, k, k, f.out(), f.lse().to(DType.FP16), f.report());
            assertThatThrownBy(() -> attention.backward(q, wrongLse)).hasMessageStartingWith("lse is fp16, the spec needs fp32");
        }
    }

    @Test
    void aForwardOfAnotherSpecIsRefused() {
        AttentionSpec causal = AttentionSpec.builder(1, 2, 5, 4).seqK(6).causal().build();
        try (Attention other = Attention.on(new CpuBackend(1), causal);
                Attention attention = Attention.on(new CpuBackend(1), SPEC)) {
            Forward f = other.forward(in.q(), in.k(), in.v());

            assertThatThrownBy(() -> attention.backward(in.dOut(), f))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("causal bottom-right");
        }
    }

    @Test
    void aForwardOfAnEqualSpecIsWelcome() {
        try (Attention one = Attention.on(new CpuBackend(1), SPEC);
                Attention two = Attention.on(new CpuBackend(2), SPEC, Algorithm.STANDARD)) {
            Forward f = one.forward(in.q(), in.k(), in.v());

            assertThat(two.backward(in.dOut(), f).dk().shape()).containsExactly(1, 2, 6, 4);
        }
    }

    @Test
    void useAfterCloseIsAnErrorAndASecondCloseIsNot() {
        Attention attention = Attention.on(new CpuBackend(1), SPEC);
        attention.close();
        attention.close();

        assertThatThrownBy(() -> attention.forward(in.inputs()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("this Attention is closed");
    }

    @Test
    void aSecondThreadGetsAnError() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        Attention attention = Attention.on(new Acting(() -> {
            inside.countDown();
            await(leave);
        }), SPEC);
        try (ExecutorService other = Executors.newSingleThreadExecutor()) {
            Future<?> first = other.submit(() -> attention.forward(in.inputs()));
            inside.await();

            assertThatThrownBy(() -> attention.forward(in.inputs()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("another thread");
            assertThatThrownBy(attention::close).isInstanceOf(IllegalStateException.class);
            leave.countDown();
            first.get();
        }
        attention.close();
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void runningOutOfMemoryIsAFailureOfTheDevice() {
        try (Attention attention = Attention.on(new Acting(() -> {
            throw new OutOfMemoryError("Java heap space");
        }), SPEC)) {
            assertThatThrownBy(() -> attention.forward(in.inputs()))
                    .isInstanceOf(DeviceException.class)
                    .hasMessage("out of memory for [b1 h2 n5x6 d4 scale 0.5]: Java heap space");
        }
    }

    /** The CPU's backend, which does something else first whenever forward is called. */
    private record Acting(Runnable first) implements Backend {
        @Override
        public String name() {
            return "acting";
        }

        @Override
        public String device() {
            return "none";
        }

        @Override
        public Plan open(AttentionSpec spec, Algorithm algorithm) {
            Plan plan = new CpuBackend(1).open(spec, algorithm);
            return new Plan() {
                @Override
                public Forward forward(AttentionInputs inputs) {
                    first.run();
                    return plan.forward(inputs);
                }

                @Override
                public Gradients backward(Tensor dOut, Forward f) {
                    return plan.backward(dOut, f);
                }

                @Override
                public void close() {
                    plan.close();
                }
            };
        }
    }
}
