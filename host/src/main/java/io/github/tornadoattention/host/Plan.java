package io.github.tornadoattention.host;

/**
 * One spec made ready on one backend: compiled once, run many times. Use it through {@link Attention}, which checks
 * shapes, threads and life time; a plan itself may trust its caller.
 */
public interface Plan extends AutoCloseable {
    /**
     * Computes out and lse.
     *
     * @throws AttentionException if the backend cannot do it or its device fails
     */
    Forward forward(AttentionInputs inputs);

    /**
     * Computes the gradients of q, k and v.
     *
     * @param dOut gradient of the loss with respect to out, {@code [batch, heads, seqQ, headDim]}
     * @param f what {@link #forward} returned for a plan of the same spec
     * @throws AttentionException if the backend cannot do it or its device fails
     */
    Gradients backward(Tensor dOut, Forward f);

    /**
     * Brings inputs to where this computes, in place of those that are there. Only what the last call returned is used from then
     * on, up to the next {@link #forward}.
     */
    default Resident<Forward> upload(AttentionInputs inputs) {
        return new HostResident<>(() -> forward(inputs), Forward::report);
    }

    /** Likewise for the backward pass. */
    default Resident<Gradients> upload(Tensor dOut, Forward f) {
        return new HostResident<>(() -> backward(dOut, f), Gradients::report);
    }

    /**
     * Compiles what {@link #forward} runs, and with {@code backward} what {@link #backward} runs, ahead of the first call; brings
     * nothing to a device and computes nothing. Does nothing where nothing is compiled.
     */
    default void compile(boolean backward) {}

    /** Gives back what the plan holds (threads, device memory). A second call does nothing. */
    @Override
    void close();
}
