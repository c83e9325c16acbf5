package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * What one step of decoding is about, as data, so that the next step compiles nothing: the slots of the {@code step} IntArray of
 * {@link CacheAppend}, {@link DecodeForward} and {@link MergeParts}. Behind the slots lie three lists with one row for each batch
 * entry: lengths, new keys, pages.
 *
 * <p>Key j of entry b lies in row {@code page[j >> PAGE_SHIFT] * PAGE_SIZE + (j & (1 << PAGE_SHIFT) - 1)} of the cache, where
 * {@code page} are the entry's pages. A cache without pages is one whose entries have one page each.
 */
public final class Step {
    public static final int BATCH = 0;
    public static final int HEADS = 1;
    public static final int KV_HEADS = 2;
    /** N, queries of each entry and head in this step; 0 if only the cache grows. */
    public static final int QUERIES = 3;
    /** Keys and values of each entry and head that the arrays of new ones have room for. */
    public static final int ROOM = 4;
    public static final int LEFT = 5;
    public static final int RIGHT = 6;
    /** 1 if the diagonal starts at key 0, 0 if the last query stands opposite the last key. */
    public static final int TOP_LEFT = 7;
    /** Rows of the cache, for each key head. */
    public static final int ROWS = 8;
    public static final int PAGE_SIZE = 9;
    public static final int PAGE_SHIFT = 10;
    /** Pages that an entry may have. */
    public static final int PAGES = 11;
    /** Parts that the keys are split into. */
    public static final int SPLITS = 12;
    /** Tiles that the rows of a key head are cut into, a row being a query of a query head. */
    public static final int ROW_TILES = 13;
    /** Leading elements of queries and keys that are rotated; 0 if none. */
    public static final int ROTARY = 14;
    /** From an element to its partner: 1 where neighbors are rotated, {@code ROTARY / 2} where halves are. */
    public static final int PARTNER = 15;
    /**
     * Where the lists begin: [B] keys that exist, new ones included; then [B] how many of them are new; then [B, PAGES] pages.
     */
    public static final int LENGTHS = 16;

    private Step() {
    }

    /** Where the numbers of new keys begin. */
    public static int added(int batch) {
        return LENGTHS + batch;
    }

    /** Where the pages begin. */
    public static int pages(int batch) {
        return LENGTHS + 2 * batch;
    }

    /** The row of key {@code key} of an entry among a key head's, given where the entry's pages begin. */
    static int row(IntArray step, int pages, int pageSize, int shift, int key) {
        return step.get(pages + (key >> shift)) * pageSize + (key & ((1 << shift) - 1));
    }
}
