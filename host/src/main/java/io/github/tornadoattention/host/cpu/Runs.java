package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import org.jspecify.annotations.Nullable;

/**
 * Which part of the other side a tile has to visit: a few runs of neighboring items. What is in no run is never loaded. Adding an
 * option that hides whole tiles means changing this class alone.
 */
final class Runs {
    private final AttentionSpec spec;
    private final Band band;
    private final @Nullable BlockMask mask;
    private final int[] starts;
    private final int[] ends;
    private int count;

    Runs(AttentionSpec spec) {
        this.spec = spec;
        this.band = Band.of(spec);
        this.mask = spec.blockMask();
        int most = mask == null ? 1 : Math.ceilDiv(Math.max(mask.rows(), mask.cols()), 2);
        this.starts = new int[most];
        this.ends = new int[most];
    }

    int count() {
        return count;
    }

    int start(int run) {
        return starts[run];
    }

    int end(int run) {
        return ends[run];
    }

    /** Collects the keys that queries {@code i0 <= i < i1} of an entry and head may see. The queries lie in one mask block. */
    void ofKeys(int b, int h, int i0, int i1) {
        int length = spec.keyLength(b);
        int first = band.firstKey(i0, 0, length);
        int end = band.endKey(i1 - 1, 0, length);
        count = 0;
        if (mask == null) {
            append(first, end);
            return;
        }
        int size = mask.size();
        for (int block = first / size; first < end; block++) {
            int border = (int) Math.min(end, (block + 1L) * size);
            if (mask.isSet(h, i0 / size, block)) {
                append(first, border);
            }
            first = border;
        }
    }

    /** Collects the queries of a head that may see keys {@code j0 <= j < j1}. The keys lie in one mask block and exist. */
    void ofQueries(int h, int j0, int j1) {
        int first = band.firstQuery(j0, 0, spec.seqQ());
        int end = band.endQuery(j1 - 1, 0, spec.seqQ());
        count = 0;
        if (mask == null) {
            append(first, end);
            return;
        }
        int size = mask.size();
        for (int block = first / size; first < end; block++) {
            int border = (int) Math.min(end, (block + 1L) * size);
            if (mask.isSet(h, block, j0 / size)) {
                append(first, border);
            }
            first = border;
        }
    }

    /** Adds a run, or makes the last one longer if it ends where this starts. */
    private void append(int start, int end) {
        if (start >= end) {
            return;
        }
        if (count > 0 && ends[count - 1] == start) {
            ends[count - 1] = end;
        } else {
            starts[count] = start;
            ends[count++] = end;
        }
    }
}
