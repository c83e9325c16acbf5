package io.github.tornadoattention.bench.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.SpecBuilder;
import java.util.ArrayList;
import java.util.List;

/**
 * One line of the table: what to compute and on how many threads.
 *
 * @param direction forward or backward
 */
record Row(AttentionSpec spec, int threads, String direction) {
    private static final int HEADS = 8;
    private static final int[] HEAD_DIMS = {32, 80, 96, 128, 256};

    /** Forward at n 1024 and 2048 on 1 and 2 threads; not quick, also backward, other head dims, decoding and n 16384. */
    static List<Row> all(boolean quick) {
        List<Row> rows = new ArrayList<>();
        for (int threads = 1; threads <= 2; threads++) {
            for (int n : new int[] {1024, 2048}) {
                rows.add(new Row(full(n, 64).build(), threads, "forward"));
                rows.add(new Row(full(n, 64).causal().build(), threads, "forward"));
            }
        }
        if (quick) {
            return rows;
        }
        for (int threads = 1; threads <= 2; threads++) {
            rows.add(new Row(full(1024, 64).build(), threads, "backward"));
            rows.add(new Row(full(1024, 64).causal().build(), threads, "backward"));
            rows.add(new Row(full(2048, 64).build(), threads, "backward"));
            rows.add(new Row(AttentionSpec.builder(1, HEADS, 1, 128).seqK(16384).build(), threads, "forward"));
        }
        for (int headDim : HEAD_DIMS) {
            rows.add(new Row(full(1024, headDim).build(), 1, "forward"));
        }
        rows.add(new Row(AttentionSpec.builder(1, 1, 16384, 64).build(), 2, "forward"));
        return rows;
    }

    private static SpecBuilder full(int n, int headDim) {
        return AttentionSpec.builder(1, HEADS, n, headDim);
    }

    boolean forward() {
        return direction.equals("forward");
    }

    /** Floating-point operations by the field's formula. */
    double flops() {
        return spec.forwardFlops() * (forward() ? 1 : 2.5);
    }

    /** Bytes that have to be read, where that is the limit. */
    double bytes() {
        return (double) Float.BYTES * spec.headDim()
                * (2.0 * spec.batch() * spec.heads() * spec.seqQ() + 2.0 * spec.batch() * spec.kvHeads() * spec.seqK());
    }

    boolean decodes() {
        return spec.seqQ() == 1;
    }

    @Override
    public String toString() {
        return "%s %s, %d thread%s"
                .formatted(direction, spec.toString().replaceAll(" scale .*", ""), threads, threads == 1 ? "" : "s");
    }
}
