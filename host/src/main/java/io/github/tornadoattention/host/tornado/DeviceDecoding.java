package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DecodePlan;
import io.github.tornadoattention.host.Decoding;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.KvCache;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Rotary;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.kernels.CacheAppend;
import io.github.tornadoattention.kernels.DecodeForward;
import io.github.tornadoattention.kernels.MergeParts;
import io.github.tornadoattention.kernels.Options;
import io.github.tornadoattention.kernels.Shape;
import io.github.tornadoattention.kernels.Step;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
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
 * Decoding on a device. The cache stays there: the first step carries over what the host has put into it, later ones only what is
 * new. One task graph serves every step, since lengths, numbers of queries and pages are data.
 */
final class DeviceDecoding implements DecodePlan {
    private static final List<String> KERNELS =
            List.of(CacheAppend.class.getSimpleName(), DecodeForward.class.getSimpleName(), MergeParts.class.getSimpleName());

    /** Elements of new keys that every step carries over, used or not. */
    private static final int CARRIED = 1 << 16;

    /** Contiguous entries have one page, whatever their length. */
    private static final int ONE_PAGE_SHIFT = 30;

    private final String backend;
    private final Platform.Device device;
    private final boolean profiled;
    private final AttentionSpec spec;
    private final KvCache cache;
    private final @Nullable Rotary rotary;
    private final DecodeTiling tiling;
    private final int room;
    private final FloatArray q;
    private final CacheArrays arrays;
    private final FloatArray partOut;
    private final FloatArray partLse;
    private final FloatArray out;
    private final FloatArray lse;
    private final FloatArray rotations;
    private final IntArray step;
    private final FloatArray numbers;
    private @Nullable Stage stage;

    DeviceDecoding(String backend, Platform.Device device, boolean profiled, AttentionSpec spec, KvCache cache,
            @Nullable Rotary rotary) {
        this(backend, device, profiled, spec, cache, rotary, CacheReading.of(device, cache.dtype()));
    }

    DeviceDecoding(String backend, Platform.Device device, boolean profiled, AttentionSpec spec, KvCache cache,
            @Nullable Rotary rotary, CacheReading reading) {
        this.backend = backend;
        this.device = device;
        this.profiled = profiled;
        this.spec = spec;
        this.cache = cache;
        this.rotary = rotary;
        this.tiling = DecodeTiling.choose(spec, cache.dtype(), device.limits(), device.device().getPhysicalDevice() == null
                ? 1 : device.device().getPhysicalDevice().getDeviceMaxComputeUnits());
        this.room = Math.clamp(CARRIED / ((long) spec.batch() * spec.kvHeads() * spec.headDim()), spec.seqQ(),
                Math.max(spec.seqQ(), spec.seqK()));
        int queries = elements(spec.qShape());
        int rows = elements(spec.lseShape());
        long parts = (long) queries * tiling.splits();
        long cached = (long) cache.kvHeads() * cache.rows() * cache.headDim() * cache.dtype().bytes();
        long fresh = (long) spec.batch() * spec.kvHeads() * room * spec.headDim() * cache.dtype().bytes();
        device.limits().require("decoding over " + cache, Math.max(cached, parts * Float.BYTES),
                2 * cached + 2 * fresh + Float.BYTES * (parts + 2L * queries));
        if (parts > Integer.MAX_VALUE) {
            throw new DeviceException("decoding in %d parts has 2^31 elements or more".formatted(tiling.splits()));
        }
        this.q = new FloatArray(queries);
        this.arrays = new CacheArrays(cache, rotary, room, reading);
        this.partOut = new FloatArray((int) parts);
        this.partLse = new FloatArray(rows * tiling.splits());
        this.out = new FloatArray(queries);
        this.lse = new FloatArray(rows);
        this.rotations = new FloatArray(rotary == null ? 1 : spec.batch() * room * rotary.dim());
        this.step = new IntArray(Step.pages(spec.batch()) + spec.batch() * cache.mostPages());
        this.numbers = new Arguments(spec).numbers();
        constants();
    }

    private void constants() {
        step.set(Step.BATCH, spec.batch());
        step.set(Step.HEADS, spec.heads());
        step.set(Step.KV_HEADS, spec.kvHeads());
        step.set(Step.ROOM, room);
        step.set(Step.LEFT, Math.min(spec.leftBound(), Shape.UNBOUNDED));
        step.set(Step.RIGHT, Math.min(spec.rightBound(), Shape.UNBOUNDED));
        step.set(Step.TOP_LEFT, spec.causal() == Causal.TOP_LEFT ? 1 : 0);
        step.set(Step.ROWS, cache.rows());
        step.set(Step.PAGE_SIZE, cache.pageSize());
        step.set(Step.PAGE_SHIFT, cache.isPaged() ? Integer.numberOfTrailingZeros(cache.pageSize()) : ONE_PAGE_SHIFT);
        step.set(Step.PAGES, cache.mostPages());
        step.set(Step.SPLITS, tiling.splits());
        step.set(Step.ROW_TILES, tiling.rowTiles());
        step.set(Step.ROTARY, rotary == null ? 0 : rotary.dim());
        step.set(Step.PARTNER, rotary == null ? 1 : rotary.partner());
    }

    private int options() {
        return new Arguments(spec).options() | (rotary == null ? 0 : Options.ROTARY) | arrays.options();
    }

    private Stage built() {
        TaskGraph graph = new TaskGraph("decoding")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, arrays.keys, arrays.values, arrays.keys16, arrays.values16,
                        arrays.keysHalf, arrays.valuesHalf, arrays.powers, numbers)
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, q, step, rotations);
        arrays.append(graph, "append", step, rotations, options());
        graph.task("parts", DecodeForward::decode, new KernelContext(), q, arrays.keys, arrays.values, arrays.keys16,
                        arrays.values16, arrays.keysHalf, arrays.valuesHalf, arrays.powers, partOut, partLse, step, numbers,
                        rotations, spec.headDim(), tiling.tile(), tiling.threads(), options())
                .task("merge", MergeParts::merge, new KernelContext(), partOut, partLse, out, lse, step, numbers, spec.headDim(),
                        tiling.splits(), tiling.group())
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out, lse)
                .persistOnDevice(partOut, partLse); // else their memory is never given back
        GridScheduler grids = new GridScheduler();
        grids.addWorkerGrid("decoding.append", Stage.rows(arrays.newElements()));
        grids.addWorkerGrid("decoding.parts", Stage.grid("DecodeForward", tiling.groups(spec), tiling.group(), device.limits()));
        grids.addWorkerGrid("decoding.merge", Stage.grid("MergeParts", lse.getSize(), tiling.group(), device.limits()));
        return new Stage(device, profiled, true, graph, grids);
    }

    @Override
    public Decoding.@Nullable Result step(@Nullable Tensor queries, @Nullable Tensor k, @Nullable Tensor v, int[] added) {
        long start = System.nanoTime();
        int[] rest = added.clone();
        if (k != null && stage == null) {
            cache.write(k, Objects.requireNonNull(v), added, rotary); // the first execution carries the cache over
            Arrays.fill(rest, 0);
        }
        while (most(rest) > (queries == null ? 0 : room)) {
            run(null, k, v, added, rest);
        }
        if (queries == null) {
            return null;
        }
        Stage.Cost cost = run(queries, k, v, added, rest);
        int[] shape = {spec.batch(), spec.heads(), queries.shape()[2], spec.headDim()};
        int[] rows = {spec.batch(), spec.heads(), queries.shape()[2]};
        Report report = new Report(backend, device.description(), device.driverName(), "flash", KERNELS, cost.kernelNanos(),
                cost.compileNanos(), System.nanoTime() - start, (partOut.getSize() + (long) partLse.getSize()) * Float.BYTES);
        return new Decoding.Result(copied(out, shape), copied(lse, rows), report);
    }

    private static int most(int[] numbers) {
        int most = 0;
        for (int number : numbers) {
            most = Math.max(most, number);
        }
        return most;
    }

    /** One execution: appends as many of the {@code rest} of each entry's new keys as there is room for, then attends. */
    private Stage.Cost run(@Nullable Tensor queries, @Nullable Tensor k, @Nullable Tensor v, int[] added, int[] rest) {
        int batch = spec.batch();
        int n = queries == null ? 0 : queries.shape()[2];
        if (queries != null) {
            MemorySegment.copy(queries.segment(), 0, q.getSegment(), 0, (long) queries.size() * Float.BYTES);
        }
        step.set(Step.QUERIES, n);
        for (int b = 0; b < batch; b++) {
            int now = Math.min(rest[b], room);
            int done = added[b] - rest[b];
            if (k != null && v != null) {
                arrays.copyIn(k, v, b, done, now, cache.length(b) - added[b] + done);
            }
            rest[b] -= now;
            int length = cache.length(b) - rest[b];
            step.set(Step.LENGTHS + b, length);
            step.set(Step.added(batch) + b, now);
            int[] pages = cache.pages(b);
            for (int page = 0; page < pages.length; page++) {
                step.set(Step.pages(batch) + b * cache.mostPages() + page, pages[page]);
            }
            rotate(b, length, Math.max(n, now));
        }
        if (stage == null) {
            stage = Stage.built(this::built);
        }
        return stage.run();
    }

    /** Cosines and sines of the last positions of an entry, in double precision: a device's own would be off at far positions. */
    private void rotate(int b, int length, int positions) {
        if (rotary == null) {
            return;
        }
        for (int n = room - positions; n < room; n++) {
            int position = length - room + n;
            for (int pair = 0; pair < rotary.dim() / 2; pair++) {
                int at = (b * room + n) * rotary.dim() + 2 * pair;
                double angle = rotary.angle(position, pair);
                rotations.set(at, (float) Math.cos(angle));
                rotations.set(at + 1, (float) Math.sin(angle));
            }
        }
    }

    /** The one graph of all steps; null before the first. */
    @Nullable Stage stage() {
        return stage;
    }

    private static int elements(int[] shape) {
        int product = 1;
        for (int length : shape) {
            product = Math.multiplyExact(product, length);
        }
        return product;
    }

    private static Tensor copied(FloatArray from, int[] shape) {
        return Tensor.of(FloatArray.fromSegment(from.getSegment().asSlice(0, (long) elements(shape) * Float.BYTES)), shape);
    }

    @Override
    public void close() {
        if (stage != null) {
            stage.close();
            stage = null;
        }
    }
}
