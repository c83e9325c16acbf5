package io.github.tornadoattention.bench;

import java.util.Arrays;

/** Times of one thing measured again and again, in nanoseconds. */
public record Times(long[] sorted) {
    /** Sorts a copy. */
    public Times {
        sorted = sorted.clone();
        Arrays.sort(sorted);
    }

    /** Milliseconds below which this share of the runs lies: 0.5 is the median. */
    public double milliseconds(double share) {
        return sorted[(int) Math.min(sorted.length - 1L, Math.round(share * (sorted.length - 1)))] / 1e6;
    }

    /** The middle one, in milliseconds. */
    public double median() {
        return milliseconds(0.5);
    }

    /** A copy. */
    @Override
    public long[] sorted() {
        return sorted.clone();
    }
}
