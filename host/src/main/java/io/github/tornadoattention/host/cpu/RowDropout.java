package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.kernels.Dropout;

/** Multiplies rows of the score matrix by Z / (1 - p): 0 where dropout drops the pair. */
final class RowDropout {
    private final boolean active;
    private final int heads;
    private final int threshold;
    private final float factor;
    private final Call call;

    RowDropout(AttentionSpec spec, Call call) {
        this.active = spec.dropout() > 0;
        this.heads = spec.heads();
        this.threshold = Dropout.threshold(spec.dropout());
        this.factor = (float) (1 / (1 - spec.dropout()));
        this.call = call;
    }

    /** Whether there is anything to do. */
    boolean active() {
        return active;
    }

    /** {@code row[y]} belongs to query {@code i} and key {@code firstKey + y}, of entry {@code b} and query head {@code h}. */
    void alongKeys(float[] row, int b, int h, int i, int firstKey, int from, int to) {
        int y = from;
        while (y < to) {
            int key = firstKey + y;
            int kept = kept(b, h, i, key) >> key % 4;
            int end = Math.min(to, y + 4 - key % 4);
            for (; y < end; y++) {
                row[y] = (kept & 1) == 0 ? 0f : row[y] * factor;
                kept >>= 1;
            }
        }
    }

    /** {@code row[y]} belongs to query {@code firstQuery + y} and key {@code j}. */
    void alongQueries(float[] row, int b, int h, int firstQuery, int j, int from, int to) {
        for (int y = from; y < to; y++) {
            int kept = kept(b, h, firstQuery + y, j) >> j % 4;
            row[y] = (kept & 1) == 0 ? 0f : row[y] * factor;
        }
    }

    private int kept(int b, int h, int query, int key) {
        return Dropout.kept(query, key / 4, (call.firstEntry() + b) * heads + h, call.seedLow(),
                call.seedHigh(), call.dropoutOffset(),
                threshold);
    }
}
