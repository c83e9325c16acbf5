package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionInputs;

/** What a plan's workers read of the call that they work for, besides its tensors: set before they start. */
final class Call {
    private long seed;
    private int dropoutOffset;

    void begin(AttentionInputs inputs) {
        seed = inputs.seed();
        dropoutOffset = inputs.dropoutOffset();
    }

    int seedLow() {
        return (int) seed;
    }

    int seedHigh() {
        return (int) (seed >>> 32);
    }

    int dropoutOffset() {
        return dropoutOffset;
    }
}
