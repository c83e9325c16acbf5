package io.github.tornadoattention.host;

/** Whether queries are kept from seeing later keys, and which query lines up with which key. */
public enum Causal {
    /** Every query may see every key. The diagonal (for windows and ALiBi) is that of {@link #BOTTOM_RIGHT}. */
    NONE,
    /** Query {@code i} sees key {@code j} iff {@code j <= i}: PyTorch's {@code is_causal}. */
    TOP_LEFT,
    /**
     * Query {@code i} sees key {@code j} iff {@code j <= i + seqK - seqQ}: the last query sees the last key, as
     * decoding needs.
     */
    BOTTOM_RIGHT
}
