package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;

/**
 * What the work-items of the flash kernels read from and write to local memory, in floats, counted from their loops. Tiles count
 * whole and the head dim with its padding, as the kernels compute them.
 */
final class FlashLocalTraffic {
    private final AttentionSpec spec;

    FlashLocalTraffic(AttentionSpec spec) {
        this.spec = spec;
    }

    /** Head dim, rounded up to what a row of work-items shares. */
    private long width(Tiling t) {
        return (long) Math.ceilDiv(spec.headDim(), t.threadsX()) * t.threadsX();
    }

    /** Reads of a product of tiles: each work-item reads its rows of one factor and its columns of the other, for each term. */
    private static long product(Tiling t, long rows, long columns, long terms) {
        return terms * (rows * t.threadsX() + columns * t.threadsY());
    }

    void forward(KernelTraffic.Counter counter, Tiling t, VisitSums sum) {
        long width = width(t);
        long pairs = (long) t.blockQ() * t.blockK();
        long kept = spec.dropout() == 0 ? 0 : pairs;
        long lanes = (long) t.blockQ() * t.threadsX();
        // S = Q Kᵀ and P V; the row's maximum, of all work-items that share the row
        long reads = product(t, t.blockQ(), t.blockK(), width) + product(t, t.blockQ(), width, t.blockK())
                + lanes * t.threadsX() + kept;
        long writes = 2L * t.blockK() * width + lanes + pairs + kept;
        // besides, for each tile of queries: Q, and the row's sum
        counter.local(sum.visits() * reads + sum.tiles() * lanes * t.threadsX(),
                sum.visits() * writes + sum.tiles() * (t.blockQ() * width + lanes));
    }

    void keys(KernelTraffic.Counter counter, Tiling t, VisitSums sum) {
        long width = width(t);
        long pairs = (long) t.blockQ() * t.blockK();
        long kept = spec.dropout() == 0 ? 0 : pairs;
        // Sᵀ and dPᵀ, dV and dK; P once more for dS
        long reads = 2 * product(t, t.blockK(), t.blockQ(), width) + 2 * product(t, t.blockK(), width, t.blockQ())
                + pairs + kept;
        long writes = 2 * t.blockK() * width + 4 * t.blockQ() * width + 2 * pairs + kept;
        counter.local(sum.visits() * reads, sum.visits() * writes);
    }

    void queries(KernelTraffic.Counter counter, Tiling t, VisitSums sum) {
        long width = width(t);
        long pairs = (long) t.blockQ() * t.blockK();
        long kept = spec.dropout() == 0 ? 0 : pairs;
        // dP and S, dQ; dP once more for dS
        long reads = 2 * product(t, t.blockQ(), t.blockK(), width) + product(t, t.blockQ(), width, t.blockK()) + pairs + kept;
        long writes = 2 * t.blockQ() * width + 3 * t.blockK() * width + 2 * pairs + kept;
        counter.local(sum.visits() * reads, sum.visits() * writes);
    }
}
