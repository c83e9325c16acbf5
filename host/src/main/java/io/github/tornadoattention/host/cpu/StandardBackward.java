package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Tensor;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The four passes of the standard backward, with P and dS between them. Hidden pairs are left out of every loop. */
final class StandardBackward {
    /** Keys that one task of the last pass takes. */
    private static final int KEYS = 64;

    private final AttentionSpec spec;
    private final Workers workers;
    private final Forward f;
    private final Tensor dOut;
    private final Tensor dq;
    private final Tensor dk;
    private final Tensor dv;
    private final Scratch scratch = new Scratch();
    private final StandardRows rows;
    private final float[][] kRows;
    private final float[][] kColumns;
    private final float[][] vColumns;
    private final float[][] p;
    private final float[][] ds;
    private final float[] lse;
    /** dS without the cap's derivative, for the gradient of the bias. */
    private final float @Nullable [][] biased;

    StandardBackward(AttentionSpec spec, Call call, Workers workers, Forward f, Tensor dOut, Tensor dq, Tensor dk, Tensor dv) {
        this.spec = spec;
        this.workers = workers;
        this.f = f;
        this.dOut = dOut;
        this.dq = dq;
        this.dk = dk;
        this.dv = dv;
        this.rows = new StandardRows(spec, call, workers, scratch);
        this.kRows = rows.rows(f.k());
        this.kColumns = rows.columns(kRows);
        this.vColumns = rows.columns(rows.rows(f.v()));
        this.p = rows.scoreMatrix();
        this.ds = rows.scoreMatrix();
        this.lse = f.lse().toArray();
        BackwardTensors.emptyRows(lse, lse.length);
        this.biased = spec.biasShape() == null ? null : rows.scoreMatrix();
    }

    long bytes() {
        return scratch.bytes();
    }

    /** P = exp(S - lse); where scores are capped, dS starts as the cap's derivative. */
    void probabilities() {
        rows.forEachRow((worker, row, b, h, i) -> {
            Runs runs = worker.runs;
            StandardScores.row(spec, worker, f.q(), kColumns, rows.firstColumn(b, h), p[row], b, h, row, i);
            for (int run = 0; run < runs.count(); run++) {
                int from = runs.start(run);
                int to = runs.end(run);
                worker.math.exp(p[row], lse[row], from, to);
                if (worker.tables.active()) {
                    worker.tables.hideAlongKeys(p[row], b, h, i, 0, from, to);
                }
                if (worker.modifier.curved()) {
                    System.arraycopy(worker.slope, from, ds[row], from, to - from);
                } else {
                    Arrays.fill(ds[row], from, to, 1f);
                }
            }
        });
    }

    /** dS = P ∘ (Z ∘ dO Vᵀ / (1 - dropout) - rowsum(dO ∘ O)) ∘ derivative of the cap, and P = Z ∘ P / (1 - dropout) for dV. */
    void scoreGradients() {
        rows.forEachRow((worker, row, b, h, i) -> {
            Runs runs = worker.runs;
            int headDim = spec.headDim();
            float[] dO = worker.other;
            dOut.read((long) row * headDim, dO, 0, headDim);
            f.out().read((long) row * headDim, worker.item, 0, headDim);
            float delta = 0;
            for (int d = 0; d < headDim; d++) {
                delta += dO[d] * worker.item[d];
            }
            float[] dp = worker.dp;
            for (int run = 0; run < runs.count(); run++) {
                int from = runs.start(run);
                int to = runs.end(run);
                Arrays.fill(dp, from, to, 0f);
                RowUpdate.addRows(dp, dO, 0, vColumns, rows.firstColumn(b, h), headDim, from, to);
                if (worker.dropout.active()) {
                    worker.dropout.alongKeys(dp, b, h, i, 0, from, to);
                }
                worker.math.softmaxGradient(dp, p[row], delta, from, to);
                if (worker.dropout.active()) {
                    worker.dropout.alongKeys(p[row], b, h, i, 0, from, to);
                }
                worker.math.multiply(ds[row], dp, from, to);
                if (biased != null) {
                    System.arraycopy(dp, from, biased[row], from, to - from);
                }
            }
        });
    }

    /** dBias = dS, summed over what shares an element. */
    void biasGradient(Tensor dBias) {
        float[][] from = Objects.requireNonNull(biased);
        int[] shape = Objects.requireNonNull(spec.biasShape());
        workers.run(shape[0] * shape[1] * shape[2], (worker, task) -> {
            int entry = task / shape[2] / shape[1];
            int head = task / shape[2] % shape[1];
            int query = task % shape[2];
            float[] sums = new float[shape[3]];
            Runs runs = new Runs(spec);
            for (int b = entry; b < (shape[0] == 1 ? spec.batch() : entry + 1); b++) {
                for (int h = head; h < (shape[1] == 1 ? spec.heads() : head + 1); h++) {
                    for (int i = query; i < (shape[2] == 1 ? spec.seqQ() : query + 1); i++) {
                        addRow(sums, from[(b * spec.heads() + h) * spec.seqQ() + i], runs, b, h, i);
                    }
                }
            }
            dBias.write(sums, 0, (long) task * shape[3], shape[3]);
        });
    }

    private void addRow(float[] sums, float[] row, Runs runs, int b, int h, int i) {
        runs.ofKeys(b, h, i, i + 1);
        for (int run = 0; run < runs.count(); run++) {
            for (int j = runs.start(run); j < runs.end(run); j++) {
                sums[sums.length == 1 ? 0 : j] += row[j];
            }
        }
    }

    /** dQ = scale · dS K. */
    void queryGradients() {
        rows.forEachRow((worker, row, b, h, i) -> {
            Runs runs = worker.runs;
            int headDim = spec.headDim();
            Arrays.fill(worker.item, 0f);
            for (int run = 0; run < runs.count(); run++) {
                int j = runs.start(run);
                RowUpdate.addRows(worker.item, ds[row], j, kRows, rows.firstRow(b, h) + j, runs.end(run) - j, 0, headDim);
            }
            write(worker.item, (float) spec.scale(), dq, row);
        });
    }

    /** dV = Pᵀ dO and dK = scale · dSᵀ Q, both summed over the query heads of the group. */
    void keyGradients() {
        int pieces = Math.ceilDiv(spec.seqK(), KEYS);
        int headDim = spec.headDim();
        workers.run(spec.batch() * spec.kvHeads() * pieces, (worker, task) -> {
            int head = task / pieces;
            int b = head / spec.kvHeads();
            int j0 = task % pieces * KEYS;
            int j1 = Math.min(spec.seqK(), j0 + KEYS);
            float[][] dkRows = new float[j1 - j0][headDim];
            float[][] dvRows = new float[j1 - j0][headDim];
            float[] q = new float[headDim];
            float[] dO = new float[headDim];
            Runs runs = new Runs(spec);
            int group = spec.heads() / spec.kvHeads();
            for (int h = head % spec.kvHeads() * group; h < (head % spec.kvHeads() + 1) * group; h++) {
                for (int i = 0; i < spec.seqQ(); i++) {
                    int row = (b * spec.heads() + h) * spec.seqQ() + i;
                    f.q().read((long) row * headDim, q, 0, headDim);
                    dOut.read((long) row * headDim, dO, 0, headDim);
                    runs.ofKeys(b, h, i, i + 1);
                    for (int run = 0; run < runs.count(); run++) {
                        for (int j = Math.max(j0, runs.start(run)); j < Math.min(j1, runs.end(run)); j++) {
                            RowUpdate.addOne(dvRows[j - j0], dO, p[row][j], 0, headDim);
                            RowUpdate.addOne(dkRows[j - j0], q, ds[row][j], 0, headDim);
                        }
                    }
                }
            }
            for (int j = j0; j < j1; j++) {
                write(dkRows[j - j0], (float) spec.scale(), dk, head * spec.seqK() + j);
                write(dvRows[j - j0], 1f, dv, head * spec.seqK() + j);
            }
        });
    }

    private static void write(float[] item, float factor, Tensor into, int row) {
        for (int d = 0; d < item.length; d++) {
            item[d] *= factor;
        }
        into.write(item, 0, (long) row * item.length, item.length);
    }
}
