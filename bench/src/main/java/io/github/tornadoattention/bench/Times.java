package io.github.tornadoattention.bench;

import java.util.Arrays;

/** Times of one thing measured again and again, in nanoseconds. */
public record Times(long[] sorted) {
    /** Sorts a copy. */
    public Times {
        sorted = sorted.clone();
        Arrays.sort(sorted);
    }

    /** Milliseconds of the run below which this share of the others lies; of two that are as near the slower one. */
    public double milliseconds(double share) {
        return sorted[(int) Math.min(sorted.length - 1L, Math.round(share * (sorted.length - 1)))] / 1e6;
    }

    /** The middle one, or the mean of the two in the middle, in milliseconds. */
    public double median() {
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] / 1e6 : (sorted[half - 1] + sorted[half]) / 2e6;
    }

    /** A copy. */
    @Override
    public long[] sorted() {
        return sorted.clone();
    }
}
