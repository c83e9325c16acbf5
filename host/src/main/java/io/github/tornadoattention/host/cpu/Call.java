package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.Broadcast;
import io.github.tornadoattention.host.DenseMask;
import io.github.tornadoattention.host.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** What a plan's workers read of the call that they work for, besides queries, keys and values: set before they start. */
final class Call {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private long seed;
    private int dropoutOffset;
    private int firstEntry;
    private @Nullable DenseMask mask;
    private @Nullable MemorySegment bias;
    private Broadcast biasAt = new Broadcast(0, 0, 0, 0);

    void begin(AttentionInputs inputs) {
        seed = inputs.seed();
        dropoutOffset = inputs.dropoutOffset();
        firstEntry = inputs.firstEntry();
        mask = inputs.mask();
        Tensor given = inputs.bias();
        bias = given == null ? null : given.segment();
        biasAt = given == null ? biasAt : Broadcast.of(given.shape());
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

    /** What the dropout counts batch entry 0 as. */
    int firstEntry() {
        return firstEntry;
    }

    /** The bias of a pair, 0 without one. */
    float bias(int b, int h, int i, int j) {
        MemorySegment present = bias;
        return present == null ? 0f : present.get(FLOAT, (long) Float.BYTES * biasAt.at(b, h, i, j));
    }

    /** Whether the mask hides a pair, or a bias of negative infinity. */
    boolean hides(int b, int h, int i, int j) {
        DenseMask present = mask;
        return (present != null && !present.isVisible(b, h, i, j)) || bias(b, h, i, j) == Float.NEGATIVE_INFINITY;
    }
}
