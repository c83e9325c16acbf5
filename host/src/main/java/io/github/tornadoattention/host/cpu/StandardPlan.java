package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DeviceMemoryException;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Tensor;
import java.util.List;

/**
 * The textbook way on the CPU, as the baseline that flash attention is measured against: one whole pass for each
 * formula, the score and probability matrices written out between them, {@code seqQ x seqK} floats a head each.
 */
final class StandardPlan implements Plan {
    private final AttentionSpec spec;
    private final String device;
    private final Workers workers;
    private final Call call = new Call();

    StandardPlan(AttentionSpec spec, int threads, String device) {
        this.spec = spec;
        this.device = device;
        this.workers = new Workers(threads);
    }

    @Override
    public Forward forward(AttentionInputs inputs) {
        requireMemory();
        long start = System.nanoTime();
        call.begin(inputs);
        Tensor out = Tensor.zeros(spec.dtype(), spec.qShape());
        Tensor lse = Tensor.zeros(spec.lseShape());
        StandardForward pass = new StandardForward(spec, call, workers, inputs, out, lse);
        long kernelStart = System.nanoTime();
        pass.scores();
        pass.softmax();
        pass.weightedSums();
        long end = System.nanoTime();
        List<String> kernels = List.of("standard-scores", "standard-softmax", "standard-weighted-sums");
        return new Forward(inputs, out, lse, report(kernels, end - kernelStart, end - start, pass.bytes()));
    }

    @Override
    public Gradients backward(Tensor dOut, Forward f) {
        requireMemory();
        long start = System.nanoTime();
        call.begin(f.inputs());
        Tensor dq = Tensor.zeros(spec.dtype(), spec.qShape());
        Tensor dk = Tensor.zeros(spec.dtype(), spec.kvShape());
        Tensor dv = Tensor.zeros(spec.dtype(), spec.kvShape());
        StandardBackward pass = new StandardBackward(spec, call, workers, f, dOut, dq, dk, dv);
        long kernelStart = System.nanoTime();
        pass.probabilities();
        pass.scoreGradients();
        int[] biasShape = spec.biasShape();
        Tensor dBias = biasShape == null ? null : Tensor.zeros(biasShape);
        if (dBias != null) {
            pass.biasGradient(dBias);
        }
        pass.queryGradients();
        pass.keyGradients();
        long end = System.nanoTime();
        List<String> kernels = List.of("standard-probabilities", "standard-score-gradients", "standard-query-gradients",
                "standard-key-gradients");
        return new Gradients(dq, dk, dv, dBias, report(kernels, end - kernelStart, end - start, pass.bytes()));
    }

    /** Refuses before anything is allocated. */
    private void requireMemory() {
        int matrices = spec.biasShape() == null ? 2 : 3;
        long floats = Math.multiplyExact((long) matrices * spec.batch() * spec.heads() * spec.seqQ(), (long) spec.seqK());
        double needed = (double) floats * Float.BYTES;
        Runtime vm = Runtime.getRuntime();
        long free = vm.maxMemory() - (vm.totalMemory() - vm.freeMemory());
        if (needed > free) {
            throw new DeviceMemoryException(
                    ("the standard algorithm needs %.1f MB for %d matrices of %d x %d in %d heads, the JVM has %.1f MB left: "
                                    + "use flash, or a larger heap (-Xmx)")
                            .formatted(needed / 1e6, matrices, spec.seqQ(), spec.seqK(),
                                    spec.batch() * spec.heads(), free / 1e6));
        }
    }

    private Report report(List<String> kernels, long kernelNanos, long wallNanos, long extraBytes) {
        return new Report("cpu", device, null, "standard", kernels, kernelNanos, 0, wallNanos, extraBytes);
    }

    @Override
    public void close() {
        workers.close();
    }
}
