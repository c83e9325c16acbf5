package io.github.tornadoattention.host;

import org.jspecify.annotations.Nullable;

/**
 * Decoding made ready on one backend. Use it through {@link Decoding}, which checks shapes and keeps the cache's books; a plan
 * may trust its caller.
 */
public interface DecodePlan extends AutoCloseable {
    /**
     * Writes new keys and values into the cache, then computes attention of the queries over everything in it.
     *
     * @param q queries, {@code [batch, heads, n, headDim]}; null if only the cache is to be filled
     * @param k new keys, {@code [batch, kvHeads, room, headDim]}, of which entry b uses the first {@code added[b]}; null if there
     *     are none
     * @param v new values, likewise
     * @param added new keys of each entry; the cache's lengths count them already
     * @return the result, or null without queries
     * @throws AttentionException if the device fails
     */
    Decoding.@Nullable Result step(@Nullable Tensor q, @Nullable Tensor k, @Nullable Tensor v, int[] added);

    /** Gives back what the plan holds. A second call does nothing. */
    @Override
    void close();
}
