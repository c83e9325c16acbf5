package io.github.tornadoattention.host.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.Tolerance;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Few queries over many keys, around the edges of stretches and of what is read together, wherever keys and values lie. */
class DecoderTest {
    /** Three numbers before the first, so that nothing starts where an array does. */
    private static final int SHIFT = 3;

    static Stream<AttentionSpec> specs() {
        return Stream.of(
                AttentionSpec.builder(1, 2, 1, 64).seqK(1).build(),
                AttentionSpec.builder(1, 2, 1, 64).seqK(63).build(),
                AttentionSpec.builder(1, 1, 2, 128).seqK(64).causal().build(),
                AttentionSpec.builder(1, 1, 1, 128).seqK(65).build(),
                AttentionSpec.builder(1, 1, 1, 128).seqK(511).alibi().build(),
                AttentionSpec.builder(1, 1, 1, 128).seqK(515).build(),
                AttentionSpec.builder(1, 128, 1, 16).seqK(1027).window(900, -1).build(),
                AttentionSpec.builder(2, 4, 3, 32).seqK(1100).kvHeads(2).keyLengths(1100, 513).build(),
                AttentionSpec.builder(1, 4, 8, 96).seqK(600).kvHeads(1).causal().window(100, -1).build(),
                AttentionSpec.builder(1, 1, 1, 256).seqK(1025).alibi().softcap(5).build(),
                AttentionSpec.builder(2, 2, 2, 20).seqK(150).keyLengths(0, 17).build());
    }

    @ParameterizedTest
    @MethodSource("specs")
    void equalsFloat64(AttentionSpec spec) {
        assertRight(spec);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4, 8, 15, 16, 17, 31, 32, 48, 64, 80, 100, 112, 128, 144, 192, 255, 256})
    void headDims(int headDim) {
        assertRight(AttentionSpec.builder(1, 2, 2, headDim).seqK(83).kvHeads(1).causal().build());
    }

    private static void assertRight(AttentionSpec spec) {
        Inputs in = Inputs.random(spec, spec.headDim());
        Exact exact = ReferenceAttention.forwardBackward(spec, in.inputs(), in.dOut());
        Inputs.Result result = in.on(new CpuBackend(2), Algorithm.FLASH);
        Tolerance tolerance = Tolerance.of(spec, in.inputs(), in.dOut(), exact);
        assertThat(Comparison.of(spec, exact, result.forward(), result.gradients(), tolerance).firstFailure())
                .as("%s", spec).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 20, 64, 128, 160})
    void bitsAreTheSameWhereverKeysLie(int headDim) {
        AttentionSpec spec = AttentionSpec.builder(1, 4, 2, headDim).seqK(1300).kvHeads(2).build();
        Inputs in = Inputs.random(spec, 3);
        Forward expected = forward(spec, in, UnaryOperator.identity());
        try (Arena arena = Arena.ofShared()) {
            for (UnaryOperator<Tensor> moved : Stream.<UnaryOperator<Tensor>>of(
                    t -> on(t, MemorySegment.ofArray(new float[t.size()])),
                    t -> on(t, MemorySegment.ofArray(new float[t.size() + SHIFT]).asSlice(SHIFT * Float.BYTES)),
                    t -> on(t, MemorySegment.ofArray(new byte[t.size() * Float.BYTES])),
                    t -> on(t, arena.allocate((long) t.size() * Float.BYTES, Float.BYTES)),
                    t -> on(t, arena.allocate((t.size() + SHIFT) * (long) Float.BYTES, 64).asSlice(SHIFT * Float.BYTES)),
                    t -> Tensor.of(on(t, arena.allocate((long) t.size() * Float.BYTES)).segment().asReadOnly(), t.shape()),
                    t -> Tensor.of(t.segment().asReadOnly(), t.shape())).toList()) {
                Forward there = forward(spec, in, moved);
                assertThat(there.out().toArray()).containsExactly(expected.out().toArray());
                assertThat(there.lse().toArray()).containsExactly(expected.lse().toArray());
            }
        }
    }

    private static Forward forward(AttentionSpec spec, Inputs in, UnaryOperator<Tensor> moved) {
        try (Attention attention = Attention.on(new CpuBackend(2), spec)) {
            return attention.forward(in.q(), moved.apply(in.k()), moved.apply(in.v()));
        }
    }

    private static Tensor on(Tensor tensor, MemorySegment memory) {
        MemorySegment.copy(tensor.toArray(), 0, memory, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, tensor.size());
        return Tensor.of(memory, tensor.shape());
    }
}
