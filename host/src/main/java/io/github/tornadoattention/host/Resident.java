package io.github.tornadoattention.host;

/**
 * Inputs that were brought to where the backend computes, once, to be computed from as often as wanted: what
 * {@link Attention#upload} returns.
 *
 * <p>Nothing is transferred by {@link #run}; results stay on the device until {@link #result} fetches them. Changing the tensors
 * that were uploaded changes nothing on a device: upload again. A later upload, {@link Attention#forward} or
 * {@link Attention#backward} of the same direction takes the place of these inputs, and this object then refuses to run.
 *
 * @param <R> {@link Forward} or {@link Gradients}
 */
public interface Resident<R> {
    /**
     * Computes once more from what was uploaded, and waits for the end.
     *
     * @return what ran; its wall time is that of this call
     * @throws IllegalStateException if other inputs have taken the place, the {@link Attention} is closed or in use by another
     *     thread
     * @throws AttentionException if the device fails
     */
    Report run();

    /**
     * Fetches what the last {@link #run} computed; the wall time of its report is that of fetching.
     *
     * @throws IllegalStateException if nothing ran yet, other inputs have taken the place, the {@link Attention} is closed or in
     *     use by another thread
     * @throws AttentionException if the device fails
     */
    R result();
}
