package io.github.tornadoattention.bench.minilm;

import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Tensor;
import java.util.Arrays;

/**
 * The encoder of all-MiniLM-L6-v2: six layers of attention (12 heads of 32) and of a network that widens four times. States are
 * {@code [batch, tokens, 384]}; texts that are shorter than the longest are padded, and key lengths keep their padding out of
 * sight.
 */
final class Encoder {
    static final int WIDTH = 384;

    private static final int LAYERS = 6;
    private static final int HEADS = 12;
    private static final int HEAD_DIM = WIDTH / HEADS;
    private static final double EPSILON = 1e-12;

    private final OnnxWeights weights;
    private final Backend backend;

    Encoder(OnnxWeights weights, Backend backend) {
        this.weights = weights;
        this.backend = backend;
    }

    /** The last layer's states of all tokens, {@code [batch, longest, 384]}. */
    float[] states(int[][] texts) {
        int longest = Arrays.stream(texts).mapToInt(text -> text.length).max().orElseThrow();
        int[] lengths = Arrays.stream(texts).mapToInt(text -> text.length).toArray();
        AttentionSpec spec = AttentionSpec.builder(texts.length, HEADS, longest, HEAD_DIM).keyLengths(lengths).build();
        float[] x = normalized(embedded(texts, longest), "embeddings");
        try (Attention attention = Attention.on(backend, spec)) {
            for (int layer = 0; layer < LAYERS; layer++) {
                x = layer(x, "encoder/layer." + layer + "/", attention);
            }
        }
        return x;
    }

    private float[] layer(float[] x, String layer, Attention attention) {
        String self = layer + "attention/self/";
        Tensor q = heads(linear(x, self + "query", WIDTH), attention.spec());
        Tensor k = heads(linear(x, self + "key", WIDTH), attention.spec());
        Tensor v = heads(linear(x, self + "value", WIDTH), attention.spec());
        float[] seen = tokens(attention.forward(q, k, v).out(), attention.spec());
        float[] y = normalized(sum(x, linear(seen, layer + "attention/output/dense", WIDTH)), layer + "attention/output");
        float[] wide = linear(y, layer + "intermediate/dense", 4 * WIDTH);
        for (int i = 0; i < wide.length; i++) {
            wide[i] = (float) (0.5 * wide[i] * (1 + erf(wide[i] / Math.sqrt(2))));
        }
        return normalized(sum(y, linear(wide, layer + "output/dense", WIDTH)), layer + "output");
    }

    private float[] embedded(int[][] texts, int longest) {
        float[] words = weights.tensor("embeddings.word_embeddings.weight");
        float[] positions = weights.tensor("embeddings.position_embeddings.weight");
        float[] types = weights.tensor("embeddings.token_type_embeddings.weight");
        float[] x = new float[texts.length * longest * WIDTH];
        for (int i = 0; i < x.length; i++) {
            int token = i / WIDTH % longest;
            int[] text = texts[i / WIDTH / longest];
            int word = token < text.length ? text[token] : 0;
            int c = i % WIDTH;
            x[i] = words[word * WIDTH + c] + types[c] + positions[token * WIDTH + c];
        }
        return x;
    }

    /** {@code x W + b}, W {@code [inputs, outputs]}. */
    private float[] linear(float[] x, String path, int outputs) {
        float[] w = weights.factor(path);
        float[] b = weights.tensor(path.replace('/', '.') + ".bias");
        int inputs = w.length / outputs;
        float[] y = new float[x.length / inputs * outputs];
        for (int row = 0; row < x.length / inputs; row++) {
            System.arraycopy(b, 0, y, row * outputs, outputs);
            for (int i = 0; i < inputs; i++) {
                float factor = x[row * inputs + i];
                for (int o = 0; o < outputs; o++) {
                    y[row * outputs + o] += factor * w[i * outputs + o];
                }
            }
        }
        return y;
    }

    /** Each token's state with mean 0 and variance 1, then scaled and shifted. */
    private float[] normalized(float[] x, String path) {
        float[] scale = weights.tensor(path.replace('/', '.') + ".LayerNorm.weight");
        float[] shift = weights.tensor(path.replace('/', '.') + ".LayerNorm.bias");
        float[] y = new float[x.length];
        for (int row = 0; row < x.length; row += WIDTH) {
            double mean = 0;
            double square = 0;
            for (int c = 0; c < WIDTH; c++) {
                mean += x[row + c] / (double) WIDTH;
            }
            for (int c = 0; c < WIDTH; c++) {
                square += (x[row + c] - mean) * (x[row + c] - mean) / WIDTH;
            }
            for (int c = 0; c < WIDTH; c++) {
                y[row + c] = (float) ((x[row + c] - mean) / Math.sqrt(square + EPSILON)) * scale[c] + shift[c];
            }
        }
        return y;
    }

    private static float[] sum(float[] a, float[] b) {
        float[] c = new float[a.length];
        for (int i = 0; i < c.length; i++) {
            c[i] = a[i] + b[i];
        }
        return c;
    }

    /** {@code [batch, tokens, heads * dim]} as {@code [batch, heads, tokens, dim]}. */
    private static Tensor heads(float[] x, AttentionSpec spec) {
        float[] y = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            y[place(i, spec.seqQ())] = x[i];
        }
        return Tensor.of(y, spec.qShape());
    }

    private static float[] tokens(Tensor tensor, AttentionSpec spec) {
        float[] x = tensor.toArray();
        float[] y = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            y[i] = x[place(i, spec.seqQ())];
        }
        return y;
    }

    private static int place(int i, int tokens) {
        int c = i % WIDTH;
        int token = i / WIDTH % tokens;
        int b = i / WIDTH / tokens;
        return ((b * HEADS + c / HEAD_DIM) * tokens + token) * HEAD_DIM + c % HEAD_DIM;
    }

    /** By {@code 2 / sqrt(pi) exp(-x^2) (x + 2 x^3 / 3 + 4 x^5 / 15 + ...)}, whose terms all have one sign. */
    static double erf(double x) {
        if (Math.abs(x) > 6) {
            return Math.signum(x);
        }
        double term = x;
        double sum = x;
        for (int n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
    }
}
