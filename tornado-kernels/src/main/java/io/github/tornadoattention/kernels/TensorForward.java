package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/**
 * Flash attention, forward, on tensor cores: what {@link FlashForward} computes, with factors of 16 bits and sums of 32.
 *
 * <p>Each warp of a group owns 16 queries, whose fragments it keeps, as well as its scores and outputs. Tiles of Bc keys and
 * values stream through local memory, two of each at a time: while a group works on one, it stores the next and fetches the one
 * after it, so a tile costs one barrier. Everything else stays in registers ({@link Fragments} says how), P too, which goes from
 * scores into a factor element by element, always in float16: no kernel can put the bits of a bfloat16 into a fragment. So
 * products of bfloat16 are those of Q and K only; V comes in float16, which {@link BrainPack} makes of it.
 *
 * <p>Rows of the output are scaled anew only if P grew beyond {@link #LARGE}: l and the division at the end make any other
 * reference than the maximum as exact. Each warp finds out for itself, and looks for maxima in tiles that climb only.
 */
public final class TensorForward {
    /** What a lane's part of a row of P may add up to before the row gets another reference m: far from the largest float16. */
    private static final float LARGE = 4096f;

    private TensorForward() {
    }

    /**
     * One launch: {@code batch * heads * ceil(seqQ / Br)} groups of {@code 2 Br} work-items.
     *
     * @param q       queries [B, H, N, D], 16-bit numbers in longs of four; strides in {@code shape}
     * @param k       keys, {@link TensorPack#columns}, in longs of four
     * @param v       values [B, Hkv, N, D], float16 in longs of four; of bfloat16 those of {@link BrainPack}
     * @param scales  [2, B, Hkv], {@link BrainPack}'s; not read unless the option is {@link Options#BRAIN}
     * @param out     result, laid out as q, in ints of two; every element is written
     * @param lse     result [B, H, N], float32, see {@link FlashForward}
     * @param shape   the slots of {@link Shape}; the lists say which tiles of keys each tile of queries visits
     * @param numbers the slots of {@link Shape}; the scale is positive
     * @param headDim D, a multiple of 16 up to 128
     * @param blocks  {@code Br << 16 | Bc}, multiples of 16 up to 64 keys
     * @param options bits of {@link Options}
     */
    @Launch(tile = Extent.BLOCK_Q, local = {
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.NONE, pad = 8),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.NONE, pad = 4)})
    public static void forward(KernelContext ctx, LongArray q, LongArray k, LongArray v, FloatArray scales, IntArray out,
            FloatArray lse, IntArray shape, FloatArray numbers, int headDim, int blocks, int options) {
        int blockQ = blocks >> 16;
        int blockK = blocks & 0xFFFF;
        int parts = blockQ > 64 ? 2 : 1; // blocks of 16 queries of a warp
        int threads = blockQ / parts * 2;
        int chunks = headDim / 16;

        // The group's place: heavy tiles (the last ones, when causal) of all heads first.
        int item = ctx.localIdx;
        int warp = item >> 5;
        int lane = item & 31;
        int g = lane >> 2;
        int u = lane & 3;
        int heads = shape.get(Shape.HEADS);
        int kvHeads = shape.get(Shape.KV_HEADS);
        int seqQ = shape.get(Shape.SEQ_Q);
        int seqK = shape.get(Shape.SEQ_K);
        int tiles = (seqQ + blockQ - 1) / blockQ;
        int batchHeads = shape.get(Shape.BATCH) * heads;
        int batchHead = (options & Options.BAND) == 0 ? ctx.groupIdx / tiles : ctx.groupIdx % batchHeads;
        int tile = (options & Options.BAND) == 0 ? ctx.groupIdx % tiles : tiles - 1 - ctx.groupIdx / batchHeads;
        int batch = batchHead / heads;
        int head = batchHead % heads;
        int q0 = tile * blockQ;
        int qLast = TornadoMath.min(q0 + blockQ, seqQ) - 1;
        int rowStride = shape.get(Shape.Q_ROW_STRIDE);
        int baseQ = batch * shape.get(Shape.Q_BATCH_STRIDE) + head * shape.get(Shape.Q_HEAD_STRIDE);
        int perRow = headDim / 4;
        int keyRows = (seqK + TensorPack.ROWS - 1) / TensorPack.ROWS * TensorPack.ROWS;
        int baseK = (batch * kvHeads + head / (heads / kvHeads)) * keyRows * perRow + item;
        int rowStrideV = shape.get(Shape.K_ROW_STRIDE) / 4;
        int baseV = batch * (shape.get(Shape.K_BATCH_STRIDE) / 4)
                + head / (heads / kvHeads) * (shape.get(Shape.K_HEAD_STRIDE) / 4);
        int diagonal = shape.get(Shape.DIAGONAL);
        int left = shape.get(Shape.LEFT);
        int right = shape.get(Shape.RIGHT);
        int keyLength = shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
        float scale = numbers.get(Shape.SCALE);
        float softcap = numbers.get(Shape.SOFTCAP);
        float slope = 0f;
        if ((options & Options.ALIBI) != 0) {
            slope = numbers.get(Shape.SLOPES + head);
        }
        float masked = numbers.get(Shape.NEGATIVE_INFINITY);

        // K and V of two tiles; Q goes through the room of V at first
        int[] kTile = ctx.allocateIntLocalArray(blockK * headDim);
        int[] vTile = ctx.allocateIntLocalArray(blockK * headDim + blockK * 8);
        float[] exchange = ctx.allocateFloatLocalArray(blockQ * 4);
        int kInts = blockK * headDim / 2; // of a tile
        int vInts = blockK * headDim / 128 * ValueTile.PIECE;

        // Q, the first block of each warp: rows past the end repeat the last one
        float huge = 0f;
        for (int i = 0; i < blockQ / parts * headDim / 4 / threads; i++) {
            int n = item + i * threads;
            int row = n / perRow;
            int c = n % perRow;
            int query = TornadoMath.min(q0 + row / 16 * 16 * parts + row % 16, seqQ - 1);
            long four = TensorPack.notANumber(q.get((baseQ + query * rowStride) / 4 + c), Fragments.exponent(options));
            huge = (options & Options.BRAIN) != 0 ? huge + BrainPack.huge(four) : 0f;
            int at = (row / 16 * chunks + c / 4) * 128 + row % 16 * 8 + c % 4 * 2;
            vTile[at] = (int) four;
            vTile[at + 1] = (int) (four >> 32);
        }

        // The tiles of keys to visit: those that the band touches, or those listed. K_first goes to local memory.
        int listed = shape.get(Shape.LISTS) + head * shape.get(Shape.LIST_HEAD_STRIDE) + tile;
        int first = Visits.first(options, shape, listed, Band.firstKey(options, q0, diagonal, left) / blockK);
        int keyEnd = Band.endKey(options, qLast, diagonal, right, keyLength);
        int end = Visits.end(options, shape, listed, first, (keyEnd + blockK - 1) / blockK);
        int longs = blockK * headDim / 4 / threads;
        long[] kNext = new long[longs];
        long[] vNext = new long[longs];
        if (first < end) {
            int key = Visits.tile(options, shape, first) * blockK;
            for (int i = 0; i < longs; i++) {
                kNext[i] = k.get(baseK + key * perRow + i * threads);
            }
            ValueTile.fetch(longs, threads, blockK, perRow, item, v, baseV, rowStrideV, key, keyLength, vNext);
            for (int i = 0; i < longs; i++) {
                kTile[(first & 1) * kInts + (item + i * threads) * 2] = (int) kNext[i];
                kTile[(first & 1) * kInts + (item + i * threads) * 2 + 1] = (int) (kNext[i] >> 32);
            }
        }
        ctx.localBarrier(); // Q and K_first are complete

        int qAt = warp * headDim * 32;
        HalfFloat[] q0f = ctx.mmaLoadA(vTile, 16, qAt);
        HalfFloat[] q1f = ctx.mmaLoadA(vTile, 16, qAt + (chunks > 1 ? 512 : 0));
        HalfFloat[] q2f = ctx.mmaLoadA(vTile, 16, qAt + (chunks > 2 ? 1024 : 0));
        HalfFloat[] q3f = ctx.mmaLoadA(vTile, 16, qAt + (chunks > 3 ? 1536 : 0));
        if (parts > 1) {
            ctx.localBarrier(); // the first blocks are in registers
            for (int i = 0; i < blockQ / parts * headDim / 4 / threads; i++) {
                int n = item + i * threads;
                int row = n / perRow;
                int c = n % perRow;
                int query = TornadoMath.min(q0 + row / 16 * 32 + 16 + row % 16, seqQ - 1);
                long four = TensorPack.notANumber(q.get((baseQ + query * rowStride) / 4 + c), Fragments.exponent(options));
                huge = (options & Options.BRAIN) != 0 ? huge + BrainPack.huge(four) : 0f;
                int at = (row / 16 * chunks + c / 4) * 128 + row % 16 * 8 + c % 4 * 2;
                vTile[at] = (int) four;
                vTile[at + 1] = (int) (four >> 32);
            }
            ctx.localBarrier(); // the second blocks are complete
        }
        // the fifth to eighth chunk of a row, or the first four of the second block
        HalfFloat[] q4f = ctx.mmaLoadA(vTile, 16, qAt + (parts == 1 && chunks > 4 ? 2048 : 0));
        HalfFloat[] q5f = ctx.mmaLoadA(vTile, 16, qAt + (parts > 1 ? (chunks > 1 ? 512 : 0) : chunks > 5 ? 2560 : 0));
        HalfFloat[] q6f = ctx.mmaLoadA(vTile, 16, qAt + (parts > 1 ? (chunks > 2 ? 1024 : 0) : chunks > 6 ? 3072 : 0));
        HalfFloat[] q7f = ctx.mmaLoadA(vTile, 16, qAt + (parts > 1 ? (chunks > 3 ? 1536 : 0) : chunks > 7 ? 3584 : 0));
        // fragments that P is written to, 16 keys of a block each; what they hold now does not matter
        HalfFloat[] p0f = ctx.mmaLoadA(vTile, 16, qAt);
        HalfFloat[] p1f = ctx.mmaLoadA(vTile, 16, qAt);
        HalfFloat[] p2f = ctx.mmaLoadA(vTile, 16, qAt);
        HalfFloat[] p3f = ctx.mmaLoadA(vTile, 16, qAt);
        if ((options & Options.BRAIN) != 0) {
            exchange[item] = huge;
        }
        ctx.localBarrier(); // Q is in registers; all work-items have told what they saw of it
        // Products of bfloat16 may overflow where K or Q has very large numbers; those of float16 cannot.
        float watch = 0f;
        if ((options & Options.BRAIN) != 0) {
            for (int i = 0; i < threads / 32; i++) {
                watch = watch + exchange[i * 32 + lane];
            }
            watch = ctx.simdSum(watch) + scales.get((shape.get(Shape.BATCH) + batch) * kvHeads + head / (heads / kvHeads));
        }
        if (first < end) {
            for (int i = 0; i < longs; i++) {
                int to = (first & 1) * vInts + ValueTile.place(item + i * threads, perRow);
                vTile[to] = (int) vNext[i];
                vTile[to + 1] = (int) (vNext[i] >> 32);
            }
            int key = Visits.tile(options, shape, TornadoMath.min(first + 1, end - 1)) * blockK;
            for (int i = 0; i < longs; i++) {
                kNext[i] = k.get(baseK + key * perRow + i * threads);
            }
            ValueTile.fetch(longs, threads, blockK, perRow, item, v, baseV, rowStrideV, key, keyLength, vNext);
        }
        ctx.localBarrier(); // V_first is complete

        // TornadoVM includes float16 only where it sees a conversion, as in the pair here, and Fragments.put is none to it
        int zero = Fragments.zero(item, ctx.groupIdx) & Fragments.pair(0, scale, scale);
        int blocksO = (headDim + 63) / 64; // of 64 columns, or 32 elements, in each part of acc
        float[] acc = new float[Fragments.HEADER + parts * blocksO * 32];
        float[] s = new float[Fragments.HEADER + parts * 32];
        float[] sums = new float[2 * parts]; // of rows g and g + 8 of each block, as m and l
        float[] m = new float[2 * parts];
        float[] l = new float[2 * parts];
        FloatArray accTarget = Fragments.target(acc, lse, zero);
        FloatArray sTarget = Fragments.target(s, lse, zero);
        Tile.clear(acc, Fragments.HEADER + parts * blocksO * 32);
        Tile.clear(l, 2 * parts);
        for (int i = 0; i < 2 * parts; i++) {
            m[i] = -Float.MAX_VALUE; // finite, so that exp(masked - m) is 0 also where nothing was seen yet
        }
        int row0 = q0 + warp * 16 * parts + g;
        // scores that an option changes are scaled before that, others together with the subtraction of m
        float factor = (options & (Options.SOFTCAP | Options.ALIBI)) == 0 ? scale : 1f;

        for (int n = first; n < end; n++) {
            int k0 = Visits.tile(options, shape, n) * blockK;

            // the next tile goes to the room of the one before; the one after it is fetched
            int even = n & 1; // in this form the device's compiler sees that addresses differ from each other by constants
            int odd = n + 1 & 1;
            for (int i = 0; i < longs; i++) {
                kTile[odd * kInts + (item + i * threads) * 2] = (int) kNext[i];
                kTile[odd * kInts + (item + i * threads) * 2 + 1] = (int) (kNext[i] >> 32);
            }
            for (int i = 0; i < longs; i++) {
                int to = odd * vInts + ValueTile.place(item + i * threads, perRow);
                vTile[to] = (int) vNext[i];
                vTile[to + 1] = (int) (vNext[i] >> 32);
            }
            int next = Visits.tile(options, shape, TornadoMath.min(n + 2, end - 1)) * blockK;
            for (int i = 0; i < longs; i++) {
                kNext[i] = k.get(baseK + next * perRow + i * threads);
            }
            ValueTile.fetch(longs, threads, blockK, perRow, item, v, baseV, rowStrideV, next, keyLength, vNext);

            // S = Q K_jᵀ
            for (int c = 0; c < blockK / 8; c++) {
                int at = even * kInts * 4 + c * headDim * 16;
                if (parts > 1) {
                    Fragments.products(ctx, options, chunks, q0f, q1f, q2f, q3f, q4f, q5f, q6f, q7f, kTile, at, sTarget, c, g, u);
                } else {
                    float[] product = Fragments.product(ctx, options, chunks, q0f, q1f, q2f, q3f, q4f, q5f, q6f, q7f, kTile, at);
                    Fragments.keep(ctx, product, sTarget, c, g, u);
                }
            }
            s[zero] = 0f;
            if ((options & (Options.SOFTCAP | Options.ALIBI)) != 0) {
                for (int i = 0; i < 2 * parts; i++) {
                    for (int c = 0; c < blockK / 4; c++) {
                        int at = Fragments.HEADER + i * Fragments.BELOW + c;
                        int key = k0 + c / 2 * 8 + 2 * u + c % 2;
                        s[at] = Score.modified(options, s[at] * scale, softcap, slope, row0 + 8 * i, key, diagonal);
                    }
                }
            }
            int whole = Band.whole(options, q0, qLast, k0, k0 + blockK, diagonal, left, right, keyLength);
            if (whole == 0) {
                for (int i = 0; i < 2 * parts; i++) {
                    for (int c = 0; c < blockK / 4; c++) {
                        int at = Fragments.HEADER + i * Fragments.BELOW + c;
                        int key = k0 + c / 2 * 8 + 2 * u + c % 2;
                        s[at] = Band.sees(options, row0 + 8 * i, key, diagonal, left, right, keyLength) == 0
                                ? masked : finite(s[at]);
                    }
                }
            }
            if (whole * watch > 0f) {
                for (int i = 0; i < 2 * parts; i++) {
                    for (int c = 0; c < blockK / 4; c++) {
                        l[i] = l[i] + s[Fragments.HEADER + i * Fragments.BELOW + c] * 0f; // NaN if any is not finite
                    }
                }
            }

            // P = exp(S - m). Has a score passed m so far, in any row of the warp, that its P is too large? The sum tells.
            Tile.clear(sums, 2 * parts);
            probabilities(ctx, 0, 0, s, factor, m, p0f, sums);
            if (blockK > 16) {
                probabilities(ctx, 0, 1, s, factor, m, p1f, sums);
            }
            if (parts > 1) {
                probabilities(ctx, 1, 0, s, factor, m, p2f, sums);
                probabilities(ctx, 1, 1, s, factor, m, p3f, sums);
            }
            float large = sums[0] > LARGE || sums[1] > LARGE ? 1f : 0f;
            if (parts > 1) {
                large = sums[2 * parts - 2] > LARGE || sums[2 * parts - 1] > LARGE ? 1f : large;
            }
            float climbing = ctx.simdSum(large);

            // m' = max(m, rowmax S), l' = exp(m - m') l, O' = exp(m - m') O
            if (climbing > 0f) {
                for (int i = 0; i < 2 * parts; i++) {
                    float top = s[Fragments.HEADER + i * Fragments.BELOW];
                    for (int c = 1; c < blockK / 4; c++) {
                        top = TornadoMath.max(top, s[Fragments.HEADER + i * Fragments.BELOW + c]);
                    }
                    float to = TornadoMath.max(m[i], Fragments.rowMaximum(ctx, top * factor, lane));
                    float alpha = TornadoMath.exp(m[i] - to);
                    m[i] = to;
                    l[i] = l[i] * alpha;
                    for (int c = 0; c < headDim / 8; c++) {
                        int at = Fragments.at(i / 2 * blocksO * 8 + c) + i % 2 * Fragments.BELOW;
                        acc[at] = acc[at] * alpha;
                        acc[at + 1] = acc[at + 1] * alpha;
                    }
                }
                Tile.clear(sums, 2 * parts);
                probabilities(ctx, 0, 0, s, factor, m, p0f, sums);
                if (blockK > 16) {
                    probabilities(ctx, 0, 1, s, factor, m, p1f, sums);
                }
                if (parts > 1) {
                    probabilities(ctx, 1, 0, s, factor, m, p2f, sums);
                    probabilities(ctx, 1, 1, s, factor, m, p3f, sums);
                }
            }
            for (int i = 0; i < 2 * parts; i++) {
                l[i] = l[i] + sums[i];
            }

            // O += P V_j
            int vAt = even * vInts * 4;
            int vStep = headDim / 8 * ValueTile.PIECE * 4;
            if (parts > 1) {
                ValueTile.add(ctx, headDim, parts, p0f, p2f, vTile, vAt, acc, accTarget, g, u);
                acc[zero] = 0f;
                ValueTile.add(ctx, headDim, parts, p1f, p3f, vTile, vAt + vStep, acc, accTarget, g, u);
                acc[zero] = 0f;
            } else {
                ValueTile.add(ctx, headDim, parts, p0f, p0f, vTile, vAt, acc, accTarget, g, u);
                acc[zero] = 0f;
                if (blockK > 16) {
                    ValueTile.add(ctx, headDim, parts, p1f, p1f, vTile, vAt + vStep, acc, accTarget, g, u);
                    acc[zero] = 0f;
                }
            }
            ctx.localBarrier(); // this tile is used up, the next one complete
        }

        float unscale = 1f;
        if ((options & Options.BRAIN) != 0) {
            unscale = 1f / scales.get(batch * kvHeads + head / (heads / kvHeads));
        }

        // l over the whole row, then out = O / l and lse = m + log l; l is 0 exactly where a query saw no key
        for (int i = 0; i < 2 * parts; i++) {
            exchange[(warp * 16 * parts + 8 * i + g) * 4 + u] = l[i];
        }
        ctx.localBarrier(); // the sums of all parts of a row are there
        for (int i = 0; i < 2 * parts; i++) {
            int at = (warp * 16 * parts + 8 * i + g) * 4;
            float sum = exchange[at] + exchange[at + 1] + exchange[at + 2] + exchange[at + 3];
            float inverse = sum == 0f ? 0f : 1f / sum;
            int row = row0 + 8 * i;
            if (row < seqQ) {
                for (int c = 0; c < headDim / 8; c++) {
                    int from = Fragments.at(i / 2 * blocksO * 8 + c) + i % 2 * Fragments.BELOW;
                    out.set((baseQ + row * rowStride) / 2 + c * 4 + u,
                            Fragments.pair(options, acc[from] * inverse * unscale, acc[from + 1] * inverse * unscale));
                }
                if (u == 0) {
                    lse.set(batchHead * seqQ + row, sum == 0f ? masked : m[i] + TornadoMath.log(sum));
                }
            }
        }
    }

    /** P of a lane's scores, block j of 16 keys by a block of 16 queries, in a fragment; sums of each row. */
    private static void probabilities(KernelContext ctx, int part, int j, float[] s, float factor, float[] m,
            HalfFloat[] fragment, float[] sums) {
        for (int i = 0; i < 2; i++) {
            int at = Fragments.at(8 * part + 2 * j + i);
            float x0 = TornadoMath.exp(s[at] * factor - m[2 * part]);
            float x1 = TornadoMath.exp(s[at + 1] * factor - m[2 * part]);
            float x2 = TornadoMath.exp(s[at + Fragments.BELOW] * factor - m[2 * part + 1]);
            float x3 = TornadoMath.exp(s[at + Fragments.BELOW + 1] * factor - m[2 * part + 1]);
            sums[2 * part] = sums[2 * part] + x0 + x1;
            sums[2 * part + 1] = sums[2 * part + 1] + x2 + x3;
            Fragments.put(ctx, fragment, 4 * i, x0);
            Fragments.put(ctx, fragment, 4 * i + 1, x1);
            Fragments.put(ctx, fragment, 4 * i + 2, x2);
            Fragments.put(ctx, fragment, 4 * i + 3, x3);
        }
    }

    /** The score, or NaN in place of an infinite one, so that it cannot pass for a masked one. */
    private static float finite(float s) {
        return s + (s - s);
    }
}
