package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.kernels.Dropout;
import io.github.tornadoattention.kernels.Philox;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Dropout draws what the design says, on every backend and with every tile; gradients are tested with the other options'. */
class DropoutTest {
    /** The vectors for philox4x32, 10 rounds, of Random123's file kat_vectors: counter, key, words. */
    @ParameterizedTest
    @CsvSource(delimiterString = " | ", textBlock = """
            00000000 00000000 00000000 00000000 | 00000000 00000000 | 6627e8d5 e169c58d bc57ac4c 9b00dbd8
            ffffffff ffffffff ffffffff ffffffff | ffffffff ffffffff | 408f276d 41c83b0e a20bc7c6 6d5451fd
            243f6a88 85a308d3 13198a2e 03707344 | a4093822 299f31d0 | d16cfe09 94fdcceb 5001e420 24126ea1
            """)
    void knownAnswers(String counter, String key, String words) {
        int[] state = hexadecimal(counter);
        int[] halves = hexadecimal(key);
        Philox.words(state, halves[0], halves[1]);
        assertThat(state).containsExactly(hexadecimal(words));
    }

    private static int[] hexadecimal(String words) {
        return Stream.of(words.split(" ")).mapToInt(word -> Integer.parseUnsignedInt(word, 16)).toArray();
    }

    @Test
    void thresholdsAreUnsigned() {
        int[] word = {5, 9, 3, 7};
        Philox.words(word, 11, 13);
        for (int n = 0; n < 4; n++) {
            double exactly = Integer.toUnsignedLong(word[n]) / 4294967296.0;
            double above = Math.nextUp((Integer.toUnsignedLong(word[n]) + 1) / 4294967296.0);
            assertThat(kept(exactly) >> n & 1).as("the word is not below itself").isEqualTo(1);
            assertThat(kept(above) >> n & 1).as("the word is below the next number").isZero();
        }
        assertThat(kept(0)).isEqualTo(15);
        assertThat(kept(Math.nextDown(1.0))).isZero();
    }

    private static int kept(double probability) {
        return Dropout.kept(9, 5, 3, 11, 13, 7, Dropout.threshold(probability));
    }

    /** With one-hot values, out is P with zeros where pairs were dropped. */
    private static AttentionInputs oneHot(AttentionSpec spec) {
        Inputs random = Inputs.random(spec, 3);
        float[] v = new float[random.v().size()];
        for (int n = 0; n < v.length; n += spec.seqK() * spec.headDim()) {
            for (int j = 0; j < spec.seqK(); j++) {
                v[n + j * spec.headDim() + j] = 1;
            }
        }
        return AttentionInputs.of(random.q(), random.k(), Tensor.of(v, spec.kvShape()));
    }

    static Stream<Backend> backends() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 70, 75).build();
        return Stream.concat(Stream.of(Backend.of("reference"), Backend.of("cpu"), Backend.of("simulator")),
                Tiled.all(spec).stream());
    }

    @ParameterizedTest
    @MethodSource("backends")
    void theSamePairsEverywhere(Backend backend) {
        double p = 0.3;
        long seed = 0xFEDCBA9876543210L;
        int offset = 0x89ABCDEF;
        // 7 queries take the CPU's way for few queries
        for (int seqQ : new int[] {70, 7}) {
            AttentionSpec spec = AttentionSpec.builder(2, 2, seqQ, 75).kvHeads(1).seqK(75).dropout(p).build();
            List<Algorithm> algorithms = backend instanceof Tiled ? List.of(Algorithm.FLASH) : List.of(Algorithm.values());
            for (Algorithm algorithm : algorithms) {
                try (Attention attention = Attention.on(backend, spec, algorithm)) {
                    AttentionInputs inputs = oneHot(spec);
                    assertDropped(attention.forward(inputs.withSeed(seed, offset)).out(), spec, seed, offset);
                    assertDropped(attention.forward(inputs.withSeed(seed + 1, offset)).out(), spec, seed + 1, offset);
                    assertDropped(attention.forward(inputs.withSeed(seed, offset + 1)).out(), spec, seed, offset + 1);
                }
            }
        }
    }

    private static void assertDropped(Tensor out, AttentionSpec spec, long seed, int offset) {
        List<String> wrong = new ArrayList<>();
        for (int b = 0; b < spec.batch(); b++) {
            for (int h = 0; h < spec.heads(); h++) {
                for (int i = 0; i < spec.seqQ(); i++) {
                    for (int j = 0; j < spec.seqK(); j++) {
                        int[] counter = {j >> 2, i, b * spec.heads() + h, offset};
                        Philox.words(counter, (int) seed, (int) (seed >>> 32));
                        boolean dropped = Integer.toUnsignedLong(counter[j & 3])
                                < (long) Math.floor(spec.dropout() * 4294967296.0);
                        if (dropped != (out.get(b, h, i, j) == 0f)) {
                            wrong.add("entry %d head %d query %d key %d".formatted(b, h, i, j));
                        }
                    }
                }
            }
        }
        assertThat(wrong).isEmpty();
    }

    /** The share of kept pairs lies within five standard deviations of 1 - p. */
    @ParameterizedTest
    @ValueSource(doubles = {0.01, 0.1, 0.5, 0.9})
    void keepRate(double p) {
        int pairs = 400_000;
        int threshold = Dropout.threshold(p);
        long kept = IntStream.range(0, pairs / 4)
                .map(n -> Integer.bitCount(Dropout.kept(n % 500, n / 500, 2, 42, 0, 1, threshold))).sum();
        assertThat((double) kept / pairs).isCloseTo(1 - p, within(5 * Math.sqrt(p * (1 - p) / pairs)));
    }

    /** The mean over many offsets tends to the result without dropout: kept pairs make up for dropped ones. */
    @Test
    void theExpectationIsTheResultWithoutDropout() {
        AttentionSpec plain = AttentionSpec.builder(1, 1, 9, 4).build();
        AttentionSpec spec = AttentionSpec.builder(1, 1, 9, 4).dropout(0.25).build();
        AttentionInputs inputs = Inputs.random(spec, 8).inputs();
        int draws = 4000;
        double[] mean = new double[9 * 4];
        try (Attention attention = Attention.on(Backend.of("cpu"), spec);
                Attention whole = Attention.on(Backend.of("cpu"), plain)) {
            for (int n = 0; n < draws; n++) {
                float[] out = attention.forward(inputs.withSeed(1, n)).out().toArray();
                for (int m = 0; m < mean.length; m++) {
                    mean[m] += out[m] / draws;
                }
            }
            float[] expected = whole.forward(inputs).out().toArray();
            for (int m = 0; m < mean.length; m++) {
                assertThat(mean[m]).isCloseTo(expected[m], within(0.07));
            }
        }
    }
}
