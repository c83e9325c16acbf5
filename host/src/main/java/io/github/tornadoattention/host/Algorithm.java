package io.github.tornadoattention.host;

/** How the same numbers are computed. */
public enum Algorithm {
    /** Tiled, with an online softmax and recomputation in the backward pass: memory linear in the sequence. */
    FLASH,
    /** The textbook way that writes out the score and probability matrices: memory {@code seqQ x seqK} a head. */
    STANDARD
}
