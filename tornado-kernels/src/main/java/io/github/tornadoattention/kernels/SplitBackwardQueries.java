package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/**
 * Flash attention, backward, of float32 on tensor cores, first of two: {@code dQ = scale dS K}. What {@link
 * TensorBackwardQueries} computes, with two float16 in place of each number ({@link Split}).
 *
 * <p>Two warps own 16 queries: the first has the fragments of Q and computes S, the second has those of dO and computes dP. Each
 * gives half of its columns to the other, computes dS of the half that it keeps, and sums half of the columns of dQ. Tiles of Bc
 * keys and values stream through local memory, where dS passes as a factor.
 */
public final class SplitBackwardQueries {
    private SplitBackwardQueries() {
    }

    /**
     * One launch: {@code batch * heads * ceil(seqQ / Br)} groups of {@code 4 Br} work-items.
     *
     * @param q        queries [B, H, N, D]; strides in {@code shape}
     * @param dOut     gradient of the output, laid out alike
     * @param kColumns keys, {@link SplitPack#columns}
     * @param kRows    keys, {@link SplitPack#rows}, finite
     * @param vColumns values, {@link SplitPack#columns}
     * @param lse      [B, H, N] of the forward pass
     * @param delta    [B, H, N]: D = rowsum(dO ∘ O)
     * @param scales   of the heads of q, k, v and dOut, {@link SplitScales}
     * @param dq       result, laid out as q; every element is written
     * @param shape    the slots of {@link Shape}; the lists say which tiles of keys each tile of queries visits
     * @param numbers  the slots of {@link Shape}; the scale is positive
     * @param headDim  D, a multiple of 16 up to 128
     * @param blocks   {@code Br << 16 | Bc}: Br is a multiple of 16, Bc 16 or 32
     * @param options  bits of {@link Options}
     */
    @Launch(tile = Extent.BLOCK_Q, local = {
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM, count = 3,
                orRows = Extent.BLOCK_Q, orColumns = Extent.HEAD_DIM),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.BLOCK_K),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.BLOCK_K)})
    public static void backward(KernelContext ctx, FloatArray q, FloatArray dOut, LongArray kColumns, LongArray kRows,
            LongArray vColumns, FloatArray lse, FloatArray delta, FloatArray scales, FloatArray dq, IntArray shape,
            FloatArray numbers, int headDim, int blocks, int options) {
        int blockQ = blocks >> 16;
        int blockK = blocks & 0xFFFF;
        int threads = blockQ * 4;
        int chunks = headDim / 16;
        int apart = headDim > 96 ? 4 : 0; // fragments of scores are four at most
        int half = blockK / 16; // fragments of scores that a warp turns into dS

        // The group's place: heavy tiles (the last ones, when causal) of all heads first.
        int item = ctx.localIdx;
        int lane = item & 31;
        int role = item >> 5 & 1; // 0: Q, S and the first columns of dQ; 1: dO, dP and the others
        int pair = item >> 6;
        int g = lane >> 2;
        int u = lane & 3;
        int heads = shape.get(Shape.HEADS);
        int kvHeads = shape.get(Shape.KV_HEADS);
        int seqQ = shape.get(Shape.SEQ_Q);
        int tiles = (seqQ + blockQ - 1) / blockQ;
        int batchHeads = shape.get(Shape.BATCH) * heads;
        int batchHead = (options & Options.BAND) == 0 ? ctx.groupIdx / tiles : ctx.groupIdx % batchHeads;
        int tile = (options & Options.BAND) == 0 ? ctx.groupIdx % tiles : tiles - 1 - ctx.groupIdx / batchHeads;
        int batch = batchHead / heads;
        int head = batchHead % heads;
        int batchKey = batch * kvHeads + head / (heads / kvHeads);
        int q0 = tile * blockQ;
        int qLast = TornadoMath.min(q0 + blockQ, seqQ) - 1;
        int rowStride = shape.get(Shape.Q_ROW_STRIDE);
        int baseQ = batch * shape.get(Shape.Q_BATCH_STRIDE) + head * shape.get(Shape.Q_HEAD_STRIDE);
        int perRow = headDim * Split.PARTS / 4;
        int keyRows = (shape.get(Shape.SEQ_K) + TensorPack.ROWS - 1) / TensorPack.ROWS * TensorPack.ROWS;
        int baseK = batchKey * keyRows * perRow + item;
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
        float scaleQ = scales.get(batchHead);
        float scaleK = scales.get(SplitScales.keys(shape) + batchKey);
        float scaleV = scales.get(SplitScales.values(shape) + batchKey);
        float scaleD = scales.get(SplitScales.gradients(shape) + batchHead);

        int tileInts = blockK * headDim; // of K or V, both parts
        // columns of K and V, rows of K; Q and dO at first
        int[] stream = ctx.allocateIntLocalArray(TornadoMath.max(3 * blockK, blockQ) * headDim);
        int[] factor = ctx.allocateIntLocalArray(blockQ * blockK); // dS
        float[] exchange = ctx.allocateFloatLocalArray(blockQ * blockK);

        // Q and dO become fragments, one part after the other; rows past the end repeat the last one
        int leftAt = role * blockQ * headDim * 2 + pair * headDim * 32;
        for (int i = 0; i < headDim / 8; i++) {
            int n = item + i * threads;
            int row = n / (headDim / 2);
            int c = n % (headDim / 2);
            int from = baseQ + TornadoMath.min(q0 + row, seqQ - 1) * rowStride + 2 * c;
            int at = (row / 16 * chunks + c / 8) * 128 + row % 16 * 8 + c % 8;
            stream[at] = Split.pair(Split.part(0, q.get(from) * scaleQ), Split.part(0, q.get(from + 1) * scaleQ));
            stream[at + blockQ * headDim / 2] = Split.pair(Split.part(0, dOut.get(from) * scaleD),
                    Split.part(0, dOut.get(from + 1) * scaleD));
        }
        ctx.localBarrier(); // part 0 is complete
        HalfFloat[] a00 = ctx.mmaLoadA(stream, 16, leftAt);
        HalfFloat[] a10 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 1 ? 512 : 0));
        HalfFloat[] a20 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 2 ? 1024 : 0));
        HalfFloat[] a30 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 3 ? 1536 : 0));
        HalfFloat[] a40 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 4 ? 2048 : 0));
        HalfFloat[] a50 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 5 ? 2560 : 0));
        HalfFloat[] a60 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 6 ? 3072 : 0));
        HalfFloat[] a70 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 7 ? 3584 : 0));
        ctx.localBarrier(); // part 0 is in registers
        for (int i = 0; i < headDim / 8; i++) {
            int n = item + i * threads;
            int row = n / (headDim / 2);
            int c = n % (headDim / 2);
            int from = baseQ + TornadoMath.min(q0 + row, seqQ - 1) * rowStride + 2 * c;
            int at = (row / 16 * chunks + c / 8) * 128 + row % 16 * 8 + c % 8;
            stream[at] = Split.pair(Split.part(1, q.get(from) * scaleQ), Split.part(1, q.get(from + 1) * scaleQ));
            stream[at + blockQ * headDim / 2] = Split.pair(Split.part(1, dOut.get(from) * scaleD),
                    Split.part(1, dOut.get(from + 1) * scaleD));
        }
        ctx.localBarrier(); // part 1 is complete
        HalfFloat[] a01 = ctx.mmaLoadA(stream, 16, leftAt);
        HalfFloat[] a11 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 1 ? 512 : 0));
        HalfFloat[] a21 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 2 ? 1024 : 0));
        HalfFloat[] a31 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 3 ? 1536 : 0));
        HalfFloat[] a41 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 4 ? 2048 : 0));
        HalfFloat[] a51 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 5 ? 2560 : 0));
        HalfFloat[] a61 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 6 ? 3072 : 0));
        HalfFloat[] a71 = ctx.mmaLoadA(stream, 16, leftAt + (chunks > 7 ? 3584 : 0));
        ctx.localBarrier(); // part 1 is in registers

        // The tiles of keys to visit: those that the band touches, or those listed. The first goes to local memory.
        int listed = shape.get(Shape.LISTS) + head * shape.get(Shape.LIST_HEAD_STRIDE) + tile;
        int first = Visits.first(options, shape, listed, Band.firstKey(options, q0, diagonal, left) / blockK);
        int keyEnd = Band.endKey(options, qLast, diagonal, right, keyLength);
        int end = Visits.end(options, shape, listed, first, (keyEnd + blockK - 1) / blockK);
        int total = blockK * perRow; // longs of a tile
        int longs = (total + blockQ * 4 - 1) / (blockQ * 4);
        long[] kNext = new long[longs];
        long[] vNext = new long[longs];
        if (first < end) {
            int at = baseK + Visits.tile(options, shape, first) * blockK * perRow;
            for (int i = 0; i < longs; i++) {
                if (total % threads == 0 || item + i * threads < total) {
                    kNext[i] = kColumns.get(at + i * threads);
                    vNext[i] = vColumns.get(at + i * threads);
                }
            }
            for (int i = 0; i < longs; i++) {
                if (total % threads == 0 || item + i * threads < total) {
                    int to = (item + i * threads) * 2;
                    stream[to] = (int) kNext[i];
                    stream[to + 1] = (int) (kNext[i] >> 32);
                    stream[to + tileInts] = (int) vNext[i];
                    stream[to + tileInts + 1] = (int) (vNext[i] >> 32);
                }
            }
        }
        ctx.localBarrier(); // the first columns are complete

        int zero = Fragments.zero(item, ctx.groupIdx);
        float[] acc = new float[Fragments.HEADER + 32]; // half of dQ's columns
        float[] large = new float[Fragments.HEADER + 32]; // the two sums of a few fragments
        float[] small = new float[Fragments.HEADER + 32];
        float[] own = new float[blockK / 16 * 4]; // the columns of S or dP that this warp keeps
        FloatArray largeTarget = Fragments.target(large, lse, zero);
        FloatArray smallTarget = Fragments.target(small, lse, zero);
        int together = headDim % 64 == 0 ? 4 : (headDim % 32 == 0 ? 2 : 1); // fragments of the result that are summed at a time
        Tile.clear(acc, Fragments.HEADER + 32);
        int row0 = q0 + pair * 16 + g;
        int row1 = row0 + 8;
        float lse0 = lse.get(batchHead * seqQ + TornadoMath.min(row0, seqQ - 1));
        float lse1 = lse.get(batchHead * seqQ + TornadoMath.min(row1, seqQ - 1));
        float delta0 = SplitGradient.scaled(delta.get(batchHead * seqQ + TornadoMath.min(row0, seqQ - 1)), scaleD, scaleV);
        float delta1 = SplitGradient.scaled(delta.get(batchHead * seqQ + TornadoMath.min(row1, seqQ - 1)), scaleD, scaleV);
        // scores are divided by the scales of Q and K one after the other: the product of both may be too large
        float ofQ = scale / scaleQ;
        float ofK = 1f / scaleK;

        for (int n = first; n < end; n++) {
            int k0 = Visits.tile(options, shape, n) * blockK;
            int here = baseK + k0 * perRow;
            int after = baseK + Visits.tile(options, shape, TornadoMath.min(n + 1, end - 1)) * blockK * perRow;
            // 0, but the device's compiler cannot know: addresses that change need not be kept, one for each fragment
            int turn = n >> 26 & 16;
            int turnRows = headDim > 96 ? 0 : turn; // there, registers last for those of rows
            for (int i = 0; i < longs; i++) {
                if (total % threads == 0 || item + i * threads < total) {
                    kNext[i] = kColumns.get(after + i * threads);
                    vNext[i] = vColumns.get(after + i * threads);
                }
            }

            // S = Q K_jᵀ or dP = dO V_jᵀ; half of it goes to the other warp
            for (int c = 0; c < blockK / 8; c++) {
                Split.product(ctx, chunks, a00, a01, a10, a11, a20, a21, a30, a31, a40, a41,
                        a50, a51, a60, a61, a70, a71, stream, turn + role * tileInts * 4 + c * headDim * 32,
                        largeTarget, smallTarget, c, apart, g, u);
            }
            large[zero] = 0f;
            small[zero] = 0f;
            for (int c = 0; c < half; c++) {
                for (int e = 0; e < 4; e++) {
                    int low = Fragments.at(c) + e / 2 * Fragments.BELOW + e % 2;
                    int high = Fragments.at(c + half) + e / 2 * Fragments.BELOW + e % 2;
                    float x = large[low] + Split.small(apart, small[low], small[low + 2 * apart]) * (1f / Split.LIFT);
                    float y = large[high] + Split.small(apart, small[high], small[high + 2 * apart]) * (1f / Split.LIFT);
                    own[c * 4 + e] = role == 0 ? x : y;
                    exchange[(((pair * 2 + role) * half + c) * 4 + e) * 32 + lane] = role == 0 ? y : x;
                }
            }
            ctx.localBarrier(); // halves are exchanged; columns of this tile, rows and dS of the one before are used up
            for (int i = 0; i < longs; i++) {
                if (total % threads == 0 || item + i * threads < total) {
                    int to = (item + i * threads) * 2;
                    stream[to] = (int) kNext[i];
                    stream[to + 1] = (int) (kNext[i] >> 32);
                    stream[to + tileInts] = (int) vNext[i];
                    stream[to + tileInts + 1] = (int) (vNext[i] >> 32);
                }
            }
            for (int i = 0; i < longs; i++) {
                if (total % threads == 0 || item + i * threads < total) {
                    kNext[i] = kRows.get(here + i * threads);
                }
            }

            // P = exp(S - lse), dS = P ∘ (dP - D)
            int whole = Band.whole(options, q0, qLast, k0, k0 + blockK, diagonal, left, right, keyLength);
            for (int c = 0; c < half; c++) {
                int fragment = role * half + c;
                int key = k0 + fragment * 8 + 2 * u;
                int at = pair * blockK * 16 + fragment / 2 * 256 + fragment % 2 * 4 + g * 8 + u;
                for (int r = 0; r < 2; r++) {
                    int row = r == 0 ? row0 : row1;
                    float rowLse = r == 0 ? lse0 : lse1;
                    float rowDelta = r == 0 ? delta0 : delta1;
                    int from = (((pair * 2 + 1 - role) * half + c) * 4 + 2 * r) * 32 + lane;
                    float got0 = exchange[from];
                    float got1 = exchange[from + 32];
                    float own0 = own[c * 4 + 2 * r];
                    float own1 = own[c * 4 + 2 * r + 1];
                    float s0 = (role == 0 ? own0 : got0) * ofQ * ofK;
                    float s1 = (role == 0 ? own1 : got1) * ofQ * ofK;
                    float dp0 = role == 0 ? got0 : own0;
                    float dp1 = role == 0 ? got1 : own1;
                    float p0 = SplitGradient.probability(options, s0, rowLse, softcap, slope, row, key, diagonal);
                    float p1 = SplitGradient.probability(options, s1, rowLse, softcap, slope, row, key + 1, diagonal);
                    float ds0 = p0 * (dp0 - rowDelta) * Score.derivative(options, s0, softcap) * SplitGradient.shrink(headDim);
                    float ds1 = p1 * (dp1 - rowDelta) * Score.derivative(options, s1, softcap) * SplitGradient.shrink(headDim);
                    if (whole == 0) {
                        ds0 = Band.sees(options, row, key, diagonal, left, right, keyLength) == 0 ? 0f : ds0;
                        ds1 = Band.sees(options, row, key + 1, diagonal, left, right, keyLength) == 0 ? 0f : ds1;
                    }
                    factor[at + r * 64] = Split.pair(Split.part(0, ds0), Split.part(0, ds1));
                    factor[at + r * 64 + 128] = Split.pair(Split.part(1, ds0), Split.part(1, ds1));
                }
            }
            for (int i = 0; i < longs; i++) {
                if (total % threads == 0 || item + i * threads < total) {
                    int to = (item + i * threads) * 2 + 2 * tileInts;
                    stream[to] = (int) kNext[i];
                    stream[to + 1] = (int) (kNext[i] >> 32);
                }
            }
            ctx.localBarrier(); // dS, the rows of K_j and the columns of the next tile are complete

            // dQ += dS K_j, half of the columns
            int from = turnRows + pair * blockK * 64;
            HalfFloat[] ds00 = ctx.mmaLoadA(factor, 16, from);
            HalfFloat[] ds01 = ctx.mmaLoadA(factor, 16, from + 512);
            HalfFloat[] ds10 = ctx.mmaLoadA(factor, 16, from + (blockK > 16 ? 1024 : 0));
            HalfFloat[] ds11 = ctx.mmaLoadA(factor, 16, from + (blockK > 16 ? 1536 : 0));
            for (int part = 0; part < headDim / 16 / together; part++) {
                for (int c = 0; c < together; c++) {
                    Split.product(ctx, half, ds00, ds01, ds10, ds11, stream,
                            turnRows + tileInts * 8 + role * headDim * 16 + (part * together + c) * 256,
                            headDim * 32, largeTarget,
                            smallTarget, c, g, u);
                }
                large[zero] = 0f;
                small[zero] = 0f;
                for (int c = 0; c < together; c++) {
                    for (int e = 0; e < 4; e++) {
                        int at = Fragments.at(part * together + c) + e / 2 * Fragments.BELOW + e % 2;
                        int of = Fragments.at(c) + e / 2 * Fragments.BELOW + e % 2;
                        acc[at] = acc[at] + large[of] + small[of] * (1f / Split.LIFT);
                    }
                }
            }
        }

        float factor0 = SplitGradient.extremes(1f / scaleD, 1f / scaleV, ofK) * (scale / SplitGradient.shrink(headDim));
        float factor1 = SplitGradient.middle(1f / scaleD, 1f / scaleV, ofK);
        for (int c = 0; c < headDim / 16; c++) {
            for (int r = 0; r < 2; r++) {
                int at = Fragments.at(c) + r * Fragments.BELOW;
                int row = r == 0 ? row0 : row1;
                int to = baseQ + row * rowStride + role * (headDim / 2) + c * 8 + 2 * u;
                if (row < seqQ) {
                    dq.set(to, acc[at] * factor0 * factor1);
                    dq.set(to + 1, acc[at + 1] * factor0 * factor1);
                }
            }
        }
    }
}
