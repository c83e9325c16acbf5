package io.github.tornadoattention.host;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Where the keys and values of growing sequences lie: one sequence for each entry of a batch, contiguous or in pages.
 *
 * <p>Keys are {@code [kvHeads, rows, headDim]}, and so are values. Key j of entry b lies in row {@code page * pageSize + j %
 * pageSize}, where {@code page} is the entry's page number {@code j / pageSize}. A contiguous cache is one with a page of
 * {@code capacity} keys for each entry. Pages go to the entries as these grow, so that the entries together need not have room
 * for the longest one each.
 *
 * <p>A cache belongs to one {@link Decoding}, which writes into it; on a device the arrays here are what the cache held when the
 * device first ran, not what it holds now.
 */
public final class KvCache {
    private static final int SMALLEST_PAGE = 16;

    private final int batch;
    private final int kvHeads;
    private final int capacity;
    private final int headDim;
    private final int pageSize;
    private final boolean paged;
    private final int[] lengths;
    private final int[][] pages;
    private final int[] owned;
    private final int[] free;
    private int freeCount;
    private final int[] pool;
    private final DType dtype;
    private @Nullable Tensor keys;
    private @Nullable Tensor values;

    private KvCache(int batch, int kvHeads, int capacity, int headDim, int pageSize, int[] pool, boolean paged, DType dtype) {
        this.batch = batch;
        this.kvHeads = kvHeads;
        this.capacity = capacity;
        this.headDim = headDim;
        this.pageSize = pageSize;
        this.paged = paged;
        this.pool = pool;
        this.dtype = dtype;
        require(dtype == DType.FP32 || headDim % 2 == 0, "headDim is %d, must be even in a cache of %s", headDim, dtype);
        this.lengths = new int[batch];
        this.pages = new int[batch][Math.ceilDiv(capacity, pageSize)];
        this.owned = new int[batch];
        this.free = new int[pool.length];
        for (int n = 0; n < pool.length; n++) {
            free[pool.length - 1 - n] = pool[n];
        }
        this.freeCount = pool.length;
        long elements = (long) kvHeads * pool.length * pageSize;
        require(elements <= Integer.MAX_VALUE && elements * headDim <= Integer.MAX_VALUE,
                "a cache of %d heads, %d pages of %d keys and head dim %d has 2^31 elements or more", kvHeads, pool.length,
                pageSize, headDim);
    }

    /**
     * A cache with room for {@code capacity} keys in each entry.
     *
     * @throws IllegalArgumentException if a number is below 1, headDim above {@value AttentionSpec#MAX_HEAD_DIM}, or the cache
     *     has 2^31 elements or more
     */
    public static KvCache contiguous(int batch, int kvHeads, int capacity, int headDim) {
        return contiguous(batch, kvHeads, capacity, headDim, DType.FP32);
    }

    private static KvCache contiguous(int batch, int kvHeads, int capacity, int headDim, DType dtype) {
        requireSizes(batch, kvHeads, capacity, headDim);
        int[] pool = new int[batch];
        Arrays.setAll(pool, n -> n);
        KvCache cache = new KvCache(batch, kvHeads, capacity, headDim, capacity, pool, false, dtype);
        for (int b = 0; b < batch; b++) {
            cache.pages[b][0] = cache.free[--cache.freeCount];
            cache.owned[b] = 1;
        }
        return cache;
    }

    /**
     * A cache of pages that the entries share; an entry takes them in the order 0, 1, 2, … or as others have given them back.
     *
     * @param capacity the most keys of an entry
     * @param pageSize keys of a page, a power of two from 16 on
     * @param pages how many there are
     * @throws IllegalArgumentException as {@link #contiguous}, and if the page size is illegal
     */
    public static KvCache paged(int batch, int kvHeads, int capacity, int headDim, int pageSize, int pages) {
        require(pages >= 1, "pages is %d, must be at least 1", pages);
        int[] order = new int[pages];
        Arrays.setAll(order, n -> n);
        return paged(batch, kvHeads, capacity, headDim, pageSize, order);
    }

    /**
     * Likewise, with pages taken in the given order.
     *
     * @param order a permutation of 0, 1, 2, …
     */
    public static KvCache paged(int batch, int kvHeads, int capacity, int headDim, int pageSize, int[] order) {
        requireSizes(batch, kvHeads, capacity, headDim);
        require(pageSize >= SMALLEST_PAGE && Integer.bitCount(pageSize) == 1,
                "page size is %d, must be a power of two from %d on", pageSize, SMALLEST_PAGE);
        boolean[] seen = new boolean[order.length];
        for (int page : order) {
            require(page >= 0 && page < order.length && !seen[page], "pages %s are no permutation of 0..%d",
                    Arrays.toString(order), order.length - 1);
            seen[page] = true;
        }
        return new KvCache(batch, kvHeads, capacity, headDim, pageSize, order.clone(), true, DType.FP32);
    }

    /**
     * An empty cache of the same shape, which holds numbers of another type: half the memory with float16 or bfloat16. Keys are
     * rounded after they were rotated.
     *
     * @throws IllegalArgumentException if an entry of this cache holds keys, or the head dim is odd and the type has 16 bits
     */
    public KvCache withDtype(DType type) {
        for (int b = 0; b < batch; b++) {
            require(lengths[b] == 0, "entry %d of the cache holds %d keys: their type stays", b, lengths[b]);
        }
        return paged ? new KvCache(batch, kvHeads, capacity, headDim, pageSize, pool, true, type)
                : contiguous(batch, kvHeads, capacity, headDim, type);
    }

    private static void requireSizes(int batch, int kvHeads, int capacity, int headDim) {
        require(batch >= 1, "batch is %d, must be at least 1", batch);
        require(kvHeads >= 1, "kvHeads is %d, must be at least 1", kvHeads);
        require(capacity >= 1, "capacity is %d, must be at least 1", capacity);
        require(headDim >= 1 && headDim <= AttentionSpec.MAX_HEAD_DIM, "headDim is %d, must be 1..%d", headDim,
                AttentionSpec.MAX_HEAD_DIM);
    }

    private static void require(boolean holds, String message, Object... numbers) {
        if (!holds) {
            throw new IllegalArgumentException(message.formatted(numbers));
        }
    }

    public int batch() {
        return batch;
    }

    public int kvHeads() {
        return kvHeads;
    }

    /** The most keys of an entry. */
    public int capacity() {
        return capacity;
    }

    public int headDim() {
        return headDim;
    }

    /** The type of the numbers that it holds. */
    public DType dtype() {
        return dtype;
    }

    /** Keys of a page; the capacity, if the cache is contiguous. */
    public int pageSize() {
        return pageSize;
    }

    /** Whether entries share pages. */
    public boolean isPaged() {
        return paged;
    }

    /** Pages that nobody has. */
    public int freePages() {
        return freeCount;
    }

    /** Rows of keys of each head: pages times their size. */
    public int rows() {
        return free.length * pageSize;
    }

    /** Keys that an entry holds. */
    public int length(int entry) {
        return lengths[entry];
    }

    /** Pages that an entry has, in the order of its keys (a copy). */
    public int[] pages(int entry) {
        return Arrays.copyOf(pages[entry], owned[entry]);
    }

    /** The most pages that an entry may have. */
    public int mostPages() {
        return pages[0].length;
    }

    /** The row of key {@code j} of an entry. */
    public int row(int entry, int j) {
        return pages[entry][j / pageSize] * pageSize + j % pageSize;
    }

    /** Storage of the keys, {@code [kvHeads, rows, headDim]}. */
    public Tensor keys() {
        if (keys == null) {
            keys = Tensor.zeros(dtype, kvHeads, rows(), headDim);
        }
        return keys;
    }

    /** Storage of the values, {@code [kvHeads, rows, headDim]}. */
    public Tensor values() {
        if (values == null) {
            values = Tensor.zeros(dtype, kvHeads, rows(), headDim);
        }
        return values;
    }

    /** Forgets the keys of an entry from {@code length} on, and gives back the pages that are then empty. */
    void truncate(int entry, int length) {
        require(entry >= 0 && entry < batch, "entry is %d, must be 0..%d", entry, batch - 1);
        require(length >= 0 && length <= lengths[entry], "entry %d holds %d keys, %d are no fewer", entry, lengths[entry],
                length);
        lengths[entry] = length;
        while (paged && owned[entry] > Math.ceilDiv(length, pageSize)) {
            free[freeCount++] = pages[entry][--owned[entry]];
        }
    }

    /**
     * Makes room for more keys: all of it, or nothing if there is too little.
     *
     * @throws IllegalArgumentException if an entry would exceed the capacity, or no page is free
     */
    void grow(int[] more) {
        int wanted = 0;
        for (int b = 0; b < batch; b++) {
            long length = (long) lengths[b] + more[b];
            require(length <= capacity, "entry %d holds %d of at most %d keys: there is no room for %d more", b, lengths[b],
                    capacity, more[b]);
            wanted += Math.max(0, Math.ceilDiv((int) length, pageSize) - owned[b]);
        }
        require(wanted <= freeCount, "%d pages of %d keys are needed, %d are free", wanted, pageSize, freeCount);
        for (int b = 0; b < batch; b++) {
            lengths[b] += more[b];
            while (owned[b] < Math.ceilDiv(lengths[b], pageSize)) {
                pages[b][owned[b]++] = free[--freeCount];
            }
        }
    }

    /**
     * Writes the last keys and values of each entry, which {@link #length} counts already.
     *
     * @param k {@code [batch, kvHeads, n, headDim]}, of which entry b uses the first {@code added[b]}
     * @param v likewise
     * @param rotary how keys are rotated by their positions, null = not at all
     */
    public void write(Tensor k, Tensor v, int[] added, @Nullable Rotary rotary) {
        int n = k.shape()[2];
        float[] key = new float[headDim];
        float[] value = new float[headDim];
        Tensor allKeys = keys();
        Tensor allValues = values();
        for (int b = 0; b < batch; b++) {
            for (int g = 0; g < kvHeads; g++) {
                for (int j = 0; j < added[b]; j++) {
                    long from = (((long) b * kvHeads + g) * n + j) * headDim;
                    k.read(from, key, 0, headDim);
                    v.read(from, value, 0, headDim);
                    int position = lengths[b] - added[b] + j;
                    if (rotary != null) {
                        rotary.rotate(key, 0, position);
                    }
                    long to = ((long) g * rows() + row(b, position)) * headDim;
                    allKeys.write(key, 0, to, headDim);
                    allValues.write(value, 0, to, headDim);
                }
            }
        }
    }

    /** The shape of the cache, not its contents. */
    @Override
    public String toString() {
        return "KvCache[batch=%d, kvHeads=%d, capacity=%d, headDim=%d, %s, %s]".formatted(batch, kvHeads, capacity, headDim,
                dtype,
                paged ? "%d pages of %d".formatted(free.length, pageSize) : "contiguous");
    }
}
