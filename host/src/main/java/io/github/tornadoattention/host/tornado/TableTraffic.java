package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.IntStream;

/** What kernels read of a bias, and of a mask in words of 32 keys: an element of each for every pair that they compute. */
final class TableTraffic {
    private final AttentionSpec spec;

    TableTraffic(AttentionSpec spec) {
        this.spec = spec;
    }

    /** Is told of pairs: queries from {@code group * groupLength} on, and keys from {@code first} up to {@code end}. */
    interface Pairs {
        void are(int group, int first, int end);
    }

    /** Tells of the pairs that a kernel computes for an entry of this key length and a query head. */
    interface Walk {
        void of(int keyLength, int head, Pairs pairs);
    }

    /**
     * Adds bias and mask to what a kernel reads, if the spec has them.
     *
     * @param pairs how many pairs it computes
     * @param groupLength queries of a group of the walk's
     */
    KernelTraffic.Counter read(KernelTraffic.Counter counter, long pairs, int groupLength, Walk walk) {
        int[] bias = spec.biasShape();
        int[] mask = spec.maskShape();
        if (bias != null) {
            counter.reads("bias", Float.BYTES, pairs, distinct(bias, 1, groupLength, walk));
        }
        if (mask != null) {
            counter.reads("mask", Integer.BYTES, pairs, distinct(mask, Integer.SIZE, groupLength, walk));
        }
        return counter;
    }

    /** Elements of the gradient of the bias. */
    static long elements(int[] shape) {
        return (long) shape[0] * shape[1] * shape[2] * shape[3];
    }

    /** How many elements of a table are read at all, where one holds so many keys. */
    private long distinct(int[] shape, int keysOfElement, int groupLength, Walk walk) {
        int masks = spec.blockMask() == null ? 1 : spec.blockMask().heads();
        Map<List<?>, Long> known = new HashMap<>();
        long sum = 0;
        for (int b = 0; b < shape[0]; b++) {
            TreeSet<Integer> lengths = new TreeSet<>();
            int entryEnd = shape[0] == 1 ? spec.batch() : b + 1;
            IntStream.range(b, entryEnd).forEach(n -> lengths.add(spec.keyLength(n)));
            for (int h = 0; h < shape[1]; h++) {
                int first = masks == 1 || shape[1] == 1 ? 0 : h;
                int end = masks == 1 ? 1 : shape[1] == 1 ? masks : h + 1;
                sum += known.computeIfAbsent(List.of(lengths, first, end),
                        ignored -> together(shape, keysOfElement, groupLength, walk, lengths, first, end));
            }
        }
        return sum;
    }

    /** The elements that some of these entries and heads read, which share them. */
    private long together(int[] shape, int keysOfElement, int groupLength, Walk walk, TreeSet<Integer> lengths, int firstHead,
            int endHead) {
        List<BitSet> groups = new ArrayList<>();
        for (int keyLength : lengths) {
            for (int head = firstHead; head < endHead; head++) {
                walk.of(keyLength, head, (group, first, end) -> {
                    int row = shape[2] == 1 ? 0 : group;
                    while (groups.size() <= row) {
                        groups.add(new BitSet());
                    }
                    if (first < end) {
                        int element = shape[3] == 1 ? 0 : first / keysOfElement;
                        groups.get(row).set(element, shape[3] == 1 ? 1 : Math.ceilDiv(end, keysOfElement));
                    }
                });
            }
        }
        long elements = 0;
        for (int group = 0; group < groups.size(); group++) {
            long rows = shape[2] == 1 ? 1 : Math.min(groupLength, spec.seqQ() - (long) group * groupLength);
            elements += rows * groups.get(group).cardinality();
        }
        return elements;
    }
}
