package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;

/** What happens to a score between the product of query and key and the softmax: softcap, then ALiBi. */
final class Score {
    private Score() {
    }

    /** The score of a visible pair from {@code s = scale * q . k}; a score that is not finite becomes NaN, so that it cannot pass for a masked one. */
    static float modified(int options, float s, float softcap, float slope, int query, int key, int diagonal) {
        float x = s;
        if ((options & Options.SOFTCAP) != 0) {
            x = softcap * TornadoMath.tanh(x / softcap);
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
            float t = TornadoMath.tanh(s / softcap);
            d = 1f - t * t;
        }
        return d;
    }
}
