package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import org.jspecify.annotations.Nullable;

/** What the standard passes share: rows of the score matrix by number, keys and values as rows and as columns. */
final class StandardRows {
    /** Rows of the score matrix that one task takes. */
    private static final int ROWS = 64;

    private final AttentionSpec spec;
    private final Call call;
    private final Workers workers;
    private final Scratch scratch;

    StandardRows(AttentionSpec spec, Call call, Workers workers, Scratch scratch) {
        this.spec = spec;
        this.call = call;
        this.workers = workers;
        this.scratch = scratch;
    }

    /** One row of the score matrix: entry, head and query. */
    interface RowTask {
        void run(Worker worker, int row, int b, int h, int i);
    }

    /** What a worker needs for itself. */
    static final class Worker {
        final Runs runs;
        final TileMath math;
        final ScoreModifier modifier;
        final PairTables tables;
        final RowDropout dropout;
        final float[] item;
        final float[] other;
        final float[] slope;
        final float[] dp;

        private Worker(AttentionSpec spec, Call call) {
            Scratch own = new Scratch();
            runs = new Runs(spec);
            math = new ScalarTileMath(spec.seqK());
            modifier = new ScoreModifier(spec, spec.seqK(), own);
            tables = new PairTables(spec, call);
            dropout = new RowDropout(spec, call);
            item = own.floats(spec.headDim());
            other = own.floats(spec.headDim());
            dp = own.floats(spec.seqK());
            slope = own.floats(modifier.curved() ? spec.seqK() : 0);
        }
    }

    /** Runs a task for each row {@code (b * heads + h) * seqQ + i}, with the worker's runs set to the keys that the row sees. */
    void forEachRow(RowTask task) {
        @Nullable Worker[] states = new Worker[workers.count()];
        int pieces = Math.ceilDiv(spec.seqQ(), ROWS);
        workers.run(Math.multiplyExact(spec.batch() * spec.heads(), pieces), (w, piece) -> {
            Worker worker = states[w] == null ? new Worker(spec, call) : states[w];
            states[w] = worker;
            int head = piece / pieces;
            int b = head / spec.heads();
            int h = head % spec.heads();
            for (int i = piece % pieces * ROWS; i < Math.min(spec.seqQ(), (piece % pieces + 1L) * ROWS); i++) {
                worker.runs.ofKeys(b, h, i, i + 1);
                task.run(worker, head * spec.seqQ() + i, b, h, i);
            }
        });
    }

    /** A matrix of one row for each query of each head. */
    float[][] scoreMatrix() {
        return scratch.rows(spec.batch() * spec.heads() * spec.seqQ(), spec.seqK());
    }

    /** The first row of a head's keys in {@link #rows}. */
    int firstRow(int b, int h) {
        return (b * spec.kvHeads() + spec.kvHead(h)) * spec.seqK();
    }

    /** The first row of a head's keys in {@link #columns}. */
    int firstColumn(int b, int h) {
        return (b * spec.kvHeads() + spec.kvHead(h)) * spec.headDim();
    }

    /** Keys or values as {@code [batch * kvHeads * seqK][headDim]}; those past a key length stay 0. */
    float[][] rows(Tensor tensor) {
        float[][] rows = scratch.rows(spec.batch() * spec.kvHeads() * spec.seqK(), spec.headDim());
        workers.run(spec.batch() * spec.kvHeads(), (worker, head) -> {
            int first = head * spec.seqK();
            for (int j = 0; j < spec.keyLength(head / spec.kvHeads()); j++) {
                tensor.read((long) (first + j) * spec.headDim(), rows[first + j], 0, spec.headDim());
            }
        });
        return rows;
    }

    /** Keys or values as {@code [batch * kvHeads * headDim][seqK]}; those past a key length stay 0. */
    float[][] columns(float[][] rows) {
        float[][] columns = scratch.rows(spec.batch() * spec.kvHeads() * spec.headDim(), spec.seqK());
        workers.run(columns.length, (worker, column) -> {
            int head = column / spec.headDim();
            int d = column % spec.headDim();
            for (int j = 0; j < spec.seqK(); j++) {
                columns[column][j] = rows[head * spec.seqK() + j][d];
            }
        });
        return columns;
    }
}
