package io.github.tornadoattention.host;

import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * One attention, ready to run as often as wanted: holds what was compiled and allocated for its spec until it is closed.
 *
 * <p>For one thread at a time: a second thread that calls while the first is inside gets an {@link
 * IllegalStateException}. Use one {@code Attention} per thread instead.
 */
public final class Attention implements AutoCloseable {
    private final AttentionSpec spec;
    private final Plan plan;
    private final ReentrantLock lock = new ReentrantLock();
    private boolean closed;
    /** How many inputs there were so far, of each direction. */
    private long forwardInputs;
    private long backwardInputs;

    private Attention(AttentionSpec spec, Plan plan) {
        this.spec = spec;
        this.plan = plan;
    }

    /**
     * Flash attention of this spec on this backend.
     *
     * @throws UsageException if the backend does not support something that the spec asks for
     * @throws DeviceException if the device fails or lacks memory
     */
    public static Attention on(Backend backend, AttentionSpec spec) {
        return on(backend, spec, Algorithm.FLASH);
    }

    /**
     * Attention of this spec on this backend, by the given algorithm.
     *
     * @throws UsageException if the backend does not support something that the spec asks for
     * @throws DeviceException if the device fails or lacks memory
     */
    public static Attention on(Backend backend, AttentionSpec spec, Algorithm algorithm) {
        try {
            return new Attention(spec, backend.open(spec, algorithm));
        } catch (OutOfMemoryError e) {
            throw outOfMemory(spec, e);
        }
    }

    /** What this computes. */
    public AttentionSpec spec() {
        return spec;
    }

    /**
     * Compiles kernels ahead of the first call, which then takes no longer than the next; nothing is transferred and nothing
     * computed. Where a backend compiles nothing, nothing happens.
     *
     * @param backward whether those of {@link #backward} as well
     * @throws IllegalStateException if this is closed or in use by another thread
     * @throws AttentionException if the compiler fails or memory is short
     */
    public void compile(boolean backward) {
        alone(() -> {
            plan.compile(backward);
            return this;
        });
    }

    /**
     * Computes out and lse of queries, keys and values, with nothing else that changes from call to call.
     *
     * @param q queries, {@code [batch, heads, seqQ, headDim]}
     * @param k keys, {@code [batch, kvHeads, seqK, headDim]}
     * @param v values, {@code [batch, kvHeads, seqK, headDim]}
     * @throws IllegalArgumentException if a shape or a dtype is another one than the spec's
     * @throws IllegalStateException if this is closed or in use by another thread
     * @throws AttentionException if the device fails
     */
    public Forward forward(Tensor q, Tensor k, Tensor v) {
        return forward(AttentionInputs.of(q, k, v));
    }

    /**
     * Computes out and lse.
     *
     * @throws IllegalArgumentException if a shape is another one than the spec's
     * @throws IllegalStateException if this is closed or in use by another thread
     * @throws AttentionException if the device fails
     */
    public Forward forward(AttentionInputs inputs) {
        return alone(() -> {
            inputs.requireFit(spec);
            forwardInputs++;
            return plan.forward(inputs).by(spec);
        });
    }

    /**
     * Brings inputs to the device, to compute out and lse from them as often as wanted without a transfer.
     *
     * @throws IllegalArgumentException if a shape or a dtype is another one than the spec's
     * @throws IllegalStateException if this is closed or in use by another thread
     * @throws AttentionException if the device fails
     */
    public Resident<Forward> upload(AttentionInputs inputs) {
        return alone(() -> {
            inputs.requireFit(spec);
            long number = ++forwardInputs;
            return new Guarded<>(plan.upload(inputs), () -> forwardInputs == number, f -> f.by(spec));
        });
    }

    /** Likewise of queries, keys and values, with nothing else that changes from call to call. */
    public Resident<Forward> upload(Tensor q, Tensor k, Tensor v) {
        return upload(AttentionInputs.of(q, k, v));
    }

    /**
     * Computes the gradients of q, k and v.
     *
     * @param dOut gradient of the loss with respect to out, {@code [batch, heads, seqQ, headDim]}
     * @param f the forward result, from this or from another {@code Attention} of an equal spec
     * @throws IllegalArgumentException if a shape or a dtype is another one than the spec's, or {@code f} was computed for
     *     another spec
     * @throws IllegalStateException if this is closed or in use by another thread
     * @throws AttentionException if the device fails
     */
    public Gradients backward(Tensor dOut, Forward f) {
        return alone(() -> {
            requireInputs(dOut, f);
            backwardInputs++;
            return plan.backward(dOut, f);
        });
    }

    /**
     * Brings dOut and the forward result with its inputs to the device, to compute gradients from them as often as wanted without
     * a transfer.
     *
     * @param dOut gradient of the loss with respect to out, {@code [batch, heads, seqQ, headDim]}
     * @param f the forward result, from this or from another {@code Attention} of an equal spec
     * @throws IllegalArgumentException if a shape or a dtype is another one than the spec's, or {@code f} was computed for
     *     another spec
     * @throws IllegalStateException if this is closed or in use by another thread
     * @throws AttentionException if the device fails
     */
    public Resident<Gradients> upload(Tensor dOut, Forward f) {
        return alone(() -> {
            requireInputs(dOut, f);
            long number = ++backwardInputs;
            return new Guarded<>(plan.upload(dOut, f), () -> backwardInputs == number, g -> g);
        });
    }

    private void requireInputs(Tensor dOut, Forward f) {
        AttentionSpec origin = f.spec();
        if (origin != null && !origin.equals(spec)) {
            throw new IllegalArgumentException(
                    "the forward result is of [%s], this attention is [%s]".formatted(origin, spec));
        }
        dOut.require("dOut", spec.qShape(), spec.dtype());
        f.inputs().requireFit(spec);
        f.out().require("out", spec.qShape(), spec.dtype());
        f.lse().require("lse", spec.lseShape(), DType.FP32);
    }

    /** Inputs of this plan, refused once others have taken their place. */
    private final class Guarded<R> implements Resident<R> {
        private final Resident<R> inputs;
        private final BooleanSupplier current;
        private final UnaryOperator<R> mark;

        Guarded(Resident<R> inputs, BooleanSupplier current, UnaryOperator<R> mark) {
            this.inputs = inputs;
            this.current = current;
            this.mark = mark;
        }

        @Override
        public Report run() {
            return alone(() -> {
                requireCurrent();
                return inputs.run();
            });
        }

        @Override
        public R result() {
            return alone(() -> {
                requireCurrent();
                return mark.apply(inputs.result());
            });
        }

        private void requireCurrent() {
            if (!current.getAsBoolean()) {
                throw new IllegalStateException("other inputs have taken the place of these; upload them again");
            }
        }
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
                throw new IllegalStateException("this Attention is closed");
            }
            return work.get();
        } catch (OutOfMemoryError e) {
            throw outOfMemory(spec, e);
        } finally {
            lock.unlock();
        }
    }

    private static DeviceException outOfMemory(AttentionSpec spec, OutOfMemoryError e) {
        return new DeviceException("out of memory for [%s]: %s".formatted(spec, e.getMessage()), e);
    }

    private void enter() {
        if (!lock.tryLock()) {
            throw new IllegalStateException("another thread is using this Attention; make one for each thread");
        }
    }
}
