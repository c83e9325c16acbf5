package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.Times;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Forward;
import java.util.ArrayList;
import java.util.List;

/**
 * Linformer's approximation (arXiv 2006.04768), forward: keys and values are projected to a fixed length, then attended to exactly by our kernels. Its time is
 * that of both projections and of the attention; its error is against exact attention.
 */
final class Linformer {
    /** How the algorithm is called in results, with the projected length behind it. */
    static final String NAME = "linformer-";

    private static final double SHARE = 1e-4;
    private static final double WARM_UP_SECONDS = 1;

    private Linformer() {}

    /** With N / 8 rows that remain. */
    static Job eighth(Target target, AttentionSpec spec) {
        return Job.of(target, NAME + "n/8", spec).forward();
    }

    /** With a fixed number of rows that remain. */
    static Job of(Target target, AttentionSpec spec, int length) {
        return Job.of(target, NAME + length, spec).forward();
    }

    private static int length(Job job) {
        String length = job.algorithm().substring(NAME.length());
        return length.equals("n/8") ? Math.ceilDiv(job.spec().seqK(), 64) * 8 : Integer.parseInt(length);
    }

    static List<Result> measure(Job job, RandomTensors in, double seconds, int fewest, int most) {
        AttentionSpec spec = job.spec();
        int length = length(job);
        AttentionSpec projected = AttentionSpec.builder(spec.batch(), spec.heads(), spec.seqQ(), spec.headDim()).kvHeads(spec.kvHeads()).seqK(length)
                .scale(spec.scale()).build();
        try (Projection projection = new Projection(job.target().device(), spec, length);
                Attention attention = Attention.on(job.target().backend().profiled(), projected)) {
            List<Long> nanos = new ArrayList<>();
            long start = System.nanoTime();
            Result result = job.expected("forward");
            int run = 0;
            while (run < most && (run <= fewest || System.nanoTime() - start < seconds * 1e9)) {
                Projection.Projected k = projection.of(in.k());
                Projection.Projected v = projection.of(in.v());
                Forward f = attention.forward(in.q(), k.tensor(), v.tensor());
                long kernel = f.report().kernelNanos() < 0 ? f.report().wallNanos() : f.report().kernelNanos();
                if (run > 0 && nanos.isEmpty() && job.target().device() == null && System.nanoTime() - start < WARM_UP_SECONDS * 1e9) {
                    continue; // the JVM is still compiling
                }
                if (run++ > 0) {
                    nanos.add(k.nanos() + v.nanos() + kernel);
                    continue;
                }
                // the first run compiles, and is the one that is looked at
                double off = Math.max(projection.error(in.k(), k.tensor()), projection.error(in.v(), v.tensor()));
                SampledCheck.Deviation deviation = new SampledCheck(projected, new RandomTensors(in.q(), k.tensor(), v.tensor(), in.dOut())).forward(f);
                boolean right = off <= SHARE && deviation.accepted();
                result.with("checked", right).with("max_abs_error", new SampledCheck(spec, in).outError(f))
                        .with("peak_device_bytes", Bytes.ofTensors(spec, "forward") + Bytes.ofTensors(projected, "forward")
                                + (long) spec.seqK() * length * Float.BYTES);
                if (!right) {
                    return List.of(result.with("error", "wrong result: off by %.1e".formatted(Math.max(off, deviation.error()))));
                }
            }
            Times times = new Times(nanos.stream().mapToLong(Long::longValue).toArray());
            double flops = projected.forwardFlops() + 2.0 * 2 * spec.batch() * spec.kvHeads() * (double) spec.seqK() * length * spec.headDim();
            return List.of(result.with("median_ms", times.median()).with("p10_ms", times.milliseconds(0.1)).with("p90_ms", times.milliseconds(0.9))
                    .with("runs", nanos.size()).with("executed_tflops", flops / times.median() / 1e9));
        }
    }
}
