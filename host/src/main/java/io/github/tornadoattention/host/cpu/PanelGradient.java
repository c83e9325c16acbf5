package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.COUNT;
import static io.github.tornadoattention.host.cpu.Lanes.FLOATS;
import static io.github.tornadoattention.host.cpu.Lanes.WIDTH;

import jdk.incubator.vector.FloatVector;

/** The softmax of a panel seen backward: one key a lane, one query a row. */
final class PanelGradient {
    private PanelGradient() {}

    /** {@code P = exp(S - lse)} in place of S, with one lse a row, the first at {@code skip}. */
    static void probabilities(float[] a, int s, int count, float[] lse, int skip) {
        for (int x = 0; x < count; x++) {
            FloatVector reference = FloatVector.broadcast(FLOATS, lse[skip + x]);
            for (int at = s + x * WIDTH; at < s + (x + 1) * WIDTH; at += COUNT) {
                VectorExponential.exp(FloatVector.fromArray(FLOATS, a, at).sub(reference)).intoArray(a, at);
            }
        }
    }

    /** {@code dS = P ∘ (dP - D)} in place of dP, with one D a row, the first at {@code skip}. */
    static void scores(float[] a, int p, int dp, int count, float[] delta, int skip) {
        for (int x = 0; x < count; x++) {
            FloatVector d = FloatVector.broadcast(FLOATS, delta[skip + x]);
            for (int y = x * WIDTH; y < (x + 1) * WIDTH; y += COUNT) {
                FloatVector.fromArray(FLOATS, a, dp + y).sub(d).mul(FloatVector.fromArray(FLOATS, a, p + y)).intoArray(a, dp + y);
            }
        }
    }

    /** {@code dS = dS ∘ slopes}. */
    static void multiply(float[] a, int ds, int slopes, int count) {
        for (int y = 0; y < count * WIDTH; y += COUNT) {
            FloatVector.fromArray(FLOATS, a, ds + y).mul(FloatVector.fromArray(FLOATS, a, slopes + y)).intoArray(a, ds + y);
        }
    }

    /** Puts zeros where row {@code x} is hidden: outside {@code from[x] <= y < to[x]}. */
    static void hide(float[] a, int s, int count, int[] from, int[] to) {
        for (int x = 0; x < count; x++) {
            for (int y = 0; y < WIDTH; y += COUNT) {
                if (from[x] > y || to[x] < y + COUNT) {
                    int at = s + x * WIDTH + y;
                    FloatVector.zero(FLOATS)
                            .blend(FloatVector.fromArray(FLOATS, a, at), Lanes.between(from[x] - y, to[x] - y))
                            .intoArray(a, at);
                }
            }
        }
    }
}
