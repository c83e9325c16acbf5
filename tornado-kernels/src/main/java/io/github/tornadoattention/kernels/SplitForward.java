package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.vectors.Half2;

/**
 * Flash attention, forward, of float32 on tensor cores: {@link TensorForward} with two float16 in place of each number ({@link
 * Split}).
 *
 * <p>Each warp of a group owns 16 queries, whose fragments it keeps, as well as its scores and outputs. Tiles of Bc keys and
 * values stream through local memory, where P passes too. Registers are short, so of what comes next only one tile is on its way
 * at a time: values while scores are computed, keys while outputs are.
 */
public final class SplitForward {
    /**
     * How far a score may pass its row's reference m: exp of it is far from the largest float16. P below 2<sup>-14</sup> is off
     * by 2<sup>-36</sup>, and l is 1 at least.
     */
    private static final float MARGIN = 8f;
    /** The least factor of scores that may make infinities of them: they are below 2<sup>36</sup>. */
    private static final float STEEP = 0x1p90f;

    private SplitForward() {
    }

    /**
     * One launch: {@code batch * heads * ceil(seqQ / Br)} groups of {@code 2 Br} work-items.
     *
     * @param q       queries [B, H, N, D]; strides in {@code shape}
     * @param k       keys, {@link SplitPack#columns}
     * @param v       values, {@link SplitPack#rows}
     * @param scales  of the heads of q, k and v, {@link SplitScales}
     * @param out     result, laid out as q; every element is written
     * @param lse     result [B, H, N], float32, see {@link FlashForward}
     * @param shape   the slots of {@link Shape}; the lists say which tiles of keys each tile of queries visits
     * @param numbers the slots of {@link Shape}; the scale is positive
     * @param headDim D, a multiple of 16 up to 128
     * @param blocks  {@code Br << 16 | Bc}, multiples of 16 up to 64 keys, no more queries than twice the keys
     * @param options bits of {@link Options}
     */
    @Launch(tile = Extent.BLOCK_Q, local = {
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.BLOCK_K),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.NONE, pad = 4)})
    public static void forward(KernelContext ctx, FloatArray q, LongArray k, LongArray v, FloatArray scales, FloatArray out,
            FloatArray lse, IntArray shape, FloatArray numbers, int headDim, int blocks, int options) {
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
        int perRow = headDim * Split.PARTS / 4;
        int keyRows = (seqK + TensorPack.ROWS - 1) / TensorPack.ROWS * TensorPack.ROWS;
        int batchKvHead = batch * kvHeads + head / (heads / kvHeads);
        int baseK = batchKvHead * keyRows * perRow + item;
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

        int[] kvTile = ctx.allocateIntLocalArray(blockK * headDim * Split.PARTS); // K, then V; both parts of Q at first
        int[] pTile = ctx.allocateIntLocalArray(blockQ * blockK / 2 * Split.PARTS);
        float[] exchange = ctx.allocateFloatLocalArray(blockQ * 4);
        int vAt = blockK * headDim * Split.PARTS / 2;

        // The tiles of keys to visit: those that the band touches, or those listed. K_first is on its way while Q is split.
        int listed = shape.get(Shape.LISTS) + head * shape.get(Shape.LIST_HEAD_STRIDE) + tile;
        int first = Visits.first(options, shape, listed, Band.firstKey(options, q0, diagonal, left) / blockK);
        int keyEnd = Band.endKey(options, qLast, diagonal, right, keyLength);
        int end = Visits.end(options, shape, listed, first, (keyEnd + blockK - 1) / blockK);
        int total = blockK * perRow; // longs of a tile
        int longs = (total + threads - 1) / threads;
        long[] next = new long[longs];
        if (first < end) {
            int at = baseK + Visits.tile(options, shape, first) * total;
            for (int i = 0; i < longs; i++) {
                if (total % threads == 0 || item + i * threads < total) {
                    next[i] = k.get(at + i * threads);
                }
            }
        }

        // Both parts of Q become fragments; rows past the end repeat the last one
        int qAt = warp * headDim * 32;
        int second = blockQ * headDim * 2; // byte at which part 1 begins
        float scaleQ = scales.get(batchHead);
        int pairs = blockQ * headDim / 2 / threads;
        float[] ahead = new float[2 * pairs];
        for (int i = 0; i < pairs; i++) {
            int n = item + i * threads;
            int from = baseQ + TornadoMath.min(q0 + n / (headDim / 2), seqQ - 1) * rowStride + n % (headDim / 2) * 2;
            ahead[2 * i] = q.get(from);
            ahead[2 * i + 1] = q.get(from + 1);
        }
        for (int i = 0; i < pairs; i++) {
            int row = (item + i * threads) / (headDim / 2);
            int c = (item + i * threads) % (headDim / 2);
            int to = (row / 16 * chunks + c / 8) * 128 + row % 16 * 8 + c % 8;
            kvTile[to] = Split.pair(ahead[2 * i] * scaleQ, ahead[2 * i + 1] * scaleQ);
            kvTile[second / 4 + to] = Split.pair(Split.part(1, ahead[2 * i] * scaleQ), Split.part(1, ahead[2 * i + 1] * scaleQ));
        }
        ctx.localBarrier(); // Q is complete
        HalfFloat[] q00 = ctx.mmaLoadA(kvTile, 16, qAt);
        HalfFloat[] q10 = ctx.mmaLoadA(kvTile, 16, qAt + (chunks > 1 ? 512 : 0));
        HalfFloat[] q20 = ctx.mmaLoadA(kvTile, 16, qAt + (chunks > 2 ? 1024 : 0));
        HalfFloat[] q30 = ctx.mmaLoadA(kvTile, 16, qAt + (chunks > 3 ? 1536 : 0));
        HalfFloat[] q40 = ctx.mmaLoadA(kvTile, 16, qAt + (chunks > 4 ? 2048 : 0));
        HalfFloat[] q50 = ctx.mmaLoadA(kvTile, 16, qAt + (chunks > 5 ? 2560 : 0));
        HalfFloat[] q60 = ctx.mmaLoadA(kvTile, 16, qAt + (chunks > 6 ? 3072 : 0));
        HalfFloat[] q70 = ctx.mmaLoadA(kvTile, 16, qAt + (chunks > 7 ? 3584 : 0));
        HalfFloat[] q01 = ctx.mmaLoadA(kvTile, 16, qAt + second);
        HalfFloat[] q11 = ctx.mmaLoadA(kvTile, 16, qAt + second + (chunks > 1 ? 512 : 0));
        HalfFloat[] q21 = ctx.mmaLoadA(kvTile, 16, qAt + second + (chunks > 2 ? 1024 : 0));
        HalfFloat[] q31 = ctx.mmaLoadA(kvTile, 16, qAt + second + (chunks > 3 ? 1536 : 0));
        HalfFloat[] q41 = ctx.mmaLoadA(kvTile, 16, qAt + second + (chunks > 4 ? 2048 : 0));
        HalfFloat[] q51 = ctx.mmaLoadA(kvTile, 16, qAt + second + (chunks > 5 ? 2560 : 0));
        HalfFloat[] q61 = ctx.mmaLoadA(kvTile, 16, qAt + second + (chunks > 6 ? 3072 : 0));
        HalfFloat[] q71 = ctx.mmaLoadA(kvTile, 16, qAt + second + (chunks > 7 ? 3584 : 0));
        ctx.localBarrier(); // Q is in registers
        if (first < end) {
            for (int i = 0; i < longs; i++) {
                if (total % threads == 0 || item + i * threads < total) {
                    kvTile[(item + i * threads) * 2] = (int) next[i];
                    kvTile[(item + i * threads) * 2 + 1] = (int) (next[i] >> 32);
                }
            }
        }
        ctx.localBarrier(); // K_first is complete

        int zero = Fragments.zero(item, ctx.groupIdx);
        float[] acc = new float[Fragments.HEADER + (headDim + 63) / 64 * 32];
        // scores, and the small products of them; then what a tile adds to the outputs, likewise
        float[] s = new float[Fragments.HEADER + 32];
        float[] small = new float[Fragments.HEADER + 32];
        FloatArray sTarget = Fragments.target(s, lse, zero);
        FloatArray smallTarget = Fragments.target(small, lse, zero);
        // fragments of the output that are computed at a time, as many as registers last for: then products need not wait for
        // sums
        int together = headDim > 96 ? headDim / 16 : headDim > 64 ? 2 : headDim / 8;
        Tile.clear(acc, Fragments.HEADER + (headDim + 63) / 64 * 32);
        float m0 = -Float.MAX_VALUE; // finite, so that exp(masked - m) is 0 also where nothing was seen yet
        float m1 = -Float.MAX_VALUE;
        float l0 = 0f;
        float l1 = 0f;
        int row0 = q0 + warp * 16 + g;
        int row1 = row0 + 8;
        // what products of scaled numbers are multiplied with: one inverse after the other, since both together may overflow;
        // never 0, of which a masked score would become NaN
        float unscale = TornadoMath.max(scale / scaleQ / scales.get(SplitScales.keys(shape) + batchKvHead), Float.MIN_NORMAL);
        // scores that an option changes are scaled before that, others together with the subtraction of m
        float factor = (options & (Options.SOFTCAP | Options.ALIBI)) == 0 ? unscale : 1f;

        for (int n = first; n < end; n++) {
            int k0 = Visits.tile(options, shape, n) * blockK;
            // 0, but the device's compiler cannot know: addresses that change need not be kept in registers, one for each
            // fragment, where there are none to spare
            int turn = headDim > 64 ? n >> 26 & 16 : 0;

            int vFrom = baseK + k0 * perRow;
            for (int i = 0; i < longs; i++) {
                if (total % threads == 0 || item + i * threads < total) {
                    next[i] = v.get(vFrom + i * threads);
                }
            }

            // S = Q K_jᵀ
            for (int c = 0; c < blockK / 8; c++) {
                Split.product(ctx, chunks, q00, q01, q10, q11, q20, q21, q30, q31, q40, q41, q50, q51, q60, q61, q70, q71,
                        kvTile, turn + c * headDim * 16 * Split.PARTS, sTarget, smallTarget, c, 0, g, u);
            }
            s[zero] = 0f;
            small[zero] = 0f;
            for (int c = 0; c < blockK / 4; c++) {
                int at = Fragments.HEADER + c;
                s[at] = s[at] + small[at] * (1 / Split.LIFT);
                s[at + Fragments.BELOW] = s[at + Fragments.BELOW] + small[at + Fragments.BELOW] * (1 / Split.LIFT);
            }
            if (unscale > STEEP) {
                for (int c = 0; c < blockK / 4; c++) {
                    int at = Fragments.HEADER + c;
                    s[at] = finite(s[at], unscale);
                    s[at + Fragments.BELOW] = finite(s[at + Fragments.BELOW], unscale);
                }
            }
            if ((options & (Options.SOFTCAP | Options.ALIBI)) != 0) {
                for (int c = 0; c < blockK / 4; c++) {
                    int key = k0 + c / 2 * 8 + 2 * u + c % 2;
                    int at = Fragments.HEADER + c;
                    s[at] = Score.modified(options, s[at] * unscale, softcap, slope, row0, key, diagonal);
                    at = at + Fragments.BELOW;
                    s[at] = Score.modified(options, s[at] * unscale, softcap, slope, row1, key, diagonal);
                }
            }
            if (Band.whole(options, q0, qLast, k0, k0 + blockK, diagonal, left, right, keyLength) == 0) {
                for (int c = 0; c < blockK / 4; c++) {
                    int key = k0 + c / 2 * 8 + 2 * u + c % 2;
                    int at = Fragments.HEADER + c;
                    s[at] = Band.sees(options, row0, key, diagonal, left, right, keyLength) == 0 ? masked : s[at];
                    at = at + Fragments.BELOW;
                    s[at] = Band.sees(options, row1, key, diagonal, left, right, keyLength) == 0 ? masked : s[at];
                }
            }

            float most0 = s[Fragments.HEADER];
            float most1 = s[Fragments.HEADER + Fragments.BELOW];
            for (int c = 1; c < blockK / 4; c++) {
                most0 = TornadoMath.max(most0, s[Fragments.HEADER + c]);
                most1 = TornadoMath.max(most1, s[Fragments.HEADER + Fragments.BELOW + c]);
            }
            int rowAt = (warp * 16 + g) * 4;
            exchange[rowAt + u] = most0 * factor;
            exchange[rowAt + 32 + u] = most1 * factor;
            ctx.localBarrier(); // K_j, and V of the tile before, are used up; the maxima of all parts of a row are there
            for (int i = 0; i < longs; i++) {
                if (total % threads == 0 || item + i * threads < total) {
                    kvTile[vAt + (item + i * threads) * 2] = (int) next[i];
                    kvTile[vAt + (item + i * threads) * 2 + 1] = (int) (next[i] >> 32);
                }
            }
            int kFrom = baseK + Visits.tile(options, shape, TornadoMath.min(n + 1, end - 1)) * total;
            for (int i = 0; i < longs; i++) {
                if (total % threads == 0 || item + i * threads < total) {
                    next[i] = k.get(kFrom + i * threads);
                }
            }

            // a row whose maximum has risen past the margin: m' = max(m, rowmax S), l' = exp(m - m') l, O' = exp(m - m') O
            float to0 = m0;
            float to1 = m1;
            for (int i = 0; i < 4; i++) {
                to0 = TornadoMath.max(to0, exchange[rowAt + i]);
                to1 = TornadoMath.max(to1, exchange[rowAt + 32 + i]);
            }
            if (to0 > m0 + MARGIN || to1 > m1 + MARGIN) {
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
            }

            // P = exp(S - m), l += rowsum P (of this lane's columns)
            int pAt = warp * blockK * 8 * Split.PARTS + g * 8 + u;
            for (int c = 0; c < blockK / 8; c++) {
                int from = Fragments.HEADER + 2 * c;
                float p0 = TornadoMath.exp(s[from] * factor - m0);
                float p1 = TornadoMath.exp(s[from + 1] * factor - m0);
                float p2 = TornadoMath.exp(s[from + Fragments.BELOW] * factor - m1);
                float p3 = TornadoMath.exp(s[from + Fragments.BELOW + 1] * factor - m1);
                l0 = l0 + (p0 + p1);
                l1 = l1 + (p2 + p3);
                int at = pAt + c / 2 * 128 * Split.PARTS + c % 2 * 4;
                pTile[at] = Split.pair(p0, p1);
                pTile[at + 64] = Split.pair(p2, p3);
                Half2 high0 = Half2.fromFloats(p0, p1);
                Half2 high1 = Half2.fromFloats(p2, p3);
                pTile[at + 128] = Split.pair((p0 - Half2.lowFloat(high0)) * Split.LIFT,
                        (p1 - Half2.highFloat(high0)) * Split.LIFT);
                pTile[at + 192] = Split.pair((p2 - Half2.lowFloat(high1)) * Split.LIFT,
                        (p3 - Half2.highFloat(high1)) * Split.LIFT);
            }
            for (int i = 0; i < longs; i++) {
                if (total % threads == 0 || item + i * threads < total) {
                    kvTile[(item + i * threads) * 2] = (int) next[i];
                    kvTile[(item + i * threads) * 2 + 1] = (int) (next[i] >> 32);
                }
            }
            ctx.localBarrier(); // P, V_j and K of the next tile are complete

            // O += P V_j, two pieces of 16 keys at a time
            for (int j = 0; j < blockK / 16; j += 2) {
                int from = (warp * blockK * 32 + j * 512) * Split.PARTS;
                int steps = TornadoMath.min(blockK / 16 - j, 2);
                HalfFloat[] p00 = ctx.mmaLoadA(pTile, 16, from);
                HalfFloat[] p01 = ctx.mmaLoadA(pTile, 16, from + 512);
                HalfFloat[] p10 = ctx.mmaLoadA(pTile, 16, from + (steps > 1 ? 1024 : 0));
                HalfFloat[] p11 = ctx.mmaLoadA(pTile, 16, from + (steps > 1 ? 1536 : 0));
                for (int part = 0; part < headDim / 8 / together; part++) {
                    for (int c = 0; c < together; c++) {
                        int at = turn + vAt * 4 + j * headDim * 32 * Split.PARTS + (part * together + c) * 256;
                        Split.product(ctx, steps, p00, p01, p10, p11, kvTile, at, headDim * 32, sTarget, smallTarget, c, g, u);
                    }
                    s[zero] = 0f;
                    small[zero] = 0f;
                    for (int c = 0; c < 2 * together; c++) {
                        int at = Fragments.at(part * together + c / 2) + c % 2;
                        int of = Fragments.HEADER + c;
                        acc[at] = acc[at] + (s[of] + small[of] * (1 / Split.LIFT));
                        at = at + Fragments.BELOW;
                        of = of + Fragments.BELOW;
                        acc[at] = acc[at] + (s[of] + small[of] * (1 / Split.LIFT));
                    }
                }
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
        float inverseV = 1f / scales.get(SplitScales.values(shape) + batchKvHead);
        for (int c = 0; c < headDim / 8; c++) {
            int at = Fragments.at(c);
            int to = baseQ + row0 * rowStride + c * 8 + 2 * u;
            if (row0 < seqQ) {
                out.set(to, acc[at] * inverse0 * inverseV);
                out.set(to + 1, acc[at + 1] * inverse0 * inverseV);
            }
            if (row1 < seqQ) {
                out.set(to + 8 * rowStride, acc[at + Fragments.BELOW] * inverse1 * inverseV);
                out.set(to + 8 * rowStride + 1, acc[at + Fragments.BELOW + 1] * inverse1 * inverseV);
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

    /** The product, or NaN in place of one that the factor makes infinite, so that it cannot pass for a masked score. */
    private static float finite(float s, float factor) {
        return s + (s * factor - s * factor);
    }
}
