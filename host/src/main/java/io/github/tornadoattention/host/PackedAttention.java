package io.github.tornadoattention.host;

import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Attention of a packed batch, ready to run as often as wanted: {@link Attention} for sequences of different lengths without
 * padding.
 *
 * <pre>{@code
 * int[] starts = {0, 5, 5, 300};                                  // three sequences, the second one empty
 * PackedSpec spec = PackedSpec.of(starts, starts, 8, 64, options -> options.kvHeads(2).causal());
 * try (PackedAttention attention = PackedAttention.on(Backend.auto(), spec)) {
 *     Forward f = attention.forward(q, k, v);                     // out [300, 8, 64], lse [8, 300]
 *     Gradients g = attention.backward(dOut, f);
 * }
 * }</pre>
 *
 * <p>For one thread at a time.
 */
public final class PackedAttention implements AutoCloseable {
    private final PackedSpec spec;
    private final PackedPlan plan;
    private final ReentrantLock lock = new ReentrantLock();
    private boolean closed;

    private PackedAttention(PackedSpec spec, PackedPlan plan) {
        this.spec = spec;
        this.plan = plan;
    }

    /**
     * Flash attention of this batch on this backend.
     *
     * @throws UsageException if the backend does not support something that the spec asks for
     * @throws DeviceException if the device fails or lacks memory
     */
    public static PackedAttention on(Backend backend, PackedSpec spec) {
        return on(backend, spec, Algorithm.FLASH);
    }

    /**
     * Attention of this batch on this backend, by the given algorithm.
     *
     * @throws UsageException if the backend does not support something that the spec asks for
     * @throws DeviceException if the device fails or lacks memory
     */
    public static PackedAttention on(Backend backend, PackedSpec spec, Algorithm algorithm) {
        try {
            return new PackedAttention(spec, backend.openPacked(spec, algorithm));
        } catch (OutOfMemoryError e) {
            throw outOfMemory(spec, e);
        }
    }

    /** What this computes. */
    public PackedSpec spec() {
        return spec;
    }

    /**
     * Computes out, {@code [totalQ, heads, headDim]}, and lse, {@code [heads, totalQ]}.
     *
     * @param q queries, {@code [totalQ, heads, headDim]}
     * @param k keys, {@code [totalK, kvHeads, headDim]}
     * @param v values, {@code [totalK, kvHeads, headDim]}
     * @throws IllegalArgumentException if a shape or a dtype is another one than the spec's
     * @throws IllegalStateException if this is closed or in use by another thread
     * @throws AttentionException if the device fails
     */
    public Forward forward(Tensor q, Tensor k, Tensor v) {
        return forward(AttentionInputs.of(q, k, v));
    }

    /**
     * Likewise, with what else belongs to a call.
     *
     * @param inputs q, k and v as above; with dropout, seed and offset: a sequence drops the pairs that it would as an entry of a
     *     dense batch, its own first query and key being number 0
     * @throws IllegalArgumentException if a shape or a dtype is another one than the spec's
     * @throws IllegalStateException if this is closed or in use by another thread
     * @throws AttentionException if the device fails
     */
    public Forward forward(AttentionInputs inputs) {
        return alone(() -> {
            requireFit(inputs);
            return plan.forward(inputs);
        });
    }

    /**
     * Computes the gradients of q, k and v.
     *
     * @param dOut gradient of the loss with respect to out, {@code [totalQ, heads, headDim]}
     * @param f the forward result
     * @throws IllegalArgumentException if a shape or a dtype is another one than the spec's
     * @throws IllegalStateException if this is closed or in use by another thread
     * @throws AttentionException if the device fails
     */
    public Gradients backward(Tensor dOut, Forward f) {
        return alone(() -> {
            requireFits("dOut", dOut, spec.qShape());
            requireFit(f.inputs());
            requireFits("out", f.out(), spec.qShape());
            requireFits("lse", f.lse(), spec.lseShape(), DType.FP32);
            return plan.backward(dOut, f);
        });
    }

    /**
     * Gives back threads and device memory. A second call does nothing.
     *
     * @throws IllegalStateException if another thread is inside {@link #forward} or {@link #backward}
     */
    @Override
    public void close() {
        enter();
        try {
            if (!closed) {
                closed = true;
                plan.close();
            }
        } finally {
            lock.unlock();
        }
    }

    private <T> T alone(Supplier<T> work) {
        enter();
        try {
            if (closed) {
                throw new IllegalStateException("this PackedAttention is closed");
            }
            return work.get();
        } catch (OutOfMemoryError e) {
            throw outOfMemory(spec, e);
        } finally {
            lock.unlock();
        }
    }

    private static DeviceException outOfMemory(PackedSpec spec, OutOfMemoryError e) {
        return new DeviceException("out of memory for %s: %s".formatted(spec, e.getMessage()), e);
    }

    private void enter() {
        if (!lock.tryLock()) {
            throw new IllegalStateException("another thread is using this PackedAttention; make one for each thread");
        }
    }

    private void requireFit(AttentionInputs inputs) {
        requireFits("q", inputs.q(), spec.qShape());
        requireFits("k", inputs.k(), spec.kvShape());
        requireFits("v", inputs.v(), spec.kvShape());
        SpecChecks.require(inputs.mask() == null && inputs.bias() == null, "a packed batch has neither mask nor bias");
        inputs.requireFirstEntry(spec.sequences(), spec.longest().heads());
    }

    private void requireFits(String name, Tensor tensor, int[] expected) {
        requireFits(name, tensor, expected, spec.longest().dtype());
    }

    private static void requireFits(String name, Tensor tensor, int[] expected, DType dtype) {
        SpecChecks.require(tensor.hasShape(expected), "%s has shape %s, the spec needs %s", name, Arrays.toString(tensor.shape()),
                Arrays.toString(expected));
        SpecChecks.require(tensor.dtype() == dtype, "%s is %s, the spec needs %s", name, tensor.dtype(), dtype);
    }
}
