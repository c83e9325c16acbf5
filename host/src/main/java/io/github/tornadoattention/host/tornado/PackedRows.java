package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.kernels.TensorPack;
import java.util.stream.IntStream;

/** How many heads and rows the matrices have that tensor-core kernels pack, those like q ({@code queries}) and those like k. */
record PackedRows(AttentionSpec spec) {
    /** Heads of all entries. */
    long heads(boolean queries) {
        return (long) spec.batch() * (queries ? spec.heads() : spec.kvHeads());
    }

    /** Rows of all heads that are read: of keys those below the entry's key length. */
    long existing(boolean queries) {
        return queries ? heads(true) * spec.seqQ()
                : spec.kvHeads() * IntStream.range(0, spec.batch()).mapToLong(spec::keyLength).sum();
    }

    /** Rows of all heads of the packed matrix. */
    long packed(boolean queries) {
        return heads(queries) * Math.ceilDiv(queries ? spec.seqQ() : spec.seqK(), TensorPack.ROWS) * TensorPack.ROWS;
    }

    /**
     * Numbers that are read where the groups of a head look for its largest one: a work-item that has any left to read loads some
     * at once, the head's last one in place of those that are not there.
     *
     * @param perRow numbers of a row
     * @param abreast work-items that share a head
     * @param ahead numbers that a work-item loads at once
     */
    long scanned(boolean queries, long perRow, long abreast, long ahead) {
        return (queries ? spec.heads() : spec.kvHeads()) * IntStream.range(0, spec.batch())
                .mapToLong(b -> perRow * (queries ? spec.seqQ() : spec.keyLength(b)))
                .map(numbers -> ahead * (numbers / (abreast * ahead) * abreast + Math.min(numbers % (abreast * ahead), abreast)))
                .sum();
    }
}
