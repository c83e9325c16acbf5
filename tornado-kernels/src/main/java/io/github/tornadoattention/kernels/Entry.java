package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Which batch entry, head and tile a group owns, and where the entry's rows are. Without {@link Options#PACKED} all entries are
 * alike and follow each other. With it each has a length of its own: {@link Shape#PLACES} lists a batch entry and a tile for each
 * place, of which every head has a group, heavy ones first, and {@link Shape#ENTRIES} says for each entry how many queries it
 * has, its diagonal, and its first rows of queries and of keys.
 */
final class Entry {
    private static final int NUMBERS = 4;

    private Entry() {
    }

    /** {@code batch * heads + head} of a group, where every head of every entry has {@code tiles} tiles. */
    static int batchHead(int options, IntArray shape, int group, int heads, int tiles) {
        int batchHead = (options & Options.BAND) == 0 ? group / tiles : group % (shape.get(Shape.BATCH) * heads);
        if ((options & Options.PACKED) != 0) {
            batchHead = shape.get(shape.get(Shape.PLACES) + group / heads * 2) * heads + group % heads;
        }
        return batchHead;
    }

    /** The tile of a group. With a band the heavy tiles of all heads come first: the last ones if {@code lastFirst} is not 0. */
    static int tile(int options, IntArray shape, int group, int heads, int tiles, int lastFirst) {
        int round = group / (shape.get(Shape.BATCH) * heads);
        int tile = (options & Options.BAND) == 0 ? group % tiles : (lastFirst == 0 ? round : tiles - 1 - round);
        if ((options & Options.PACKED) != 0) {
            tile = shape.get(shape.get(Shape.PLACES) + group / heads * 2 + 1);
        }
        return tile;
    }

    /** Number of batch entries. Packed ones have their key lengths right in front of what else there is to say of them. */
    static int count(int options, IntArray shape) {
        return (options & Options.PACKED) == 0 ? shape.get(Shape.BATCH) : shape.get(Shape.ENTRIES) - shape.get(Shape.KEY_LENGTHS);
    }

    /** Queries of an entry. */
    static int queries(int options, IntArray shape, int batch) {
        return (options & Options.PACKED) == 0 ? shape.get(Shape.SEQ_Q) : shape.get(shape.get(Shape.ENTRIES) + batch * NUMBERS);
    }

    /** Keys of an entry, hidden ones included. */
    static int keys(int options, IntArray shape, int batch) {
        return (options & Options.PACKED) == 0 ? shape.get(Shape.SEQ_K) : shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
    }

    /** The key that the entry's query 0 stands opposite. */
    static int diagonal(int options, IntArray shape, int batch) {
        return (options & Options.PACKED) == 0 ? shape.get(Shape.DIAGONAL)
                : shape.get(shape.get(Shape.ENTRIES) + batch * NUMBERS + 1);
    }

    /** Where query 0 of an entry and head begins, in q, out and their gradients. */
    static int query(int options, IntArray shape, int batch, int head) {
        int entry = batch * shape.get(Shape.Q_BATCH_STRIDE);
        if ((options & Options.PACKED) != 0) {
            entry = shape.get(shape.get(Shape.ENTRIES) + batch * NUMBERS + 2) * shape.get(Shape.Q_ROW_STRIDE);
        }
        return entry + head * shape.get(Shape.Q_HEAD_STRIDE);
    }

    /** Where key 0 of an entry and key head begins, in k, v and their gradients. */
    static int key(int options, IntArray shape, int batch, int kvHead) {
        int entry = batch * shape.get(Shape.K_BATCH_STRIDE);
        if ((options & Options.PACKED) != 0) {
            entry = shape.get(shape.get(Shape.ENTRIES) + batch * NUMBERS + 3) * shape.get(Shape.K_ROW_STRIDE);
        }
        return entry + kvHead * shape.get(Shape.K_HEAD_STRIDE);
    }

    /** Where the numbers of query 0 of an entry and head are, in lse and delta. */
    static int row(int options, IntArray shape, int batch, int head) {
        int row = (batch * shape.get(Shape.HEADS) + head) * shape.get(Shape.SEQ_Q);
        if ((options & Options.PACKED) != 0) {
            row = head * shape.get(Shape.SEQ_Q) + shape.get(shape.get(Shape.ENTRIES) + batch * NUMBERS + 2);
        }
        return row;
    }
}
