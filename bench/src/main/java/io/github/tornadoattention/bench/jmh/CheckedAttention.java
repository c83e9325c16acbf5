package io.github.tornadoattention.bench.jmh;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.Tolerance;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import java.util.Random;

/** One attention on random input whose results were found right, ready to be timed. */
final class CheckedAttention implements AutoCloseable {
    private static final long SEED = 20220527;

    private final Attention attention;
    private final Tensor q;
    private final Tensor k;
    private final Tensor v;
    private final Tensor dOut;
    private final Forward forward;

    /**
     * Opens the attention, runs it forward and backward and compares with float64.
     *
     * @throws IllegalStateException if a result is not within the tolerance; there is nothing to time then
     */
    CheckedAttention(Backend backend, AttentionSpec spec, Algorithm algorithm) {
        Random random = new Random(SEED);
        q = normal(random, spec.qShape());
        k = normal(random, spec.kvShape());
        v = normal(random, spec.kvShape());
        dOut = normal(random, spec.qShape());
        attention = Attention.on(backend, spec, algorithm);
        forward = attention.forward(q, k, v);
        Exact exact = ReferenceAttention.forwardBackward(spec, q, k, v, dOut);
        Tolerance tolerance = Tolerance.of(spec, forward.inputs(), dOut, exact);
        String failure = Comparison.of(spec, exact, forward, backward(), tolerance).firstFailure();
        if (!failure.isEmpty()) {
            close();
            throw new IllegalStateException("%s, [%s]: %s".formatted(backend.device(), spec, failure));
        }
    }

    /** Computes out and lse anew. */
    Forward forward() {
        return attention.forward(q, k, v);
    }

    /** Computes the gradients anew, from one forward result. */
    Gradients backward() {
        return attention.backward(dOut, forward);
    }

    @Override
    public void close() {
        attention.close();
    }

    private static Tensor normal(Random random, int[] shape) {
        int size = 1;
        for (int length : shape) {
            size *= length;
        }
        float[] values = new float[size];
        for (int n = 0; n < size; n++) {
            values[n] = (float) random.nextGaussian();
        }
        return Tensor.of(values, shape);
    }
}
