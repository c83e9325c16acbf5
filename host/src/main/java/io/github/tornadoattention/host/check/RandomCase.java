package io.github.tornadoattention.host.check;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Backend;

/** Something drawn at random that any backend can compute and that float64 can judge. */
public interface RandomCase {
    /** What it computes, in words. */
    String what();

    /**
     * Computes it and compares each result with float64.
     *
     * @return the first element that is off by more than is allowed, in words; empty if there is none
     */
    String failure(Backend backend, Algorithm algorithm);
}
