package io.github.tornadoattention.simulator.kernels;

/** A helper that the host uses too, so that it is loaded before any kernel that calls it. */
public final class EarlyHelper {

    private EarlyHelper() {
    }

    /** Loops until {@code n} divides by 7, which it never does for 1. */
    public static int endless(int n) {
        int i = n;
        while (i % 7 != 0) { // late
            i = i * 8 % 49;
        }
        return i;
    }
}
