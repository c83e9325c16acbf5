package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Flash attention on the CPU: cuts the work into tiles that share nothing, and lets the workers take them. */
final class FlashPlan implements Plan {
    /** Queries that one task of the pass for D takes. */
    private static final int DELTA_ROWS = 1024;

    private final AttentionSpec spec;
    private final String device;
    private final Workers workers;
    private final Call call = new Call();
    private final Tiles queryTiles;
    private final Tiles keyTiles;
    private final TileMath[] math;
    private final @Nullable ForwardTile[] forward;
    private final boolean vectors;
    private final Tiles forwardTiles;
    private final @Nullable BackwardWorker[] backward;
    private final @Nullable VectorGradients gradients;
    private final @Nullable Decoder decoder;
    private final @Nullable BiasGradient biasGradient;

    /** One worker's share of the backward pass. */
    private record BackwardWorker(BackwardScratch scratch, FlashBackwardKeys keys,
            FlashBackwardQueries queries, float[] biasSum) {}

    FlashPlan(AttentionSpec spec, int threads, boolean vectors, String device) {
        this.spec = spec;
        this.device = device;
        this.workers = new Workers(threads);
        this.queryTiles = Tiles.of(spec.seqQ(), spec.blockMask(), TileMath.RESIDENT);
        this.keyTiles = Tiles.of(spec.seqK(), spec.blockMask(), TileMath.RESIDENT);
        this.math = new TileMath[threads];
        for (int w = 0; w < threads; w++) {
            math[w] = new ScalarTileMath(TileMath.RESIDENT);
        }
        this.vectors = vectors;
        this.forwardTiles = vectors ? VectorTiles.ofQueries(spec, threads) : queryTiles;
        this.forward = new ForwardTile[threads];
        this.backward = new BackwardWorker[threads];
        this.decoder = vectors && Decoder.fits(spec) ? new Decoder(spec, call, workers) : null;
        this.biasGradient = BiasGradient.of(spec, keyTiles);
        this.gradients = vectors ? new VectorGradients(spec, call, workers) : null;
    }

    @Override
    public Forward forward(AttentionInputs inputs) {
        long start = System.nanoTime();
        call.begin(inputs);
        Tensor q = inputs.q();
        Tensor k = inputs.k();
        Tensor v = inputs.v();
        Tensor out = zeros(spec.dtype(), spec.qShape());
        Tensor lse = zeros(DType.FP32, spec.lseShape());
        long kernelStart = System.nanoTime();
        if (decoder != null) {
            long bytes = decoder.run(q, k, v, out, lse);
            long end = System.nanoTime();
            return new Forward(inputs, out, lse, report(List.of(Decoder.KERNEL), end - kernelStart, end - start, bytes));
        }
        int rows = spec.batch() * spec.heads();
        // The last queries first: with a causal mask they have the most to do.
        workers.run(Math.multiplyExact(rows, forwardTiles.count()), (worker, task) -> {
            int tile = forwardTiles.count() - 1 - task / rows;
            int row = task % rows;
            if (forwardTiles.start(tile) < forwardTiles.end(tile)) {
                forwardOf(worker).run(q, k, v, out, lse, row / spec.heads(), row % spec.heads(),
                        forwardTiles.start(tile), forwardTiles.end(tile));
            }
        });
        long end = System.nanoTime();
        long bytes = 0;
        for (ForwardTile worker : forward) {
            bytes += worker == null ? 0 : worker.bytes();
        }
        return new Forward(inputs, out, lse, report(List.of("flash-forward"), end - kernelStart, end - start, bytes));
    }

    @Override
    public Gradients backward(Tensor dOut, Forward f) {
        long start = System.nanoTime();
        call.begin(f.inputs());
        float[] delta = new float[spec.batch() * spec.heads() * spec.seqQ()];
        BackwardTensors t = new BackwardTensors(f.q(), f.k(), f.v(), dOut, f.lse(), delta,
                zeros(gradients == null ? spec.dtype() : DType.FP32, spec.qShape()), zeros(spec.dtype(), spec.kvShape()),
                zeros(spec.dtype(), spec.kvShape()));
        long kernelStart = System.nanoTime();
        if (gradients != null) {
            gradients.run(t, f.out());
            Tensor dBias = gradientOfBias(t);
            // dQ was added up tile by tile, in float32; it is rounded once
            Tensor dq = t.dq().to(spec.dtype());
            long end = System.nanoTime();
            long sums = spec.dtype() == DType.FP32 ? 0 : dq.size();
            long bytes = (delta.length + sums) * Float.BYTES + gradients.bytes() + backwardBytes();
            return new Gradients(
                    dq, t.dk(), t.dv(), dBias, report(withBias(VectorGradients.KERNELS), end - kernelStart, end - start, bytes));
        }
        workers.run(Math.ceilDiv(delta.length, DELTA_ROWS), (worker, task) -> {
            BackwardScratch scratch = backwardOf(worker).scratch();
            int end = (int) Math.min(delta.length, (task + 1L) * DELTA_ROWS);
            Delta.run(dOut, f.out(), delta, task * DELTA_ROWS, end, spec.headDim(), scratch.item, scratch.transposed.row());
        });
        gradientsOfKeys(t);
        gradientsOfQueries(t);
        Tensor dBias = gradientOfBias(t);
        long end = System.nanoTime();
        long bytes = (long) delta.length * Float.BYTES + backwardBytes();
        List<String> kernels = withBias(List.of("delta", "flash-backward-keys", "flash-backward-queries"));
        return new Gradients(t.dq(), t.dk(), t.dv(), dBias, report(kernels, end - kernelStart, end - start, bytes));
    }

    private long backwardBytes() {
        long bytes = 0;
        for (BackwardWorker worker : backward) {
            bytes += worker == null ? 0 : worker.scratch().bytes()
                    + (biasGradient == null ? 0 : (long) worker.biasSum().length * Float.BYTES);
        }
        return bytes;
    }

    private List<String> withBias(List<String> kernels) {
        return biasGradient == null ? kernels : Stream.concat(kernels.stream(), Stream.of("flash-backward-bias")).toList();
    }

    private @Nullable Tensor gradientOfBias(BackwardTensors t) {
        int[] shape = spec.biasShape();
        if (biasGradient == null || shape == null) {
            return null;
        }
        BiasGradient bias = biasGradient;
        Tensor dBias = zeros(DType.FP32, shape);
        workers.run(bias.tasks(), (worker, task) -> {
            BackwardWorker state = backwardOf(worker);
            bias.run(t, state.keys(), state.scratch(), state.biasSum(), task, dBias);
        });
        return dBias;
    }

    /** On the heap: fresh memory from outside costs more to touch for the first time than results cost to write. */
    private static Tensor zeros(DType dtype, int... shape) {
        int size = 1;
        for (int length : shape) {
            size *= length;
        }
        return dtype == DType.FP32
                ? Tensor.of(new float[size], shape)
                : Tensor.of(dtype, MemorySegment.ofArray(new short[size]), shape);
    }

    private void gradientsOfKeys(BackwardTensors t) {
        int rows = spec.batch() * spec.kvHeads();
        workers.run(Math.multiplyExact(rows, keyTiles.count()), (worker, task) -> {
            int tile = task / rows;
            int row = task % rows;
            if (keyTiles.start(tile) < keyTiles.end(tile)) {
                backwardOf(worker).keys().run(t, row / spec.kvHeads(), row % spec.kvHeads(),
                        keyTiles.start(tile), keyTiles.end(tile));
            }
        });
    }

    private void gradientsOfQueries(BackwardTensors t) {
        int rows = spec.batch() * spec.heads();
        workers.run(Math.multiplyExact(rows, queryTiles.count()), (worker, task) -> {
            int tile = queryTiles.count() - 1 - task / rows;
            int row = task % rows;
            if (queryTiles.start(tile) < queryTiles.end(tile)) {
                backwardOf(worker).queries().run(t, row / spec.heads(), row % spec.heads(),
                        queryTiles.start(tile), queryTiles.end(tile));
            }
        });
    }

    /** The worker's own state, made at its first task. */
    private ForwardTile forwardOf(int worker) {
        ForwardTile present = forward[worker];
        if (present == null) {
            present = vectors ? VectorTiles.forward(spec, call, forwardTiles) : new FlashForward(spec, call, math[worker]);
            forward[worker] = present;
        }
        return present;
    }

    /** The worker's own state, made at its first task. */
    private BackwardWorker backwardOf(int worker) {
        BackwardWorker present = backward[worker];
        if (present == null) {
            BackwardScratch scratch = new BackwardScratch(spec, call);
            present = new BackwardWorker(scratch,
                    new FlashBackwardKeys(spec, math[worker], scratch), new FlashBackwardQueries(spec, math[worker], scratch),
                    biasGradient == null ? new float[0] : BiasGradient.scratch());
            backward[worker] = present;
        }
        return present;
    }

    private Report report(List<String> kernels, long kernelNanos, long wallNanos, long extraBytes) {
        return new Report("cpu", device, null, "flash", kernels, kernelNanos, 0, wallNanos, extraBytes);
    }

    @Override
    public void close() {
        workers.close();
    }
}
