package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.kernels.Dropout;
import io.github.tornadoattention.kernels.FlashBackwardBias;
import io.github.tornadoattention.kernels.FlashBackwardKeys;
import io.github.tornadoattention.kernels.FlashBackwardQueries;
import io.github.tornadoattention.kernels.FlashForward;
import io.github.tornadoattention.kernels.Options;
import io.github.tornadoattention.kernels.RowDots;
import io.github.tornadoattention.kernels.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The flash kernels over one block of queries and keys of a larger attention, for one batch entry and the query heads of one key
 * head. Where the block lies, how much of it there is and whose it is are data, so that two graphs, compiled once, serve all
 * blocks.
 */
final class BlockKernels implements AutoCloseable {
    private static final int NUMBERS = 4;

    final FloatArray q;
    final FloatArray k;
    final FloatArray v;
    final FloatArray out;
    final FloatArray lse;
    private final AttentionSpec spec;
    private final Platform.Device device;
    private final boolean profiled;
    private final BlockSize size;
    private final Limits limits;
    private final PlanTiles tiles;
    private final FloatArray numbers;
    private final int options;
    private final List<IntArray> shapes = new ArrayList<>();
    private final BlockTables tables;
    private @Nullable Gradient gradient;
    private @Nullable Stage forward;
    private @Nullable Stage backward;

    /** Arrays of the backward pass. */
    record Gradient(FloatArray dOut, FloatArray delta, FloatArray dq, FloatArray dk, FloatArray dv) {}

    /**
     * Where a block lies.
     *
     * @param batchHead {@code batch * heads + head} of its first query head
     * @param query its first query
     * @param queries how many there are
     * @param key its first key
     * @param keys how many of them exist
     */
    record Place(int batchHead, int query, int queries, int key, int keys) {}

    BlockKernels(AttentionSpec spec, Platform.Device device, Limits limits, boolean profiled, BlockSize size) {
        this.spec = spec;
        this.device = device;
        this.limits = limits;
        this.tiles = new PlanTiles(device, spec, 0, limits);
        this.profiled = profiled;
        this.size = size;
        this.tables = new BlockTables(spec, size);
        Arguments arguments = new Arguments(spec);
        this.numbers = arguments.numbers();
        this.options = arguments.options() & ~Options.BLOCKS | Options.PACKED;
        q = new FloatArray(size.queryElements());
        k = new FloatArray(size.keyElements());
        v = new FloatArray(size.keyElements());
        out = new FloatArray(size.queryElements());
        lse = new FloatArray(size.heads() * size.queries());
    }

    /** Arrays of the backward pass, made when first asked for. */
    Gradient gradient() {
        if (gradient == null) {
            gradient = new Gradient(new FloatArray(q.getSize()), new FloatArray(lse.getSize()), new FloatArray(q.getSize()),
                    new FloatArray(k.getSize()), new FloatArray(k.getSize()));
        }
        return gradient;
    }

    /** From q, k, v to out and lse of this block alone. */
    Stage.Cost forward(Place place, AttentionInputs inputs) {
        if (forward == null) {
            forward = Stage.built(this::forwardStage);
        }
        place(place, inputs);
        return forward.run();
    }

    /** From q, k, v, dOut and the final out and lse to this block's share of dq, dk, dv. */
    Stage.Cost backward(Place place, AttentionInputs inputs) {
        if (backward == null) {
            backward = Stage.built(this::backwardStage);
        }
        place(place, inputs);
        return backward.run();
    }

    private Stage forwardStage() {
        Tiling t = tiles.choose(FlashForward.class);
        int places = Math.ceilDiv(size.queries(), t.blockQ());
        IntArray shape = shape(places);
        TaskGraph graph = new TaskGraph("block")
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, q, k, v, shape, numbers, tables.bias, tables.mask)
                .task("forward", FlashForward::forward, new KernelContext(), q, k, v, out, lse, shape, numbers,
                        tables.bias, tables.mask,
                        size.headDim(), t.blocks(), t.threads(), t.slices(size.headDim()), options)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out, lse);
        return new Stage(device, profiled, false, graph,
                new GridScheduler("block.forward", Stage.grid("FlashForward", (long) places * size.heads(), t, limits)));
    }

    private Stage backwardStage() {
        Gradient g = gradient();
        Tiling tq = tiles.choose(FlashBackwardQueries.class);
        Tiling tk = tiles.choose(FlashBackwardKeys.class);
        int queryPlaces = Math.ceilDiv(size.queries(), tq.blockQ());
        int keyPlaces = Math.ceilDiv(size.keys(), tk.blockK());
        IntArray shapeQ = shape(queryPlaces);
        IntArray shapeK = shape(keyPlaces);
        TaskGraph graph = new TaskGraph("blockBackward")
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, q, k, v, out, lse, g.dOut, shapeQ,
                        shapeK, numbers, tables.bias,
                tables.mask)
                .task("rowDots", RowDots::rowDots, new KernelContext(), out, g.dOut, g.delta, shapeQ, size.headDim())
                .task("keys", FlashBackwardKeys::backward, new KernelContext(), q, k, v, g.dOut, lse, g.delta, g.dk, g.dv, shapeK,
                        numbers, tables.bias, tables.mask, size.headDim(), tk.blocks(), tk.threads(),
                        tk.slices(size.headDim()), options)
                .task("queries", FlashBackwardQueries::backward, new KernelContext(), q, k, v, g.dOut, lse, g.delta, g.dq, shapeQ,
                        numbers, tables.bias, tables.mask, size.headDim(), tq.blocks(), tq.threads(),
                        tq.slices(size.headDim()), options);
        GridScheduler grids = new GridScheduler();
        grids.addWorkerGrid("blockBackward.rowDots", Stage.rowDots((long) size.heads() * size.queries()));
        grids.addWorkerGrid("blockBackward.keys", Stage.grid("FlashBackwardKeys", keyPlaces, tk, limits));
        grids.addWorkerGrid("blockBackward.queries",
                Stage.grid("FlashBackwardQueries", (long) queryPlaces * size.heads(), tq, limits));
        if (spec.biasShape() != null) {
            bias(graph, grids, g);
        }
        graph.transferToHost(DataTransferMode.EVERY_EXECUTION, g.dq, g.dk, g.dv)
                .persistOnDevice(g.delta); // else its memory is never given back
        return new Stage(device, profiled, false, graph, grids);
    }

    /** The gradient of the bias, whose tiles the groups own. */
    private void bias(TaskGraph graph, GridScheduler grids, Gradient g) {
        Tiling t = tiles.choose(FlashBackwardBias.class);
        IntArray shape = shape(0);
        int[] of = Objects.requireNonNull(size.part(spec.biasShape()));
        long groups = (long) of[1] * Math.ceilDiv(of[2], t.blockQ()) * Math.ceilDiv(of[3], t.blockK());
        graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, shape)
                .task("bias", FlashBackwardBias::backward, new KernelContext(), q, k, v, g.dOut, lse,
                        g.delta, tables.dBias, shape,
                        numbers, tables.bias, tables.mask, size.headDim(), t.blocks(), t.threads(),
                        t.slices(size.headDim()), options)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, tables.dBias);
        grids.addWorkerGrid("blockBackward.bias", Stage.grid("FlashBackwardBias", groups, t, limits));
    }

    /** Adds the last block's share of the bias's gradient to the whole one. */
    void addBiasGradient(Place place, double[] sum) {
        tables.addGradient(place, sum);
    }

    /** What reports say of how these kernels cut their work. */
    List<String> tileRemarks(List<String> names) {
        return tiles.remarks(names);
    }

    /** What is the same for all blocks: one entry, whose tiles are all places. */
    private IntArray shape(int places) {
        int atEntries = Shape.INTS + 1;
        int atPlaces = atEntries + NUMBERS;
        IntArray shape = new IntArray(atPlaces + 2 * places);
        shape.init(0);
        shape.set(Shape.BATCH, 1);
        shape.set(Shape.HEADS, size.heads());
        shape.set(Shape.KV_HEADS, 1);
        shape.set(Shape.SEQ_Q, size.queries());
        shape.set(Shape.SEQ_K, size.keys());
        shape.set(Shape.LEFT, Math.min(spec.leftBound(), Shape.UNBOUNDED));
        shape.set(Shape.RIGHT, Math.min(spec.rightBound(), Shape.UNBOUNDED));
        shape.set(Shape.Q_ROW_STRIDE, size.headDim());
        shape.set(Shape.Q_HEAD_STRIDE, size.queries() * size.headDim());
        shape.set(Shape.K_ROW_STRIDE, size.headDim());
        shape.set(Shape.KEY_LENGTHS, Shape.INTS);
        shape.set(Shape.ENTRIES, atEntries);
        shape.set(Shape.PLACES, atPlaces);
        shape.set(Shape.DROPOUT_THRESHOLD, Dropout.threshold(spec.dropout()));
        tables.describe(shape);
        for (int n = 0; n < places; n++) {
            shape.set(atPlaces + 2 * n + 1, n);
        }
        shapes.add(shape);
        return shape;
    }

    private void place(Place place, AttentionInputs inputs) {
        tables.copyIn(place, inputs);
        for (IntArray shape : shapes) {
            shape.set(Shape.INTS, place.keys);
            shape.set(Shape.INTS + 1, place.queries);
            shape.set(Shape.INTS + 2, spec.diagonal() + place.query - place.key);
            shape.set(Shape.SEED_LOW, (int) inputs.seed());
            shape.set(Shape.SEED_HIGH, (int) (inputs.seed() >>> 32));
            shape.set(Shape.DROPOUT_OFFSET, inputs.dropoutOffset());
            shape.set(Shape.FIRST_QUERY, place.query);
            shape.set(Shape.FIRST_KEY, place.key);
            shape.set(Shape.FIRST_HEAD, inputs.firstEntry() * spec.heads() + place.batchHead);
        }
        for (int h = 0; h < size.heads(); h++) {
            numbers.set(Shape.SLOPES + h, spec.alibiSlope(place.batchHead % spec.heads() + h));
        }
    }

    @Override
    public void close() {
        if (forward != null) {
            forward.close();
            forward = null;
        }
        if (backward != null) {
            backward.close();
            backward = null;
        }
    }
}
