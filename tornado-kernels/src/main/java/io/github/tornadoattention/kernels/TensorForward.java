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
 * <p>Each warp of a group owns 16 queries, whose fragments it keeps, as well as its scores and outputs. Tiles of Bc keys and values stream through local memory,
 * where P passes too: out as scores, back as a factor. Everything else stays in registers ({@link Fragments} says how), so that local memory, which bounds
 * kernels like this, carries 16 bits for each score once in and once out, and K and V.
 *
 * <p>Rows of the output are scaled anew only if P grew beyond {@link #LARGE}: l and the division at the end make any other reference than the maximum as exact.
 * Whether it did is all that the warps have to tell each other, so a tile costs two barriers, and maxima are looked for in tiles that climb only.
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
     * @param v       values, {@link TensorPack#rows}
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
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.BLOCK_K, orRows = Extent.BLOCK_Q, orColumns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.NONE, pad = 4),
        @LocalTile(rows = Extent.THREADS_Y, columns = Extent.NONE, pad = 4)})
    public static void forward(KernelContext ctx, LongArray q, LongArray k, LongArray v, IntArray out, FloatArray lse, IntArray shape, FloatArray numbers,
            int headDim, int blocks, int options) {
        int blockQ = blocks >> 16;
        int blockK = blocks & 0xFFFF;
        int warps = blockQ / 16;
        int threads = warps * 32;
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

        int[] kTile = ctx.allocateIntLocalArray(blockK * headDim / 2);
        int[] vTile = ctx.allocateIntLocalArray(blockK * headDim / 2);
        int[] pTile = ctx.allocateIntLocalArray(blockQ * TornadoMath.max(blockK, headDim) / 2); // Q at first
        float[] exchange = ctx.allocateFloatLocalArray(blockQ * 4);
        float[] climbs = ctx.allocateFloatLocalArray(warps * 4); // one counts; tiles have to start at multiples of 16 bytes wherever they come to lie

        // Q: rows past the end repeat the last one
        for (int i = 0; i < blockQ * headDim / 4 / (blockQ / 16 * 32); i++) {
            int n = item + i * threads;
            int row = n / perRow;
            int c = n % perRow;
            long four = TensorPack.notANumber(q.get((baseQ + TornadoMath.min(q0 + row, seqQ - 1) * rowStride) / 4 + c), Fragments.exponent(options));
            int at = (row / 16 * chunks + c / 4) * 128 + row % 16 * 8 + c % 4 * 2;
            pTile[at] = (int) four;
            pTile[at + 1] = (int) (four >> 32);
        }

        // The tiles of keys to visit: those that the band touches, or those listed. K_first goes to local memory, V_first and K of the tile after it are fetched.
        int listed = shape.get(Shape.LISTS) + head * shape.get(Shape.LIST_HEAD_STRIDE) + tile;
        int first = Visits.first(options, shape, listed, Band.firstKey(options, q0, diagonal, left) / blockK);
        int keyEnd = Band.endKey(options, qLast, diagonal, right, keyLength);
        int end = Visits.end(options, shape, listed, first, (keyEnd + blockK - 1) / blockK);
        int longs = blockK * headDim / 4 / (blockQ / 16 * 32);
        long[] kNext = new long[longs];
        long[] vNext = new long[longs];
        if (first < end) {
            int at = baseK + Visits.tile(options, shape, first) * blockK * perRow;
            int after = baseK + Visits.tile(options, shape, TornadoMath.min(first + 1, end - 1)) * blockK * perRow;
            for (int i = 0; i < longs; i++) {
                kNext[i] = k.get(at + i * threads);
                vNext[i] = v.get(at + i * threads);
            }
            for (int i = 0; i < longs; i++) {
                kTile[(item + i * threads) * 2] = (int) kNext[i];
                kTile[(item + i * threads) * 2 + 1] = (int) (kNext[i] >> 32);
                kNext[i] = k.get(after + i * threads);
            }
        }
        ctx.localBarrier(); // Q and K_first are complete

        int qAt = warp * headDim * 32;
        HalfFloat[] q0f = ctx.mmaLoadA(pTile, 16, qAt);
        HalfFloat[] q1f = ctx.mmaLoadA(pTile, 16, qAt + (chunks > 1 ? 512 : 0));
        HalfFloat[] q2f = ctx.mmaLoadA(pTile, 16, qAt + (chunks > 2 ? 1024 : 0));
        HalfFloat[] q3f = ctx.mmaLoadA(pTile, 16, qAt + (chunks > 3 ? 1536 : 0));
        HalfFloat[] q4f = ctx.mmaLoadA(pTile, 16, qAt + (chunks > 4 ? 2048 : 0));
        HalfFloat[] q5f = ctx.mmaLoadA(pTile, 16, qAt + (chunks > 5 ? 2560 : 0));
        HalfFloat[] q6f = ctx.mmaLoadA(pTile, 16, qAt + (chunks > 6 ? 3072 : 0));
        HalfFloat[] q7f = ctx.mmaLoadA(pTile, 16, qAt + (chunks > 7 ? 3584 : 0));

        int zero = Fragments.zero(item, ctx.groupIdx);
        float[] acc = new float[Fragments.HEADER + (headDim + 63) / 64 * 32];
        float[] s = new float[Fragments.HEADER + 32];
        int[] p = new int[blockK / 4];
        float[] sums = new float[2];
        FloatArray accTarget = Fragments.target(acc, lse, zero);
        FloatArray sTarget = Fragments.target(s, lse, zero);
        Tile.clear(acc, Fragments.HEADER + (headDim + 63) / 64 * 32);
        float m0 = -Float.MAX_VALUE; // finite, so that exp(masked - m) is 0 also where nothing was seen yet
        float m1 = -Float.MAX_VALUE;
        float l0 = 0f;
        float l1 = 0f;
        int row0 = q0 + warp * 16 + g;
        int row1 = row0 + 8;
        // scores that an option changes are scaled before that, others together with the subtraction of m
        float factor = (options & (Options.SOFTCAP | Options.ALIBI)) == 0 ? scale : 1f;

        for (int n = first; n < end; n++) {
            int k0 = Visits.tile(options, shape, n) * blockK;

            // S = Q K_jᵀ
            for (int c = 0; c < blockK / 8; c++) {
                float[] product = Fragments.product(ctx, options, chunks, q0f, q1f, q2f, q3f, q4f, q5f, q6f, q7f, kTile, c * headDim * 16);
                Fragments.keep(ctx, product, sTarget, c, g, u);
            }
            s[zero] = 0f;
            if ((options & (Options.SOFTCAP | Options.ALIBI)) != 0) {
                for (int c = 0; c < blockK / 4; c++) {
                    int key = k0 + c / 2 * 8 + 2 * u + c % 2;
                    s[Fragments.HEADER + c] = Score.modified(options, s[Fragments.HEADER + c] * scale, softcap, slope, row0, key, diagonal);
                    s[Fragments.HEADER + Fragments.BELOW + c] = Score.modified(options, s[Fragments.HEADER + Fragments.BELOW + c] * scale, softcap, slope, row1, key, diagonal);
                }
            }
            if (Band.whole(options, q0, qLast, k0, k0 + blockK, diagonal, left, right, keyLength) == 0) {
                for (int c = 0; c < blockK / 4; c++) {
                    int key = k0 + c / 2 * 8 + 2 * u + c % 2;
                    s[Fragments.HEADER + c] = Band.sees(options, row0, key, diagonal, left, right, keyLength) == 0 ? masked : finite(s[Fragments.HEADER + c]);
                    s[Fragments.HEADER + Fragments.BELOW + c] = Band.sees(options, row1, key, diagonal, left, right, keyLength) == 0 ? masked : finite(s[Fragments.HEADER + Fragments.BELOW + c]);
                }
            } else if ((options & Options.BRAIN) != 0) {
                for (int c = 0; c < blockK / 4; c++) {
                    l0 = l0 + s[Fragments.HEADER + c] * 0f; // NaN if any is not finite: products of bfloat16 may overflow, those of float16 cannot
                    l1 = l1 + s[Fragments.HEADER + Fragments.BELOW + c] * 0f;
                }
            }

            // P = exp(S - m). Has a score passed m so far, in any row of the group, that its P is too large? The sum tells, and it is rarely so.
            sums[0] = 0f;
            sums[1] = 0f;
            probabilities(options, blockK, s, factor, m0, m1, p, sums);
            float climbing = ctx.simdSum(sums[0] > LARGE || sums[1] > LARGE ? 1f : 0f);
            if (lane == 0) {
                climbs[warp] = climbing;
            }
            ctx.localBarrier(); // K_j, and P and V of the tile before, are used up; all warps have said whether they climb
            for (int i = 0; i < longs; i++) {
                kTile[(item + i * threads) * 2] = (int) kNext[i];
                kTile[(item + i * threads) * 2 + 1] = (int) (kNext[i] >> 32);
            }
            for (int i = 0; i < longs; i++) {
                vTile[(item + i * threads) * 2] = (int) vNext[i];
                vTile[(item + i * threads) * 2 + 1] = (int) (vNext[i] >> 32);
            }
            int nextV = baseK + Visits.tile(options, shape, TornadoMath.min(n + 1, end - 1)) * blockK * perRow;
            int nextK = baseK + Visits.tile(options, shape, TornadoMath.min(n + 2, end - 1)) * blockK * perRow;
            for (int i = 0; i < longs; i++) {
                kNext[i] = k.get(nextK + i * threads);
                vNext[i] = v.get(nextV + i * threads);
            }
            float climbed = 0f;
            for (int i = 0; i < blockQ / 16; i++) {
                climbed = climbed + climbs[i];
            }

            // m' = max(m, rowmax S), l' = exp(m - m') l, O' = exp(m - m') O
            if (climbed > 0f) {
                float most0 = s[Fragments.HEADER];
                float most1 = s[Fragments.HEADER + Fragments.BELOW];
                for (int c = 1; c < blockK / 4; c++) {
                    most0 = TornadoMath.max(most0, s[Fragments.HEADER + c]);
                    most1 = TornadoMath.max(most1, s[Fragments.HEADER + Fragments.BELOW + c]);
                }
                int row = warp * 16 + g;
                exchange[row * 4 + u] = most0 * factor;
                exchange[(row + 8) * 4 + u] = most1 * factor;
                ctx.localBarrier(); // the maxima of all parts of a row are there
                float to0 = m0;
                float to1 = m1;
                for (int i = 0; i < 4; i++) {
                    to0 = TornadoMath.max(to0, exchange[row * 4 + i]);
                    to1 = TornadoMath.max(to1, exchange[(row + 8) * 4 + i]);
                }
                float alpha0 = TornadoMath.exp(m0 - to0);
                float alpha1 = TornadoMath.exp(m1 - to1);
                m0 = to0;
                m1 = to1;
                l0 = l0 * alpha0;
                l1 = l1 * alpha1;
                for (int c = 0; c < headDim / 8; c++) {
                    int at = Fragments.at(c);
                    acc[at] = acc[at] * alpha0;
                    acc[at + 1] = acc[at + 1] * alpha0;
                    acc[at + Fragments.BELOW] = acc[at + Fragments.BELOW] * alpha1;
                    acc[at + Fragments.BELOW + 1] = acc[at + Fragments.BELOW + 1] * alpha1;
                }
                sums[0] = 0f;
                sums[1] = 0f;
                probabilities(options, blockK, s, factor, m0, m1, p, sums);
            }
            l0 = l0 + sums[0];
            l1 = l1 + sums[1];
            int pAt = warp * blockK * 8 + g * 8 + u;
            for (int c = 0; c < blockK / 8; c++) {
                pTile[pAt + c / 2 * 128 + c % 2 * 4] = p[2 * c];
                pTile[pAt + c / 2 * 128 + c % 2 * 4 + 64] = p[2 * c + 1];
            }
            ctx.localBarrier(); // P, V_j and K of the next tile are complete

            // O += P V_j
            for (int j = 0; j < blockK / 16; j++) {
                HalfFloat[] factors = ctx.mmaLoadA(pTile, 16, warp * blockK * 32 + j * 512);
                for (int c = 0; c < headDim / 8; c++) {
                    int at = Fragments.at(c);
                    float[] o = new float[4];
                    o[0] = acc[at];
                    o[1] = acc[at + 1];
                    o[2] = acc[at + Fragments.BELOW];
                    o[3] = acc[at + Fragments.BELOW + 1];
                    float[] sum = Fragments.multiply(ctx, options, factors, ctx.mmaLoadB(vTile, 16, j * headDim * 32 + c * 256), o);
                    Fragments.keep(ctx, sum, accTarget, c, g, u);
                }
                acc[zero] = 0f;
            }
        }

        // l over the whole row, then out = O / l and lse = m + log l; l is 0 exactly where a query saw no key
        int row = warp * 16 + g;
        exchange[row * 4 + u] = l0;
        exchange[(row + 8) * 4 + u] = l1;
        ctx.localBarrier(); // the sums of all parts of a row are there
        l0 = exchange[row * 4] + exchange[row * 4 + 1] + exchange[row * 4 + 2] + exchange[row * 4 + 3];
        l1 = exchange[row * 4 + 32] + exchange[row * 4 + 33] + exchange[row * 4 + 34] + exchange[row * 4 + 35];
        float inverse0 = l0 == 0f ? 0f : 1f / l0;
        float inverse1 = l1 == 0f ? 0f : 1f / l1;
        for (int c = 0; c < headDim / 8; c++) {
            int at = Fragments.at(c);
            int to = (baseQ + row0 * rowStride) / 2 + c * 4 + u;
            if (row0 < seqQ) {
                out.set(to, Fragments.pair(options, acc[at] * inverse0, acc[at + 1] * inverse0));
            }
            if (row1 < seqQ) {
                out.set(to + 4 * rowStride, Fragments.pair(options, acc[at + Fragments.BELOW] * inverse1, acc[at + Fragments.BELOW + 1] * inverse1));
            }
        }
        if (u == 0) {
            if (row0 < seqQ) {
                lse.set(batchHead * seqQ + row0, l0 == 0f ? masked : m0 + TornadoMath.log(l0));
            }
            if (row1 < seqQ) {
                lse.set(batchHead * seqQ + row1, l1 == 0f ? masked : m1 + TornadoMath.log(l1));
            }
        }
    }

    /** P of a lane's scores: pairs of rows g and g + 8 in turn, and what they add to the sums of the two rows. */
    private static void probabilities(int options, int blockK, float[] s, float factor, float m0, float m1, int[] p, float[] sums) {
        for (int c = 0; c < blockK / 8; c++) {
            int at = Fragments.at(c);
            float p0 = TornadoMath.exp(s[at] * factor - m0);
            float p1 = TornadoMath.exp(s[at + 1] * factor - m0);
            float p2 = TornadoMath.exp(s[at + Fragments.BELOW] * factor - m1);
            float p3 = TornadoMath.exp(s[at + Fragments.BELOW + 1] * factor - m1);
            sums[0] = sums[0] + p0 + p1;
            sums[1] = sums[1] + p2 + p3;
            p[2 * c] = Fragments.pair(options, p0, p1);
            p[2 * c + 1] = Fragments.pair(options, p2, p3);
        }
    }

    /** The score, or NaN in place of an infinite one, so that it cannot pass for a masked one. */
    private static float finite(float s) {
        return s + (s - s);
    }
}
