package io.github.tornadoattention.bench.minilm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.github.tornadoattention.host.Backend;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The encoder with this library's attention gives what ONNX Runtime gives for the whole model. */
class MiniLmTest {
    private static final double TOLERANCE = 1e-4;
    private static final String[] TEXTS = {
        "A man is eating food.", "A man is eating a piece of bread.", "The girl is carrying a baby.", "",
        "Attention is computed tile by tile, so that scores never leave fast memory. ".repeat(9)};

    private static byte[] model;
    private static int[][] tokens;
    /** What ONNX Runtime computes of the texts, {@code [batch, longest, 384]}. */
    private static float[] expected;

    @BeforeAll
    static void runOnnxRuntime() throws IOException, OrtException {
        model = resource("/all-minilm-l6-v2.onnx").readAllBytes();
        WordPieces pieces = new WordPieces(resource("/all-minilm-l6-v2-tokenizer.json"));
        tokens = Arrays.stream(TEXTS).map(pieces::tokens).toArray(int[][]::new);
        int longest = longest();
        long[] ids = new long[tokens.length * longest];
        long[] mask = new long[ids.length];
        for (int b = 0; b < tokens.length; b++) {
            for (int i = 0; i < tokens[b].length; i++) {
                ids[b * longest + i] = tokens[b][i];
                mask[b * longest + i] = 1;
            }
        }
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        long[] shape = {tokens.length, longest};
        try (OrtSession session = environment.createSession(model);
                OnnxTensor input = OnnxTensor.createTensor(environment, LongBuffer.wrap(ids), shape);
                OnnxTensor seen = OnnxTensor.createTensor(environment, LongBuffer.wrap(mask), shape);
                OnnxTensor types = OnnxTensor.createTensor(environment, LongBuffer.allocate(ids.length), shape);
                OrtSession.Result result = session.run(
                        Map.of("input_ids", input, "attention_mask", seen, "token_type_ids", types))) {
            FloatBuffer states = ((OnnxTensor) result.get("last_hidden_state").orElseThrow()).getFloatBuffer();
            expected = new float[states.remaining()];
            states.get(expected);
        }
    }

    private static InputStream resource(String name) {
        return Objects.requireNonNull(MiniLmTest.class.getResourceAsStream(name), name);
    }

    private static int longest() {
        return Arrays.stream(tokens).mapToInt(text -> text.length).max().orElseThrow();
    }

    @Test
    void textIsCutIntoTheModelsPieces() {
        assertThat(tokens[0]).containsExactly(101, 1037, 2158, 2003, 5983, 2833, 1012, 102);
        assertThat(tokens[3]).containsExactly(101, 102);
        assertThat(longest()).isGreaterThan(128);
    }

    @ParameterizedTest
    @ValueSource(strings = {"cpu", "reference"})
    void statesAndEmbeddingsEqualThoseOfOnnxRuntime(String backend) {
        float[] states = new Encoder(new OnnxWeights(model), Backend.of(backend)).states(tokens);
        assertThat(states).hasSameSizeAs(expected);
        double worst = 0;
        for (int b = 0; b < tokens.length; b++) {
            // States of padding are nobody's, and differ more.
            for (int i = b * longest() * Encoder.WIDTH; i < (b * longest() + tokens[b].length) * Encoder.WIDTH; i++) {
                worst = Math.max(worst, Math.abs(states[i] - expected[i]));
            }
        }
        assertThat(worst).as("largest difference of a state").isLessThan(TOLERANCE);
        for (int b = 0; b < tokens.length; b++) {
            assertThat(embedding(states, b)).as("embedding of '%s'", TEXTS[b]).containsExactly(embedding(expected, b),
                    within(TOLERANCE));
        }
        assertThat(cosine(states, 0, 1)).isGreaterThan(0.7).isGreaterThan(cosine(states, 0, 2) + 0.5);
    }

    /** The mean state of a text's tokens, with length 1. */
    private static double[] embedding(float[] states, int b) {
        double[] mean = new double[Encoder.WIDTH];
        for (int i = 0; i < tokens[b].length * Encoder.WIDTH; i++) {
            mean[i % Encoder.WIDTH] += states[b * longest() * Encoder.WIDTH + i];
        }
        double length = Math.sqrt(Arrays.stream(mean).map(x -> x * x).sum());
        return Arrays.stream(mean).map(x -> x / length).toArray();
    }

    private static double cosine(float[] states, int a, int b) {
        double[] left = embedding(states, a);
        double[] right = embedding(states, b);
        double sum = 0;
        for (int c = 0; c < left.length; c++) {
            sum += left[c] * right[c];
        }
        return sum;
    }
}
