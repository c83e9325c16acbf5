package io.github.tornadoattention.host.check;

/** The ways into the library of which each has random cases of its own. */
public enum RandomKind {
    /** A batch of sequences of one length, forward and backward, every option of a spec: {@link RandomSpecs}. */
    ONE_PASS,
    /** Sequences of different lengths behind each other, forward and backward: {@link RandomPacked}. */
    PACKED,
    /** As {@link #ONE_PASS}, with so little device memory that blocks are streamed through it: {@link RandomStreamed}. */
    STREAMED,
    /** Steps with a cache that grows: {@link RandomDecoding}. */
    DECODING;

    /**
     * Draws a case; the same seed gives the same one on every machine.
     *
     * @param seed any number
     * @param longest most queries and most keys of a sequence, at least 1
     */
    public RandomCase draw(long seed, int longest) {
        return switch (this) {
            case ONE_PASS -> RandomSpecs.draw(seed, longest);
            case PACKED -> RandomPacked.draw(seed, longest);
            case STREAMED -> RandomStreamed.draw(seed, longest);
            case DECODING -> RandomDecoding.draw(seed, longest);
        };
    }

    /** Whether it is there by the standard algorithm, too. */
    public boolean hasStandard() {
        return this == ONE_PASS || this == PACKED;
    }
}
