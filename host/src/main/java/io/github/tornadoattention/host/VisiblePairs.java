package io.github.tornadoattention.host;

/** Counts the (query, key) pairs that a spec computes, without walking all of them. */
final class VisiblePairs {
    private VisiblePairs() {}

    /** The number of visible pairs over all entries and query heads. */
    static long count(AttentionSpec spec) {
        BlockMask mask = spec.blockMask();
        int masks = mask == null ? 1 : mask.heads();
        // entries differ in their key lengths only
        int entries = spec.keyLengths() == null ? 1 : spec.batch();
        long pairs = 0;
        for (int b = 0; b < entries; b++) {
            for (int h = 0; h < masks; h++) {
                for (int i = 0; i < spec.seqQ(); i++) {
                    pairs += keys(spec, b, h, i);
                }
            }
        }
        return pairs * (spec.batch() / entries) * (spec.heads() / masks);
    }

    /** The number of keys that one query sees. */
    static long keys(AttentionSpec spec, int b, int h, int i) {
        int first = spec.firstVisible(i);
        int last = spec.lastVisible(i, b);
        BlockMask mask = spec.blockMask();
        if (mask == null || first > last) {
            return Math.max(0, last - first + 1);
        }
        int size = mask.size();
        long keys = 0;
        for (int col = first / size; col <= last / size; col++) {
            if (mask.isSet(h, i / size, col)) {
                keys += Math.min(last, (long) col * size + size - 1) - Math.max(first, (long) col * size) + 1;
            }
        }
        return keys;
    }
}
