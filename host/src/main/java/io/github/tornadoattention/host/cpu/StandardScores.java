package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import java.util.Arrays;

/** One row of S, the same in both directions. */
final class StandardScores {
    private StandardScores() {}

    /**
     * {@code s[j] = modified(scale * dot(q_row, k_j))} for the keys in the worker's runs; the modifier's derivative
     * goes to the worker's slope.
     *
     * @param kColumns keys as columns
     * @param first first of this head's columns
     * @param b entry
     * @param h query head
     * @param row row of q, counted over entries, heads and queries
     * @param i query
     */
    static void row(
            AttentionSpec spec, StandardRows.Worker worker, Tensor q, float[][] kColumns, int first,
            float[] s, int b, int h, int row, int i) {
        int headDim = spec.headDim();
        q.read((long) row * headDim, worker.item, 0, headDim);
        for (int d = 0; d < headDim; d++) {
            worker.item[d] *= (float) spec.scale();
        }
        for (int run = 0; run < worker.runs.count(); run++) {
            int from = worker.runs.start(run);
            int to = worker.runs.end(run);
            Arrays.fill(s, from, to, 0f);
            RowUpdate.addRows(s, worker.item, 0, kColumns, first, headDim, from, to);
            if (worker.modifier.active()) {
                boolean curved = worker.modifier.curved();
                worker.modifier.apply(s, h, -((long) i + spec.diagonal()), curved ? worker.slope : null, from, to);
            }
            if (worker.tables.active()) {
                worker.tables.alongKeys(s, b, h, i, 0, from, to, PairTables.FINITE);
            }
        }
    }
}
