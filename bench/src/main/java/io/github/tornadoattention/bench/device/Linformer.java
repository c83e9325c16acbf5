package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.Times;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Resident;
import java.util.ArrayList;
import java.util.List;

/**
 * Linformer's approximation (arXiv 2006.04768), forward: keys and values are projected to a fixed length, then attended to
 * exactly by our kernels. Its time is that of both projections and of the attention; its error is against exact attention.
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

    static List<Result> measure(Job job, RandomTensors in, Measurement how) {
        AttentionSpec spec = job.spec();
        int length = length(job);
        AttentionSpec projected = AttentionSpec.builder(spec.batch(), spec.heads(), spec.seqQ(), spec.headDim())
                .kvHeads(spec.kvHeads()).seqK(length)
                .scale(spec.scale()).build();
        try (Projection projection = new Projection(job.target().device(), spec, length);
                Attention attention = Attention.on(job.target().backend().profiled(), projected)) {
            long start = System.nanoTime();
            projection.compile();
            attention.compile(false);
            Projection.Projected k;
            Projection.Projected v;
            try (DeviceShare.Hold held = how.share().device()) {
                k = projection.of(in.k());
                v = projection.of(in.v());
            }
            Resident<Forward> pass = attention.upload(in.q(), k.tensor(), v.tensor());
            try (DeviceShare.Hold held = how.share().device()) {
                pass.run();
            }
            double jit = (System.nanoTime() - start) / 1e6;
            Forward f = pass.result();
            double off = Math.max(projection.error(in.k(), k.tensor()), projection.error(in.v(), v.tensor()));
            RandomTensors attended = new RandomTensors(in.q(), k.tensor(), v.tensor(), in.dOut());
            SampledCheck.Deviation deviation = new SampledCheck(projected, attended).forward(f);
            boolean right = off <= SHARE && deviation.accepted();
            Result result = job.expected("forward").with("checked", right)
                    .with("max_abs_error", new SampledCheck(spec, in).out(f.out()).error())
                    .with("kernels", job.target().device() == null ? null : f.report().kernels())
                    .with("peak_device_bytes", Bytes.ofTensors(spec, "forward") + Bytes.ofTensors(projected, "forward")
                            + (long) spec.seqK() * length * Float.BYTES);
            if (!right) {
                return List.of(result.with("error", "wrong result: off by %.1e".formatted(Math.max(off, deviation.error()))));
            }
            Times times;
            try (DeviceShare.Hold held = how.share().device()) {
                times = runs(job, in, projection, pass, how);
            }
            double flops = projected.forwardFlops() + 2.0 * 2 * spec.batch() * spec.kvHeads() * (double) spec.seqK()
                    * length * spec.headDim();
            return List.of(result.with("median_ms", times.median()).with("p10_ms", times.milliseconds(0.1))
                    .with("p90_ms", times.milliseconds(0.9))
                    .with("jit_ms", jit).with("runs", times.sorted().length)
                    .with("executed_tflops", flops / times.median() / 1e9));
        }
    }

    private static Times runs(Job job, RandomTensors in, Projection projection, Resident<Forward> pass, Measurement how) {
        List<Long> nanos = new ArrayList<>();
        double warmUp = job.target().device() == null ? WARM_UP_SECONDS : 0;
        long start = System.nanoTime();
        while (System.nanoTime() - start < warmUp * 1e9) {
            run(in, projection, pass); // the JVM is still compiling
        }
        start = System.nanoTime();
        while (nanos.size() < how.most() && (nanos.size() < how.fewest() || System.nanoTime() - start < how.seconds() * 1e9)) {
            nanos.add(run(in, projection, pass));
        }
        return new Times(nanos.stream().mapToLong(Long::longValue).toArray());
    }

    private static long run(RandomTensors in, Projection projection, Resident<Forward> pass) {
        long projections = projection.of(in.k()).nanos() + projection.of(in.v()).nanos();
        Report report = pass.run();
        return projections + (report.kernelNanos() < 0 ? report.wallNanos() : report.kernelNanos());
    }
}
