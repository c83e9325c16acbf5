package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;

/** What happens to a score between the product of query and key and the softmax: softcap, then ALiBi. */
final class Score {
    private Score() {
    }

    /**
     * The score of a visible pair from {@code s = scale * q . k}; a score that is not finite becomes NaN, so that it cannot pass
     * for a masked one.
     */
    static float modified(int options, float s, float softcap, float slope, int query, int key, int diagonal) {
        float x = s;
        if ((options & Options.SOFTCAP) != 0) {
            x = softcap * tanh(x / softcap);
        }
        if ((options & Options.ALIBI) != 0) {
            int distance = query + diagonal - key;
            x = x - slope * (distance < 0 ? -distance : distance);
        }
        return x + (x - x);
    }

    /** d modified / d s, for the same {@code s}. */
    static float derivative(int options, float s, float softcap) {
        float d = 1f;
        if ((options & Options.SOFTCAP) != 0) {
            float t = tanh(s / softcap);
            d = 1f - t * t;
        }
        return d;
    }

    /**
     * Hyperbolic tangent to float32 accuracy on every device: PTX has only an approximation of 1e-4. Near 0 the odd power series,
     * whose next term is below half a unit in the last place there; elsewhere {@code (1 - e) / (1 + e)} with {@code e = exp(-2
     * |x|)}, which no argument overflows.
     */
    private static float tanh(float x) {
        float magnitude = x < 0f ? -x : x;
        float e = TornadoMath.exp(-2f * magnitude);
        float t = (1f - e) / (1f + e);
        float square = x * x;
        float series = magnitude * (1f
                + square * (-0.33333334f + square * (0.13333334f + square * (-0.053968254f + square * 0.021869488f))));
        float result = magnitude < 0.3f ? series : t;
        return x < 0f ? -result : result;
    }
}
