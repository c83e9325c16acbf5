package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import org.jspecify.annotations.Nullable;

/**
 * What happens to a score after scaling: softcap, then the ALiBi bias. Adding an option that changes scores means changing this
 * class alone.
 */
final class ScoreModifier {
    private final AttentionSpec spec;
    private final float cap;
    private final boolean active;
    /** 0, 1, 2, ...: distances along a row, as floats. */
    private final float[] steps;

    /** For rows of up to this many columns. */
    ScoreModifier(AttentionSpec spec, int columns, Scratch scratch) {
        this.spec = spec;
        this.cap = (float) spec.softcap();
        this.active = cap != 0 || spec.alibiSlopes() != null;
        this.steps = scratch.floats(spec.alibiSlopes() == null ? 0 : columns);
        for (int y = 0; y < steps.length; y++) {
            steps[y] = y;
        }
    }

    /** Whether there is anything to do. */
    boolean active() {
        return active;
    }

    /** Whether the modified score is a non-linear function of the score, so that gradients need {@code derivative}. */
    boolean curved() {
        return cap != 0;
    }

    /**
     * {@code s[y] = cap * tanh(s[y] / cap) - slope * |distance + y|}.
     *
     * @param head query head
     * @param distance signed distance from the diagonal at {@code y = 0}; it grows by 1 with {@code y}
     * @param derivative gets d(modified score) / d(score) where {@link #curved}; null if nobody needs it
     */
    void apply(float[] s, int head, long distance, float @Nullable [] derivative, int from, int to) {
        if (cap != 0) {
            softcap(s, derivative, from, to);
        }
        float slope = spec.alibiSlope(head);
        if (slope != 0) {
            float start = distance;
            for (int y = from; y < to; y++) {
                s[y] -= slope * Math.abs(start + steps[y]);
            }
        }
    }

    private void softcap(float[] s, float @Nullable [] derivative, int from, int to) {
        for (int y = from; y < to; y++) {
            double t = Math.tanh((double) s[y] / cap);
            s[y] = (float) (cap * t);
            if (derivative != null) {
                derivative[y] = (float) (1 - t * t);
            }
        }
    }
}
