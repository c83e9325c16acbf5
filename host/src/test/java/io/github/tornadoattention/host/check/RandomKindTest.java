package io.github.tornadoattention.host.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.DecodePlan;
import io.github.tornadoattention.host.Decoding;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.KvCache;
import io.github.tornadoattention.host.PackedPlan;
import io.github.tornadoattention.host.PackedSpec;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.Rotary;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Cases of each kind, drawn at random, agree with float64; they are as varied as they should be, and a wrong number is found. */
class RandomKindTest {
    private static final int LONGEST = 100;
    private static final int SEEDS = 200;

    static Stream<Arguments> runs() {
        return Stream.of(Arguments.of(RandomKind.PACKED, "cpu", Algorithm.FLASH, 40),
                Arguments.of(RandomKind.PACKED, "cpu", Algorithm.STANDARD, 20),
                Arguments.of(RandomKind.PACKED, "simulator", Algorithm.FLASH, 20),
                Arguments.of(RandomKind.STREAMED, "simulator", Algorithm.FLASH, 20),
                Arguments.of(RandomKind.DECODING, "cpu", Algorithm.FLASH, 60),
                Arguments.of(RandomKind.DECODING, "simulator", Algorithm.FLASH, 20));
    }

    @ParameterizedTest(name = "{0} on {1}, {2}")
    @MethodSource("runs")
    void drawn(RandomKind kind, String backend, Algorithm algorithm, int count) {
        List<String> failures = new ArrayList<>();
        for (long seed = 0; seed < count; seed++) {
            RandomCase drawn = kind.draw(seed, LONGEST);
            String failure = drawn.failure(Backend.of(backend), algorithm);
            if (!failure.isEmpty()) {
                failures.add("%s seed %d, longest %d: %s: %s".formatted(kind, seed, LONGEST, drawn.what(), failure));
            }
        }
        assertThat(failures).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void theSameSeedDrawsTheSame(RandomKind kind) {
        assertThat(kind.draw(7, LONGEST).what()).isEqualTo(kind.draw(7, LONGEST).what())
                .isNotEqualTo(kind.draw(8, LONGEST).what());
    }

    @Test
    void packedBatchesAreVaried() {
        check(LongStream.range(0, SEEDS).mapToObj(seed -> RandomPacked.draw(seed, LONGEST)).toList(), Map.of(
                "one sequence", c -> c.spec().sequences() == 1,
                "empty sequence", c -> IntStream.range(0, c.spec().sequences()).anyMatch(b -> c.spec().lengthQ(b) == 0),
                "no keys", c -> IntStream.range(0, c.spec().sequences())
                        .anyMatch(b -> c.spec().lengthK(b) == 0 && c.spec().lengthQ(b) > 0),
                "causal, other lengths",
                c -> c.spec().longest().causal() != Causal.NONE && c.spec().totalQ() != c.spec().totalK(),
                "grouped", c -> c.spec().longest().kvHeads() > 1 && c.spec().longest().heads() > c.spec().longest().kvHeads(),
                "dropout as part of a batch", c -> c.spec().longest().dropout() > 0 && c.inputs().firstEntry() > 0,
                "window", c -> c.spec().longest().windowLeft() >= 0,
                "softcap", c -> c.spec().longest().softcap() > 0,
                "ALiBi", c -> c.spec().longest().alibiSlopes() != null,
                "16 bits", c -> c.spec().longest().dtype() != DType.FP32));
    }

    @Test
    void streamedAttentionsAreVaried() {
        check(LongStream.range(0, SEEDS).mapToObj(seed -> RandomStreamed.draw(seed, LONGEST)).toList(), Map.of(
                "mask", c -> c.drawn().spec().maskShape() != null,
                "bias", c -> c.drawn().spec().biasShape() != null,
                "block mask", c -> c.drawn().spec().blockMask() != null,
                "dropout", c -> c.drawn().spec().dropout() > 0,
                "window", c -> c.drawn().spec().windowLeft() >= 0,
                "key lengths", c -> c.drawn().spec().keyLengths() != null,
                "fp16", c -> c.drawn().spec().dtype() == DType.FP16,
                "bf16", c -> c.drawn().spec().dtype() == DType.BF16,
                "little memory", c -> c.memory() < 200_000,
                "more", c -> c.memory() > 500_000));
    }

    @Test
    void decodingIsVaried() {
        check(LongStream.range(0, SEEDS).mapToObj(seed -> RandomDecoding.draw(seed, LONGEST)).toList(), Map.of(
                "contiguous", c -> c.pages() == null,
                "pages of 16", c -> c.pages() != null && c.pageSize() == 16,
                "pages of 128", c -> c.pages() != null && c.pageSize() == 128,
                "neighbors turned", c -> c.rotary() != null && c.rotary().interleaved(),
                "halves turned", c -> c.rotary() != null && !c.rotary().interleaved(),
                "fp16 cache", c -> c.cached() == DType.FP16,
                "bf16 cache", c -> c.cached() == DType.BF16,
                "one query, grouped", c -> c.spec().seqQ() == 1 && c.spec().heads() > c.spec().kvHeads(),
                "many queries", c -> c.spec().seqQ() > 8,
                "window, ALiBi or softcap", c -> c.spec().windowLeft() >= 0 || c.spec().alibiSlopes() != null
                        || c.spec().softcap() > 0));
    }

    private static <C> void check(List<C> cases, Map<String, Predicate<C>> properties) {
        properties.forEach((name, has) -> assertThat(cases.stream().filter(has).count()).as(name).isGreaterThanOrEqualTo(5));
    }

    @Test
    void whatIsTooShortIsNotStreamed() {
        assertThatThrownBy(() -> RandomKind.STREAMED.draw(0, 31)).isInstanceOf(UsageException.class)
                .hasMessage("attention of at most 31 queries and keys is not streamed; 32 are needed");
        RandomStreamed drawn = RandomStreamed.draw(3, LONGEST);
        assertThat(new RandomStreamed(drawn.drawn(), 1L << 30).failure(Backend.of("simulator"), Algorithm.FLASH))
                .startsWith("was not streamed, but computed by [");
    }

    /** The last number of each out is off by a little. */
    @ParameterizedTest
    @EnumSource
    void aWrongNumberIsFoundAndNamed(RandomKind kind) {
        for (long seed = 0; seed < 2; seed++) {
            assertThat(kind.draw(seed, LONGEST).failure(new Wrong(Backend.of("simulator")), Algorithm.FLASH))
                    .matches(".*out\\[[\\d, ]+\\]: expected .*, got .*, off by .* where .* is allowed");
        }
    }

    private record Wrong(Backend right) implements Backend {
        private static void spoil(Tensor out) {
            float[] last = new float[1];
            out.read(out.size() - 1L, last, 0, 1);
            last[0] += 0.1f;
            out.write(last, 0, out.size() - 1L, 1);
        }

        @Override
        public String name() {
            return "wrong";
        }

        @Override
        public String device() {
            return right.device();
        }

        @Override
        public Backend withDeviceMemory(long bytes) {
            return new Wrong(right.withDeviceMemory(bytes));
        }

        @Override
        public Plan open(AttentionSpec spec, Algorithm algorithm) {
            Plan plan = right.open(spec, algorithm);
            return new Plan() {
                @Override
                public Forward forward(AttentionInputs inputs) {
                    Forward f = plan.forward(inputs);
                    spoil(f.out());
                    return f;
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

        @Override
        public PackedPlan openPacked(PackedSpec spec, Algorithm algorithm) {
            PackedPlan plan = right.openPacked(spec, algorithm);
            return new PackedPlan() {
                @Override
                public Forward forward(AttentionInputs inputs) {
                    Forward f = plan.forward(inputs);
                    spoil(f.out());
                    return f;
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

        @Override
        public DecodePlan openDecoding(AttentionSpec spec, KvCache cache, @Nullable Rotary rotary) {
            DecodePlan plan = right.openDecoding(spec, cache, rotary);
            return new DecodePlan() {
                @Override
                public Decoding.@Nullable Result step(@Nullable Tensor q, @Nullable Tensor k, @Nullable Tensor v, int[] added) {
                    Decoding.Result result = plan.step(q, k, v, added);
                    if (result != null) {
                        spoil(result.out());
                    }
                    return result;
                }

                @Override
                public void close() {
                    plan.close();
                }
            };
        }
    }
}
