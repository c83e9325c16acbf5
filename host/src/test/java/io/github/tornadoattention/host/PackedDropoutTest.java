package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A packed batch drops the very pairs that its sequences drop as entries of a padded batch. */
class PackedDropoutTest {
    private static final int HEADS = 4;
    private static final int KEYS = 40;
    private static final int[] LENGTHS_Q = {7, 7, 0, 33, 7, 16, 50};
    private static final int[] LENGTHS_K = {40, 40, 12, 3, 40, 17, 39};
    private static final long SEED = 0x0123456789ABCDEFL;
    private static final int OFFSET = -2;

    @ParameterizedTest
    @CsvSource({"reference,FLASH", "cpu,FLASH", "cpu,STANDARD", "simulator,FLASH", "simulator,STANDARD"})
    void theSamePairsAsPadded(String name, Algorithm algorithm) {
        Backend backend = Backend.of(name);
        PackedSpec spec = PackedSpec.of(starts(LENGTHS_Q), starts(LENGTHS_K), HEADS, KEYS, o -> o.kvHeads(2).dropout(0.4));
        AttentionSpec padded = AttentionSpec.builder(LENGTHS_Q.length, HEADS, 50, KEYS).seqK(KEYS)
                .kvHeads(2).keyLengths(LENGTHS_K)
                .dropout(0.4).build();
        Tensor q = Inputs.normal(new Random(4), spec.qShape());
        Tensor k = Inputs.normal(new Random(5), spec.kvShape());
        // value j of a sequence is the unit vector j, so that out is P with zeros where pairs were dropped
        float[] one = new float[spec.totalK() * 2 * KEYS];
        float[] paddedOne = new float[LENGTHS_K.length * 2 * KEYS * KEYS];
        float[] paddedQ = new float[LENGTHS_Q.length * HEADS * 50 * KEYS];
        float[] paddedK = new float[paddedOne.length];
        for (int b = 0; b < spec.sequences(); b++) {
            for (int h = 0; h < HEADS; h++) {
                for (int i = 0; i < spec.lengthQ(b); i++) {
                    q.read(((spec.startQ(b) + i) * (long) HEADS + h) * KEYS, paddedQ, ((b * HEADS + h) * 50 + i) * KEYS, KEYS);
                }
            }
            for (int g = 0; g < 2; g++) {
                for (int j = 0; j < spec.lengthK(b); j++) {
                    int to = ((b * 2 + g) * KEYS + j) * KEYS;
                    one[((spec.startK(b) + j) * 2 + g) * KEYS + j] = 1;
                    paddedOne[to + j] = 1;
                    k.read(((spec.startK(b) + j) * 2L + g) * KEYS, paddedK, to, KEYS);
                }
            }
        }
        AttentionInputs inputs = AttentionInputs.of(q, k, Tensor.of(one, spec.kvShape()));
        AttentionInputs paddedInputs = AttentionInputs.of(Tensor.of(paddedQ, padded.qShape()),
                Tensor.of(paddedK, padded.kvShape()),
                Tensor.of(paddedOne, padded.kvShape()));
        try (PackedAttention attention = PackedAttention.on(backend, spec, algorithm);
                Attention dense = Attention.on(backend, padded, algorithm)) {
            for (int step = 0; step < 2; step++) { // a second seed and offset, with what the first call left
                Tensor out = attention.forward(inputs.withSeed(SEED + step, OFFSET + step)).out();
                Tensor expected = dense.forward(paddedInputs.withSeed(SEED + step, OFFSET + step)).out();
                assertThat(differing(spec, out, expected)).as("step %d", step).isEmpty();
            }
        }
    }

    private static List<String> differing(PackedSpec spec, Tensor out, Tensor expected) {
        List<String> differing = new ArrayList<>();
        int dropped = 0;
        for (int b = 0; b < spec.sequences(); b++) {
            for (int h = 0; h < HEADS; h++) {
                for (int i = 0; i < spec.lengthQ(b); i++) {
                    for (int j = 0; j < spec.lengthK(b); j++) {
                        boolean drops = expected.get(b, h, i, j) == 0f;
                        dropped += drops ? 1 : 0;
                        if (drops != (out.get(spec.startQ(b) + i, h, j) == 0f)) {
                            differing.add("sequence %d head %d query %d key %d".formatted(b, h, i, j));
                        }
                    }
                }
            }
        }
        assertThat(dropped).as("dropped pairs of %d", spec.visiblePairs()).isBetween((int) (spec.visiblePairs() * 0.37),
                (int) (spec.visiblePairs() * 0.43));
        return differing;
    }

    private static int[] starts(int... lengths) {
        return IntStream.rangeClosed(0, lengths.length).map(b -> IntStream.range(0, b).map(n -> lengths[n]).sum()).toArray();
    }
}
