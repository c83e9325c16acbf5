package io.github.tornadoattention.bench.cpu;

import java.util.concurrent.CountDownLatch;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** What this machine can do at most, measured in this run: fused multiply-adds out of registers, and reading of memory. */
final class Ceilings {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final int COUNT = FLOATS.length();
    private static final int CHAINS = 12;
    private static final int STEPS = 100_000;
    private static final int RUNS = 40;
    private static final int READ = 1 << 25;

    /** Keeps results alive. */
    private static volatile float sink;

    private Ceilings() {}

    /** GFLOP/s of a loop of 12 independent chains of fused multiply-adds on each thread. */
    static double multiplyAdds(int threads) {
        double best = best(threads, part -> sink = chains(0.999f));
        return 2.0 * CHAINS * COUNT * STEPS * threads / best;
    }

    /** GB/s of adding up 128 MB. */
    static double reading(int threads) {
        float[] data = new float[READ];
        int share = READ / threads / (4 * COUNT) * (4 * COUNT);
        double best = best(threads, part -> sink = sum(data, part * share, (part + 1) * share));
        return (double) Float.BYTES * share * threads / best;
    }

    private interface Part {
        void run(int part);
    }

    /** Nanoseconds of the best run. */
    private static double best(int threads, Part body) {
        double best = Double.MAX_VALUE;
        for (int run = 0; run < RUNS; run++) {
            CountDownLatch ready = new CountDownLatch(threads);
            CountDownLatch done = new CountDownLatch(threads);
            long[] starts = new long[threads];
            long[] ends = new long[threads];
            for (int part = 0; part < threads; part++) {
                int number = part;
                Thread.ofPlatform().daemon().start(() -> {
                    ready.countDown();
                    await(ready);
                    starts[number] = System.nanoTime();
                    body.run(number);
                    ends[number] = System.nanoTime();
                    done.countDown();
                });
            }
            await(done);
            long start = Long.MAX_VALUE;
            long end = Long.MIN_VALUE;
            for (int part = 0; part < threads; part++) {
                start = Math.min(start, starts[part]);
                end = Math.max(end, ends[part]);
            }
            best = Math.min(best, end - start);
        }
        return best;
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static float chains(float factor) {
        FloatVector m = FloatVector.broadcast(FLOATS, factor);
        FloatVector c = FloatVector.broadcast(FLOATS, 1e-3f);
        FloatVector s0 = m;
        FloatVector s1 = m;
        FloatVector s2 = m;
        FloatVector s3 = m;
        FloatVector s4 = m;
        FloatVector s5 = m;
        FloatVector s6 = m;
        FloatVector s7 = m;
        FloatVector s8 = m;
        FloatVector s9 = m;
        FloatVector s10 = m;
        FloatVector s11 = m;
        for (int n = 0; n < STEPS; n++) {
            s0 = s0.fma(m, c);
            s1 = s1.fma(m, c);
            s2 = s2.fma(m, c);
            s3 = s3.fma(m, c);
            s4 = s4.fma(m, c);
            s5 = s5.fma(m, c);
            s6 = s6.fma(m, c);
            s7 = s7.fma(m, c);
            s8 = s8.fma(m, c);
            s9 = s9.fma(m, c);
            s10 = s10.fma(m, c);
            s11 = s11.fma(m, c);
        }
        return s0.add(s1).add(s2).add(s3).add(s4).add(s5).add(s6).add(s7).add(s8).add(s9).add(s10).add(s11).lane(0);
    }

    private static float sum(float[] data, int from, int to) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int n = from; n < to; n += 4 * COUNT) {
            s0 = s0.add(FloatVector.fromArray(FLOATS, data, n));
            s1 = s1.add(FloatVector.fromArray(FLOATS, data, n + COUNT));
            s2 = s2.add(FloatVector.fromArray(FLOATS, data, n + 2 * COUNT));
            s3 = s3.add(FloatVector.fromArray(FLOATS, data, n + 3 * COUNT));
        }
        return s0.add(s1).add(s2).add(s3).lane(0);
    }
}
