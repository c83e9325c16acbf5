package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.Tolerance;
import io.github.tornadoattention.host.reference.Exact;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * One algorithm on one backend: first compared with float64, then timed, then compared again.
 *
 * @param backend who computed
 * @param algorithm how
 * @param first the comparison of the very first results
 * @param last the comparison of the last results that were timed; the same as {@code first} if that failed
 * @param forwardNanos median of the forward passes, 0 if nothing was timed
 * @param backwardNanos median of the backward passes, 0 if nothing was timed
 * @param inKernels whether these are times in kernels, else from call to result
 * @param runs how many were timed
 * @param extraBytes peak memory beyond inputs and outputs
 */
record DemoRow(Backend backend, Algorithm algorithm, Comparison first, Comparison last, long forwardNanos, long backwardNanos,
        boolean inKernels, int runs, long extraBytes) {
    /** Warm when nothing became faster for this long: the JVM's compiler may take seconds for the vector code. */
    private static final long STEADY_NANOS = 1_500_000_000L;
    private static final long MOST_WARM_UP_NANOS = 12_000_000_000L;
    private static final double FASTER = 0.9;
    private static final long TIMED_NANOS = 1_000_000_000L;
    private static final int MOST_RUNS = 30;

    /** A few runs at least, so that a median means something. */
    private static final int FEWEST_RUNS = 3;

    static DemoRow of(Backend backend, Algorithm algorithm, DemoInput input, Exact exact, Tolerance tolerance) {
        try (Attention attention = Attention.on(backend.profiled(), input.spec(), algorithm)) {
            Pair pair = Pair.of(attention, input);
            Comparison first = pair.compare(input, exact, tolerance);
            long extra = Math.max(pair.forward.report().extraBytes(), pair.backward.report().extraBytes());
            if (!first.passed()) {
                return new DemoRow(backend, algorithm, first, first, 0, 0, false, 0, extra);
            }
            warmUp(attention, input);
            List<Pair> timed = new ArrayList<>();
            long start = System.nanoTime();
            while (timed.size() < FEWEST_RUNS || timed.size() < MOST_RUNS && System.nanoTime() - start < TIMED_NANOS) {
                timed.add(Pair.of(attention, input));
            }
            boolean inKernels = timed.stream().allMatch(Pair::kernelTimesKnown);
            ToLongFunction<Report> clock = inKernels ? Report::kernelNanos : Report::wallNanos;
            return new DemoRow(backend, algorithm, first, timed.getLast().compare(input, exact, tolerance),
                    median(timed.stream().map(p -> clock.applyAsLong(p.forward.report())).toList()),
                    median(timed.stream().map(p -> clock.applyAsLong(p.backward.report())).toList()),
                    inKernels, timed.size(), extra);
        }
    }

    private static void warmUp(Attention attention, DemoInput input) {
        long start = System.nanoTime();
        long steadySince = start;
        double best = Double.MAX_VALUE;
        long now = start;
        while (now - steadySince < STEADY_NANOS && now - start < MOST_WARM_UP_NANOS) {
            Pair.of(attention, input);
            long end = System.nanoTime();
            if (end - now < FASTER * best) {
                best = end - now;
                steadySince = end;
            }
            now = end;
        }
    }

    /** Whether every result was within tolerance. */
    boolean passed() {
        return first.passed() && last.passed();
    }

    /** The largest error of out, first and last taken together. */
    double outError() {
        return Math.max(first.outError(), last.outError());
    }

    /** The largest error of the gradients, first and last taken together. */
    double gradientError() {
        return Math.max(gradientError(first), gradientError(last));
    }

    private static double gradientError(Comparison comparison) {
        return Math.max(comparison.dqError(), Math.max(comparison.dkError(), comparison.dvError()));
    }

    /** What is wrong; empty if nothing is. */
    String failure() {
        return first.passed() ? last.firstFailure() : first.firstFailure();
    }

    private static long median(List<Long> nanos) {
        List<Long> sorted = new ArrayList<>(nanos);
        Collections.sort(sorted);
        return sorted.get(sorted.size() / 2);
    }

    /** A forward pass and its backward pass. */
    private record Pair(Forward forward, Gradients backward) {
        static Pair of(Attention attention, DemoInput input) {
            Forward forward = attention.forward(input.q(), input.k(), input.v());
            return new Pair(forward, attention.backward(input.dOut(), forward));
        }

        boolean kernelTimesKnown() {
            return forward.report().kernelNanos() > 0 && backward.report().kernelNanos() > 0;
        }

        Comparison compare(DemoInput input, Exact exact, Tolerance tolerance) {
            return Comparison.of(input.spec(), exact, forward, backward, tolerance);
        }
    }
}
