package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The backward pass in vectors: D for all queries, then one pass over tiles of keys. */
final class VectorGradients {
    static final List<String> KERNELS = List.of("delta", "flash-backward");

    /** Queries that one task of the pass for D takes. */
    private static final int DELTA_ROWS = 1024;

    private final AttentionSpec spec;
    private final Call call;
    private final Workers workers;
    private final Tiles tiles;
    private final @Nullable VectorBackward[] states;

    VectorGradients(AttentionSpec spec, Call call, Workers workers) {
        this.spec = spec;
        this.call = call;
        this.workers = workers;
        this.tiles = VectorTiles.ofKeys(spec);
        this.states = new VectorBackward[workers.count()];
    }

    /** Fills D, dQ (zero so far), dK and dV. */
    void run(BackwardTensors t, Tensor out) {
        int queries = t.delta().length;
        workers.run(Math.ceilDiv(queries, DELTA_ROWS), (worker, task) ->
                of(worker).delta(t, out, task * DELTA_ROWS, (int) Math.min(queries, (task + 1L) * DELTA_ROWS)));
        int rows = spec.batch() * spec.kvHeads();
        OrderedTiles order = new OrderedTiles(rows, tiles.count());
        // Neighboring tasks belong to different heads, so that they seldom wait for each other.
        workers.run(Math.multiplyExact(rows, tiles.count()), (worker, task) -> {
            int tile = task / rows;
            int row = task % rows;
            try {
                tile(of(worker), t, order, row, tile);
            } catch (RuntimeException | Error failure) {
                order.fail(failure);
                throw failure;
            }
        });
    }

    private void tile(VectorBackward state, BackwardTensors t, OrderedTiles order, int row, int tile) {
        if (tiles.start(tile) < tiles.end(tile)) {
            state.run(t, row / spec.kvHeads(), row % spec.kvHeads(), tiles.start(tile), tiles.end(tile), order, row, tile);
        } else {
            order.finish(row, tile);
        }
    }

    /** The worker's own state, made at its first task. */
    private VectorBackward of(int worker) {
        VectorBackward present = states[worker];
        if (present == null) {
            present = VectorTiles.backward(spec, call, tiles);
            states[worker] = present;
        }
        return present;
    }

    /** Bytes that all workers hold. */
    long bytes() {
        long bytes = 0;
        for (VectorBackward state : states) {
            bytes += state == null ? 0 : state.bytes();
        }
        return bytes;
    }
}
