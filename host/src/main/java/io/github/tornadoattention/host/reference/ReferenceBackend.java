package io.github.tornadoattention.host.reference;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Tensor;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The float64 specification as a backend, its results rounded to the spec's dtype (lse to float32). It has one way of computing,
 * which reports call {@code reference}, whatever algorithm is asked for.
 */
public final class ReferenceBackend implements Backend {
    @Override
    public String name() {
        return "reference";
    }

    @Override
    public String device() {
        return "JVM, float64";
    }

    @Override
    public Plan open(AttentionSpec spec, Algorithm algorithm) {
        return new ReferencePlan(spec);
    }

    private record ReferencePlan(AttentionSpec spec) implements Plan {
        @Override
        public Forward forward(AttentionInputs inputs) {
            long start = System.nanoTime();
            Exact exact = ReferenceAttention.forwardBackward(spec, inputs, null);
            Tensor out = rounded(exact.out(), spec.qShape()).to(spec.dtype());
            Tensor lse = rounded(exact.lse(), spec.lseShape());
            return new Forward(inputs, out, lse, report(start, 0));
        }

        @Override
        public Gradients backward(Tensor dOut, Forward f) {
            long start = System.nanoTime();
            Exact exact = ReferenceAttention.forwardBackward(spec, f.inputs(), dOut);
            Tensor dq = rounded(exact.dq(), spec.qShape()).to(spec.dtype());
            Tensor dk = rounded(exact.dk(), spec.kvShape()).to(spec.dtype());
            Tensor dv = rounded(exact.dv(), spec.kvShape()).to(spec.dtype());
            int[] biasShape = spec.biasShape();
            Tensor dBias = biasShape == null ? null : rounded(exact.dBias(), biasShape);
            return new Gradients(dq, dk, dv, dBias,
                    report(start, 2L * dq.size() + dk.size() + dv.size() + (dBias == null ? 0 : dBias.size())));
        }

        private static Tensor rounded(double @Nullable [] exact, int[] shape) {
            double[] doubles = Objects.requireNonNull(exact);
            float[] floats = new float[doubles.length];
            for (int n = 0; n < floats.length; n++) {
                floats[n] = (float) doubles[n];
            }
            return Tensor.of(floats, shape);
        }

        /** Its extra memory is the inputs and outputs in double precision. */
        private Report report(long start, long gradientDoubles) {
            long wall = System.nanoTime() - start;
            long queries = (long) spec.batch() * spec.heads() * spec.seqQ();
            long keys = (long) spec.batch() * spec.kvHeads() * spec.seqK();
            long doubles = 2 * queries * spec.headDim() + queries + 2 * keys * spec.headDim() + gradientDoubles;
            return new Report("reference", "JVM, float64", null, "reference", List.of("reference-passes"),
                    wall, 0, wall, doubles * Double.BYTES);
        }

        @Override
        public void close() {
            // Nothing is held.
        }
    }
}
