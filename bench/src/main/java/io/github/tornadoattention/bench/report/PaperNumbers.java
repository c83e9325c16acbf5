package io.github.tornadoattention.bench.report;

import java.util.List;

/** What the FlashAttention paper (arXiv 2205.14135) measured on an A100 40 GB in float16: the numbers that ours stand beside. */
final class PaperNumbers {
    /** Figure 2, left: GPT-2 medium's attention, batch 64, 16 heads, N 1024, head dim 64, forward and backward. */
    static final double STANDARD_MS = 41.7;
    static final double FLASH_MS = 7.3;
    static final double STANDARD_GB = 40.3;
    static final double FLASH_GB = 4.4;

    /** Batch, heads and head dim of the tables in appendix E. */
    static final int BATCH = 16;
    static final int HEADS = 8;
    static final int HEAD_DIM = 64;

    /**
     * One column of the tables: forward and backward, without dropout and mask but for the last two; NaN where memory did not
     * suffice.
     *
     * @param n length
     * @param standardMs PyTorch's time
     * @param flashMs flash attention's
     * @param sparseMs block-sparse flash attention's
     * @param standardMb PyTorch's memory
     * @param flashMb flash attention's
     * @param standardDropoutMs PyTorch's time with dropout and key mask
     * @param flashDropoutMs flash attention's, likewise
     */
    record Length(int n, double standardMs, double flashMs, double sparseMs, double standardMb, double flashMb,
            double standardDropoutMs,
            double flashDropoutMs) {}

    static final List<Length> LENGTHS = List.of(
            new Length(128, 0.67, 0.31, 0.74, 36, 22, 0.84, 0.43),
            new Length(512, 1.18, 0.73, 0.82, 336, 104, 2.35, 0.95),
            new Length(1024, 3.67, 2.29, 0.88, 1184, 209, 8.29, 2.55),
            new Length(2048, 13.22, 7.64, 1.71, 4416, 418, 31.75, 9.56),
            new Length(4096, 50.44, 30.09, 3.21, 17024, 836, 124.2, 37.49),
            new Length(8192, Double.NaN, 118.5, 6.56, Double.NaN, 1672, Double.NaN, 147.8),
            new Length(16384, Double.NaN, 470.5, 12.60, Double.NaN, 3344, Double.NaN, 586.6),
            new Length(65536, Double.NaN, 7492.9, 50.39, Double.NaN, 13376, Double.NaN, 9341));

    private PaperNumbers() {}
}
