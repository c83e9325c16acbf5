package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Attention of few queries over a part of a long cache, {@code out_s} and {@code lse_s}, which {@link MergeParts} merges: keys
 * are split between groups, so that a single query keeps the whole device busy (Flash-Decoding, Dao et al. 2023).
 *
 * <p>With few queries reading the cache is what costs, so keys and values go straight from global memory to registers, once for
 * all rows of a group: the queries of all query heads that share the key head. The threadsX work-items of a line share its keys,
 * each with its elements of the head dimension ({@link CachedRow}), and its scores, each with its pairs of a row and a key. Lines
 * go through keys of their own, rows of the cache side by side, with their own running maximum and sum, and are merged at the
 * end.
 */
public final class DecodeForward {
    /** Sums of a row of partial products that go on side by side, so that none waits for the one before. */
    private static final int SUMS = 4;

    private DecodeForward() {
    }

    /**
     * One launch: {@code splits * batch * kvHeads * rowTiles} groups of {@code threadsX * threadsY} work-items. Local memory, in
     * floats: {@code threadsY * R * keys * (threadsX + 1)} or {@code threadsY * R * width} if that is more,
     * {@code 2 * threadsY * R * keys}, and {@code (threadsY + 2) * R}, where {@code width} is threadsX times {@link
     * CachedRow#columns}.
     *
     * @param q         [B, H, N, D]
     * @param keys      [Hkv, rows, D], where {@code step} says which row a key has
     * @param values    likewise
     * @param keys16    with {@link CachedNumber#ANY}, in place of keys: two numbers to an int; D is even
     * @param values16  likewise
     * @param keysHalf  with {@link Options#CACHE_HALF} and {@link Options#CACHE_NATIVE}, in place of both
     * @param valuesHalf likewise
     * @param powers    {@link CachedNumber#powers}
     * @param partOut   result [splits, B, H, N, D]
     * @param partLse   result [splits, B, H, N]; negative infinity where a query sees no key of the part
     * @param step      the slots of {@link Step}
     * @param numbers   the slots of {@link Shape}
     * @param rotations [B, room, rotary / 2, 2] cosine and sine for the last {@code room} positions of each entry; read only with
     *     {@link Options#ROTARY}
     * @param headDim   D, 1..256
     * @param tile      {@code R << 16 | keys}: rows of a group, and keys that a line takes at a time
     * @param threads   {@code threadsX << 16 | threadsY}
     * @param options   bits of {@link Options}
     */
    public static void decode(KernelContext ctx, FloatArray q, FloatArray keys, FloatArray values, IntArray keys16,
            IntArray values16, HalfFloatArray keysHalf, HalfFloatArray valuesHalf, FloatArray powers, FloatArray partOut,
            FloatArray partLse, IntArray step, FloatArray numbers, FloatArray rotations, int headDim, int tile,
            int threads, int options) {
        int rows = tile >> 16;
        int keysEach = tile & 0xFFFF;
        int threadsX = threads >> 16;
        int threadsY = threads & 0xFFFF;
        int tx = ctx.localIdx % threadsX;
        int ty = ctx.localIdx / threadsX;

        // The group's place, and the keys that are its part
        int batch = step.get(Step.BATCH);
        int heads = step.get(Step.HEADS);
        int kvHeads = step.get(Step.KV_HEADS);
        int queries = step.get(Step.QUERIES);
        int rowTiles = step.get(Step.ROW_TILES);
        int splits = step.get(Step.SPLITS);
        int row0 = ctx.groupIdx % rowTiles * rows;
        int split = ctx.groupIdx / rowTiles % splits;
        int kvHead = ctx.groupIdx / rowTiles / splits % kvHeads;
        int entry = ctx.groupIdx / rowTiles / splits / kvHeads;
        int shared = heads / kvHeads;
        int rowLast = shared * queries - 1; // -1 without queries: then only the cache grows
        int present = TornadoMath.max(queries, 1); // to divide by
        int firstHead = entry * heads + kvHead * shared;
        int length = step.get(Step.LENGTHS + entry);
        int diagonal = step.get(Step.TOP_LEFT) == 1 ? 0 : length - queries;
        int left = step.get(Step.LEFT);
        int right = step.get(Step.RIGHT);
        int together = threadsY * keysEach;
        int first = Band.firstKey(options, 0, diagonal, left);
        int end = queries == 0 ? first : Band.endKey(options, queries - 1, diagonal, right, length);
        int base = first / keysEach * keysEach; // so that the keys of a line are rows side by side, on one page
        int stretch = ((end > first ? end - base : 0) + splits - 1) / splits;
        stretch = (stretch + together - 1) / together * together;
        int begin = base + split * stretch;
        int from = TornadoMath.max(begin, first);
        int to = TornadoMath.min(begin + stretch, end);
        int shift = step.get(Step.PAGE_SHIFT);
        int pageSize = step.get(Step.PAGE_SIZE);
        int pages = Step.pages(batch) + entry * step.get(Step.PAGES);
        int baseRow = kvHead * step.get(Step.ROWS);
        float scale = numbers.get(Shape.SCALE);
        float softcap = numbers.get(Shape.SOFTCAP);
        float masked = numbers.get(Shape.NEGATIVE_INFINITY);

        int columns = CachedRow.columns(options, headDim, threadsX);
        int width = columns * threadsX;
        int pairs = rows * keysEach;
        int own = (pairs + threadsX - 1) / threadsX; // pairs of a row and a key, whose scores are a work-item's to compute
        int ld = threadsX + 1;
        float[] partial = ctx.allocateFloatLocalArray(TornadoMath.max(threadsY * pairs * ld, threadsY * rows * width));
        float[] scores = ctx.allocateFloatLocalArray(threadsY * pairs);
        float[] probabilities = ctx.allocateFloatLocalArray(threadsY * pairs);
        float[] factors = ctx.allocateFloatLocalArray(threadsY * rows);
        float[] rowM = ctx.allocateFloatLocalArray(rows);
        float[] rowL = ctx.allocateFloatLocalArray(rows);

        float[] x = new float[rows * columns];
        float[] acc = new float[rows * columns];
        float[] score = new float[own];
        float[] m = new float[own];
        float[] l = new float[own];
        float[] sums = new float[SUMS];
        float[] k = new float[keysEach * columns];
        float[] v = new float[keysEach * columns];
        Tile.clear(acc, rows * columns);
        Tile.clear(l, own);
        for (int a = 0; a < own; a++) {
            m[a] = -Float.MAX_VALUE; // finite, so that exp(masked - m) is 0 also where nothing was seen yet
        }
        for (int r = 0; r < rows; r++) {
            int row = TornadoMath.max(TornadoMath.min(row0 + r, rowLast), 0);
            int at = (firstHead * queries + row) * headDim; // heads of a group are neighbors, and so are their queries
            for (int c = 0; c < columns; c++) {
                int d = CachedRow.column(options, tx, c, threadsX);
                float element = 0f;
                if (d < headDim) {
                    element = q.get(at + d);
                    if ((options & Options.ROTARY) != 0) {
                        int room = step.get(Step.ROOM);
                        int position = entry * room + room - present + row % present;
                        element = Rotation.rotated(q, at, d, step, rotations, position);
                    }
                }
                x[r * columns + c] = element * scale;
            }
        }

        for (int k0 = begin; k0 < to; k0 += together) {
            // keys and values of this line
            int line = k0 + ty * keysEach;
            int inside = TornadoMath.min(line, (to - 1) / keysEach * keysEach); // a line past the end reads another
            int cached = baseRow + Step.row(step, pages, pageSize, shift, inside) - inside;
            for (int n = 0; n < keysEach; n++) {
                int row = cached + TornadoMath.max(TornadoMath.min(inside + n, to - 1), from);
                int at = n * columns;
                CachedRow.fetch(options, keys, keys16, keysHalf, powers, row, headDim, tx, threadsX, columns, k, at);
                CachedRow.fetch(options, values, values16, valuesHalf, powers, row, headDim, tx, threadsX, columns, v, at);
            }

            // S = scale Q Kᵀ: each work-item its elements of the head dim first, then across the line
            for (int r = 0; r < rows; r++) {
                for (int n = 0; n < keysEach; n++) {
                    float sum = 0f;
                    for (int c = 0; c < columns; c++) {
                        sum = sum + x[r * columns + c] * k[n * columns + c];
                    }
                    partial[(ty * pairs + r * keysEach + n) * ld + tx] = sum;
                }
            }
            ctx.localBarrier(); // all partial products are there
            for (int a = 0; a < own; a++) {
                int pair = tx + a * threadsX;
                if (pair < pairs) {
                    Tile.clear(sums, SUMS);
                    for (int other = 0; other < threadsX; other++) {
                        sums[other % SUMS] = sums[other % SUMS] + partial[(ty * pairs + pair) * ld + other];
                    }
                    float sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
                    int row = TornadoMath.min(row0 + pair / keysEach, rowLast);
                    int query = row % present;
                    int key = line + pair % keysEach;
                    float slope = 0f;
                    if ((options & Options.ALIBI) != 0) {
                        slope = numbers.get(Shape.SLOPES + kvHead * shared + row / present);
                    }
                    sum = Score.modified(options, sum, softcap, slope, query, key, diagonal);
                    if (Band.sees(options, query, key, diagonal, left, right, to) == 0) {
                        sum = masked;
                    }
                    score[a] = sum;
                    scores[ty * pairs + pair] = sum;
                }
            }
            ctx.localBarrier(); // all scores are there

            // m' = max(m, max S), P = exp(S - m'), l' = exp(m - m') l + P: each work-item for its pairs
            for (int a = 0; a < own; a++) {
                int pair = tx + a * threadsX;
                if (pair < pairs) {
                    float most = m[a];
                    for (int n = 0; n < keysEach; n++) {
                        most = TornadoMath.max(most, scores[ty * pairs + pair / keysEach * keysEach + n]);
                    }
                    float alpha = TornadoMath.exp(m[a] - most);
                    float p = TornadoMath.exp(score[a] - most);
                    m[a] = most;
                    l[a] = l[a] * alpha + p;
                    probabilities[ty * pairs + pair] = p;
                    if (pair % keysEach == 0) {
                        factors[ty * rows + pair / keysEach] = alpha;
                    }
                }
            }
            ctx.localBarrier(); // P is there, and by how much what was summed before shrinks

            // O' = exp(m - m') O + P V
            for (int r = 0; r < rows; r++) {
                float alpha = factors[ty * rows + r];
                for (int c = 0; c < columns; c++) {
                    acc[r * columns + c] = acc[r * columns + c] * alpha;
                }
                for (int n = 0; n < keysEach; n++) {
                    float p = probabilities[ty * pairs + r * keysEach + n];
                    for (int c = 0; c < columns; c++) {
                        acc[r * columns + c] = acc[r * columns + c] + p * v[n * columns + c];
                    }
                }
            }
        }

        // The lines' parts become one: m and l first, then out = sum exp(m_line - m) O_line / l
        ctx.localBarrier(); // P is used up
        for (int a = 0; a < own; a++) {
            int pair = tx + a * threadsX;
            if (pair < pairs) {
                probabilities[ty * pairs + pair] = l[a];
                if (pair % keysEach == 0) {
                    factors[ty * rows + pair / keysEach] = m[a];
                }
            }
        }
        ctx.localBarrier(); // m and l of all lines are there
        if (ctx.localIdx < rows) {
            float most = factors[ctx.localIdx];
            for (int other = 1; other < threadsY; other++) {
                most = TornadoMath.max(most, factors[other * rows + ctx.localIdx]);
            }
            float sum = 0f;
            for (int other = 0; other < threadsY; other++) {
                float line = 0f;
                for (int n = 0; n < keysEach; n++) {
                    line = line + probabilities[other * pairs + ctx.localIdx * keysEach + n];
                }
                sum = sum + line * TornadoMath.exp(factors[other * rows + ctx.localIdx] - most);
            }
            rowM[ctx.localIdx] = most;
            rowL[ctx.localIdx] = sum;
        }
        ctx.localBarrier(); // m and l of all rows are there
        for (int r = 0; r < rows; r++) {
            float weight = rowL[r] == 0f ? 0f : TornadoMath.exp(factors[ty * rows + r] - rowM[r]) / rowL[r];
            for (int c = 0; c < columns; c++) {
                partial[(ty * rows + r) * width + CachedRow.column(options, tx, c, threadsX)] = acc[r * columns + c] * weight;
            }
        }
        ctx.localBarrier(); // O of all lines is there
        int rowsHere = TornadoMath.min(rows, rowLast + 1 - row0);
        int at = split * batch * heads * queries + firstHead * queries + row0;
        for (int element = ctx.localIdx; element < rowsHere * headDim; element += threadsX * threadsY) {
            int r = element / headDim;
            float sum = 0f;
            for (int other = 0; other < threadsY; other++) {
                sum = sum + partial[(other * rows + r) * width + element % headDim];
            }
            partOut.set(at * headDim + element, sum);
        }
        if (ctx.localIdx < rowsHere) {
            float sum = rowL[ctx.localIdx];
            partLse.set(at + ctx.localIdx, sum == 0f ? masked : rowM[ctx.localIdx] + TornadoMath.log(sum));
        }
    }
}
