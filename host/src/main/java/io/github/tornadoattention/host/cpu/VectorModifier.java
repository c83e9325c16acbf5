package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.COUNT;
import static io.github.tornadoattention.host.cpu.Lanes.WIDTH;
import static io.github.tornadoattention.host.cpu.Lanes.all;
import static io.github.tornadoattention.host.cpu.Lanes.at;

import io.github.tornadoattention.host.AttentionSpec;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** What happens to a score after scaling, in vectors: softcap, then the ALiBi bias, as {@link ScoreModifier} on plain floats. */
final class VectorModifier {
    private static final FloatVector STEPS = FloatVector.zero(Lanes.FLOATS).addIndex(1);

    private final AttentionSpec spec;
    private final float cap;
    private final boolean active;

    VectorModifier(AttentionSpec spec) {
        this.spec = spec;
        this.cap = (float) spec.softcap();
        this.active = cap != 0 || spec.alibiSlopes() != null;
    }

    /** Whether there is anything to do. */
    boolean active() {
        return active;
    }

    /** Whether the modified score is a non-linear function of the score, so that gradients need the slopes. */
    boolean curved() {
        return cap != 0;
    }

    /** The largest magnitude that the bias may have. */
    float largestBias() {
        float largest = 0;
        for (int h = 0; h < spec.heads(); h++) {
            largest = Math.max(largest, Math.abs(spec.alibiSlope(h)));
        }
        return largest * ((float) spec.seqQ() + spec.seqK());
    }

    /**
     * {@code s[x][y] = cap * tanh(s[x][y] / cap) - slope * |distance + step * x + y|}.
     *
     * @param s offset of the scores, {@code [count][WIDTH]}
     * @param distance signed distance from the diagonal at {@code x = y = 0}; it changes by -1 with x and by 1 with y
     * @param slopes offset of room for d(modified score) / d(score), -1 if nobody needs it
     */
    void apply(float[] a, int s, int count, int head, long distance, int slopes) {
        if (cap != 0) {
            softcap(a, s, count, slopes);
        }
        float slope = spec.alibiSlope(head);
        if (slope != 0) {
            for (int x = 0; x < count; x++) {
                for (int y = 0; y < WIDTH; y += COUNT) {
                    int at = s + x * WIDTH + y;
                    FloatVector bias = STEPS.add((float) (distance - x + y)).abs().mul(slope);
                    at(a, at).sub(bias).intoArray(a, at);
                }
            }
        }
    }

    private void softcap(float[] a, int s, int count, int slopes) {
        for (int n = 0; n < count * WIDTH; n += COUNT) {
            FloatVector t = tanh(at(a, s + n).div(cap));
            t.mul(cap).intoArray(a, s + n);
            if (slopes >= 0) {
                t.neg().fma(t, all(1f)).intoArray(a, slopes + n);
            }
        }
    }

    /** Below 0.625 the odd polynomial of the Cephes library, above it {@code 1 - 2 / (exp(2|x|) + 1)}; NaN stays NaN. */
    static FloatVector tanh(FloatVector x) {
        FloatVector magnitude = x.abs();
        VectorMask<Float> large = magnitude.compare(VectorOperators.GT, 20f);
        FloatVector e = VectorExponential.exp(magnitude.blend(20f, large).mul(2f));
        FloatVector far = all(1f).sub(all(2f).div(e.add(1f)));
        far = far.blend(far.neg(), x.compare(VectorOperators.LT, 0f));
        FloatVector square = x.mul(x);
        FloatVector p = all(-5.70498872745e-3f);
        p = p.fma(square, all(2.06390887954e-2f));
        p = p.fma(square, all(-5.37397155531e-2f));
        p = p.fma(square, all(1.33314422036e-1f));
        p = p.fma(square, all(-3.33332819422e-1f));
        FloatVector near = p.mul(square).fma(x, x);
        return far.blend(near, magnitude.compare(VectorOperators.LT, 0.625f));
    }
}
