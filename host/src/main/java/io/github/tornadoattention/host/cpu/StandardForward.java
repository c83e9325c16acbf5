package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import java.util.Arrays;

/** The three passes of the standard forward, with S and P between them. Hidden pairs are left out of every loop. */
final class StandardForward {
    private final AttentionSpec spec;
    private final Scratch scratch = new Scratch();
    private final StandardRows rows;
    private final Tensor q;
    private final Tensor out;
    private final Tensor lse;
    private final float[][] kColumns;
    private final float[][] vRows;
    private final float[][] s;
    private final float[][] p;

    StandardForward(AttentionSpec spec, Call call, Workers workers, AttentionInputs inputs, Tensor out, Tensor lse) {
        this.spec = spec;
        this.rows = new StandardRows(spec, call, workers, scratch);
        this.q = inputs.q();
        this.out = out;
        this.lse = lse;
        this.kColumns = rows.columns(rows.rows(inputs.k()));
        this.vRows = rows.rows(inputs.v());
        this.s = rows.scoreMatrix();
        this.p = rows.scoreMatrix();
    }

    long bytes() {
        return scratch.bytes();
    }

    /** S = scale · Q Kᵀ, softcap and bias included. */
    void scores() {
        rows.forEachRow((worker, row, b, h, i) ->
                StandardScores.row(spec, worker, q, kColumns, rows.firstColumn(b, h), s[row], b, h, row, i));
    }

    /** P = softmax(S) by row, lse with it, then dropout. */
    void softmax() {
        rows.forEachRow((worker, row, b, h, i) -> {
            Runs runs = worker.runs;
            float max = Float.NEGATIVE_INFINITY;
            for (int run = 0; run < runs.count(); run++) {
                for (int j = runs.start(run); j < runs.end(run); j++) {
                    max = Math.max(max, s[row][j]);
                }
            }
            float sum = 0;
            for (int run = 0; run < runs.count(); run++) {
                int count = runs.end(run) - runs.start(run);
                System.arraycopy(s[row], runs.start(run), p[row], runs.start(run), count);
                worker.math.exp(p[row], max, runs.start(run), runs.end(run));
                if (worker.tables.active()) {
                    worker.tables.hideAlongKeys(p[row], b, h, i, 0, runs.start(run), runs.end(run));
                }
                for (int j = runs.start(run); j < runs.end(run); j++) {
                    sum += p[row][j];
                }
            }
            for (int run = 0; run < runs.count(); run++) {
                for (int j = runs.start(run); j < runs.end(run); j++) {
                    p[row][j] = sum == 0 ? 0 : p[row][j] / sum;
                }
                if (worker.dropout.active()) {
                    worker.dropout.alongKeys(p[row], b, h, i, 0, runs.start(run), runs.end(run));
                }
            }
            boolean empty = sum == 0;
            worker.item[0] = empty ? Float.NEGATIVE_INFINITY : (float) (max + Math.log(sum));
            lse.write(worker.item, 0, row, 1);
        });
    }

    /** O = P V. */
    void weightedSums() {
        rows.forEachRow((worker, row, b, h, i) -> {
            Runs runs = worker.runs;
            Arrays.fill(worker.item, 0f);
            for (int run = 0; run < runs.count(); run++) {
                int j = runs.start(run);
                RowUpdate.addRows(worker.item, p[row], j, vRows, rows.firstRow(b, h) + j, runs.end(run) - j, 0, spec.headDim());
            }
            out.write(worker.item, 0, (long) row * spec.headDim(), spec.headDim());
        });
    }
}
