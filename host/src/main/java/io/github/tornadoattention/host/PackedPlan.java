package io.github.tornadoattention.host;

/**
 * One packed batch made ready on one backend. Use it through {@link PackedAttention}, which checks shapes, threads and life time.
 */
public interface PackedPlan extends AutoCloseable {
    /**
     * Computes out and lse.
     *
     * @param inputs queries {@code [totalQ, heads, headDim]}, keys and values {@code [totalK, kvHeads, headDim]}
     * @throws AttentionException if the backend cannot do it or its device fails
     */
    Forward forward(AttentionInputs inputs);

    /**
     * Computes the gradients of q, k and v.
     *
     * @param dOut gradient of the loss with respect to out, {@code [totalQ, heads, headDim]}
     * @param f what {@link #forward} returned
     * @throws AttentionException if the backend cannot do it or its device fails
     */
    Gradients backward(Tensor dOut, Forward f);

    /** Gives back what the plan holds. A second call does nothing. */
    @Override
    void close();
}
