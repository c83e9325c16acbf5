package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/**
 * Flash attention, backward, of float32 on tensor cores, second of two: {@code dV = Pᵀ dO}, {@code dK = scale dSᵀ Q}. What
 * {@link TensorBackwardKeys} computes, with two float16 in place of each number ({@link Split}).
 *
 * <p>Two warps own 16 keys and share the work by products, so that each holds the fragments of one matrix and one result, which
 * is what the registers have room for: the first has K, computes Sᵀ and sums dV, the second has V, computes dPᵀ and sums dK. In
 * between, each gives half of its columns to the other, and computes Pᵀ and dSᵀ of the half that it keeps. Tiles of Br queries of
 * all heads that share the keys stream through local memory, where Pᵀ and dSᵀ pass as factors.
 */
public final class SplitBackwardKeys {
    private SplitBackwardKeys() {
    }

    /**
     * One launch: {@code batch * kvHeads * ceil(seqK / Bc)} groups of {@code 4 Bc} work-items.
     *
     * @param k        keys [B, Hkv, M, D]; strides in {@code shape}
     * @param v        values, laid out alike
     * @param qColumns queries, {@link SplitPack#columns}
     * @param qRows    queries, {@link SplitPack#rows}, finite
     * @param dColumns gradient of the output, {@link SplitPack#columns}
     * @param dRows    gradient of the output, {@link SplitPack#rows}
     * @param lse      [B, H, N] of the forward pass
     * @param delta    [B, H, N]: D = rowsum(dO ∘ O)
     * @param scales   of the heads of q, k, v and dOut, {@link SplitScales}
     * @param dk       result, laid out as k; every element is written
     * @param dv       result, laid out alike
     * @param shape    the slots of {@link Shape}; the lists say which tiles of queries each tile of keys is visited by
     * @param numbers  the slots of {@link Shape}; the scale is positive
     * @param headDim  D, a multiple of 16 up to 128
     * @param blocks   {@code Br << 16 | Bc}: Br is 16 or 32, Bc a multiple of 16 and at most 4 Br
     * @param options  bits of {@link Options}
     */
    @Launch(tile = Extent.BLOCK_K, local = {
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.HEAD_DIM, count = 4),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.BLOCK_Q, count = 2),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.BLOCK_Q),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.NONE, pad = 2)})
    public static void backward(KernelContext ctx, FloatArray k, FloatArray v, LongArray qColumns, LongArray qRows,
            LongArray dColumns, LongArray dRows, FloatArray lse, FloatArray delta, FloatArray scales, FloatArray dk,
            FloatArray dv, IntArray shape, FloatArray numbers, int headDim,
            int blocks, int options) {
        int blockQ = blocks >> 16;
        int blockK = blocks & 0xFFFF;
        int threads = blockK * 4;
        int chunks = headDim / 16;
        int apart = headDim > 96 ? 4 : 0; // fragments of scores are four at most
        int half = blockQ / 16; // fragments of scores that a warp turns into P and dS

        int item = ctx.localIdx;
        int lane = item & 31;
        int role = item >> 5 & 1; // 0: K, S and dV; 1: V, dP and dK
        int pair = item >> 6;
        int g = lane >> 2;
        int u = lane & 3;
        int heads = shape.get(Shape.HEADS);
        int kvHeads = shape.get(Shape.KV_HEADS);
        int seqQ = shape.get(Shape.SEQ_Q);
        int seqK = shape.get(Shape.SEQ_K);
        int tiles = (seqK + blockK - 1) / blockK;
        int batchHeads = shape.get(Shape.BATCH) * kvHeads;
        // heavy tiles (the first ones, when causal) of all heads first
        int batchHead = (options & Options.BAND) == 0 ? ctx.groupIdx / tiles : ctx.groupIdx % batchHeads;
        int tile = (options & Options.BAND) == 0 ? ctx.groupIdx % tiles : ctx.groupIdx / batchHeads;
        int batch = batchHead / kvHeads;
        int kvHead = batchHead % kvHeads;
        int k0 = tile * blockK;
        int rowStride = shape.get(Shape.K_ROW_STRIDE);
        int baseK = batch * shape.get(Shape.K_BATCH_STRIDE) + kvHead * shape.get(Shape.K_HEAD_STRIDE);
        int perRow = headDim * Split.PARTS / 4;
        int queryRows = (seqQ + TensorPack.ROWS - 1) / TensorPack.ROWS * TensorPack.ROWS;
        int diagonal = shape.get(Shape.DIAGONAL);
        int left = shape.get(Shape.LEFT);
        int right = shape.get(Shape.RIGHT);
        int keyLength = shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
        int keyLast = TornadoMath.min(k0 + blockK, keyLength) - 1;
        float scale = numbers.get(Shape.SCALE);
        float softcap = numbers.get(Shape.SOFTCAP);
        float scaleK = scales.get(SplitScales.keys(shape) + batchHead);
        float scaleV = scales.get(SplitScales.values(shape) + batchHead);

        int tileInts = blockQ * headDim; // of Q or dO, both parts
        int[] stream = ctx.allocateIntLocalArray(4 * blockQ * headDim); // columns of Q and dO, rows of dO and Q; K and V at first
        int[] factors = ctx.allocateIntLocalArray(2 * blockK * blockQ); // Pᵀ and dSᵀ
        float[] exchange = ctx.allocateFloatLocalArray(blockK * blockQ);
        float[] rowStats = ctx.allocateFloatLocalArray(blockQ * 2); // lse and scaled D of the queries

        // K and V become fragments, one part after the other; keys that do not exist are 0
        int leftAt = role * blockK * headDim * 2 + pair * headDim * 32;
        for (int i = 0; i < headDim / 8; i++) {
            int n = item + i * threads;
            int row = n / (headDim / 2);
            int c = n % (headDim / 2);
            int from = baseK + (k0 + row) * rowStride + 2 * c;
            float k0f = 0f;
            float k1f = 0f;
            float v0f = 0f;
            float v1f = 0f;
            if (k0 + row < keyLength) {
                k0f = k.get(from) * scaleK;
                k1f = k.get(from + 1) * scaleK;
                v0f = v.get(from) * scaleV;
                v1f = v.get(from + 1) * scaleV;
            }
            int at = (row / 16 * chunks + c / 8) * 128 + row % 16 * 8 + c % 8;
            stream[at] = Split.pair(Split.part(0, k0f), Split.part(0, k1f));
            stream[at + blockK * headDim / 2] = Split.pair(Split.part(0, v0f), Split.part(0, v1f));
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
            int from = baseK + (k0 + row) * rowStride + 2 * c;
            float k0f = 0f;
            float k1f = 0f;
            float v0f = 0f;
            float v1f = 0f;
            if (k0 + row < keyLength) {
                k0f = k.get(from) * scaleK;
                k1f = k.get(from + 1) * scaleK;
                v0f = v.get(from) * scaleV;
                v1f = v.get(from + 1) * scaleV;
            }
            int at = (row / 16 * chunks + c / 8) * 128 + row % 16 * 8 + c % 8;
            stream[at] = Split.pair(Split.part(1, k0f), Split.part(1, k1f));
            stream[at + blockK * headDim / 2] = Split.pair(Split.part(1, v0f), Split.part(1, v1f));
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

        int zero = Fragments.zero(item, ctx.groupIdx);
        float[] acc = new float[Fragments.HEADER + (headDim + 63) / 64 * 32]; // dV or dK
        float[] large = new float[Fragments.HEADER + 32]; // the two sums of a few fragments
        float[] small = new float[Fragments.HEADER + 32];
        float[] own = new float[blockQ / 16 * 4]; // the columns of S or dP that this warp keeps
        FloatArray largeTarget = Fragments.target(large, lse, zero);
        FloatArray smallTarget = Fragments.target(small, lse, zero);
        int together = headDim % 32 == 0 ? 4 : 2; // fragments of the result that are summed at a time
        Tile.clear(acc, Fragments.HEADER + (headDim + 63) / 64 * 32);
        int key0 = k0 + pair * 16 + g;
        int key1 = key0 + 8;
        int total = blockQ * perRow; // longs of a tile
        int longs = (total + blockK * 4 - 1) / (blockK * 4);
        long[] qNext = new long[longs];
        long[] dNext = new long[longs];

        int queryFirst = Band.firstQuery(options, k0, diagonal, right) / blockQ;
        int queryEnd = k0 < keyLength ? Band.endQuery(options, keyLast, diagonal, left, seqQ) : 0;
        int shared = heads / kvHeads;
        for (int head = kvHead * shared; head < (kvHead + 1) * shared; head++) {
            int batchQuery = batch * heads + head;
            int baseRow = batchQuery * seqQ;
            int baseQ = batchQuery * queryRows * perRow + item;
            float scaleD = scales.get(SplitScales.gradients(shape) + batchQuery);
            float slope = 0f;
            if ((options & Options.ALIBI) != 0) {
                slope = numbers.get(Shape.SLOPES + head);
            }
            // scores are divided by the scales of Q and K one after the other: the product of both may be too large
            float inverseQ = 1f / scales.get(batchQuery);
            float ofQ = scale * inverseQ;
            float ofK = 1f / scaleK;
            // likewise dV by those of P and dO, dK by those of dO, V and Q and by what dS was shrunk with
            float factor0 = role == 0 ? 1f / SplitGradient.TOP
                    : SplitGradient.extremes(1f / scaleD, 1f / scaleV, inverseQ) * (scale / SplitGradient.shrink(headDim));
            float factor1 = role == 0 ? 1f / scaleD : SplitGradient.middle(1f / scaleD, 1f / scaleV, inverseQ);
            // The tiles of queries to visit: those that the band touches, or those listed. The first goes to local memory.
            int listed = shape.get(Shape.LISTS) + head * shape.get(Shape.LIST_HEAD_STRIDE) + tile;
            int first = Visits.first(options, shape, listed, queryFirst);
            int end = Visits.end(options, shape, listed, first, (queryEnd + blockQ - 1) / blockQ);
            if (first < end) {
                int tileRow = Visits.tile(options, shape, first) * blockQ;
                int at = baseQ + tileRow * perRow;
                for (int i = 0; i < longs; i++) {
                    if (total % threads == 0 || item + i * threads < total) {
                        qNext[i] = qColumns.get(at + i * threads);
                        dNext[i] = dColumns.get(at + i * threads);
                    }
                }
                for (int i = 0; i < longs; i++) {
                    if (total % threads == 0 || item + i * threads < total) {
                        int to = (item + i * threads) * 2;
                        stream[to] = (int) qNext[i];
                        stream[to + 1] = (int) (qNext[i] >> 32);
                        stream[to + tileInts] = (int) dNext[i];
                        stream[to + tileInts + 1] = (int) (dNext[i] >> 32);
                    }
                }
                if (item < blockQ) {
                    int row = baseRow + TornadoMath.min(tileRow + item, seqQ - 1);
                    rowStats[item] = lse.get(row);
                    rowStats[blockQ + item] = SplitGradient.scaled(delta.get(row), scaleD, scaleV);
                }
            }
            ctx.localBarrier(); // the first columns, lse and D are complete

            for (int n = first; n < end; n++) {
                int q0 = Visits.tile(options, shape, n) * blockQ;
                int rowAfter = Visits.tile(options, shape, TornadoMath.min(n + 1, end - 1)) * blockQ;
                int here = baseQ + q0 * perRow;
                int after = baseQ + rowAfter * perRow;
                // 0, but the device's compiler cannot know: addresses that change need not be kept, one for each fragment
                int turn = n >> 26 & 16;
                for (int i = 0; i < longs; i++) {
                    if (total % threads == 0 || item + i * threads < total) {
                        qNext[i] = qColumns.get(after + i * threads);
                        dNext[i] = dColumns.get(after + i * threads);
                    }
                }

                // Sᵀ = K Q_iᵀ or dPᵀ = V dO_iᵀ; half of it goes to the other warp
                for (int c = 0; c < blockQ / 8; c++) {
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
                float lseAfter = lse.get(baseRow + TornadoMath.min(rowAfter + item % blockQ, seqQ - 1));
                float deltaAfter = delta.get(baseRow + TornadoMath.min(rowAfter + item % blockQ, seqQ - 1));
                ctx.localBarrier(); // halves are exchanged; columns of this tile, rows and factors of the one before are used up
                for (int i = 0; i < longs; i++) {
                    if (total % threads == 0 || item + i * threads < total) {
                        int to = (item + i * threads) * 2;
                        stream[to] = (int) qNext[i];
                        stream[to + 1] = (int) (qNext[i] >> 32);
                        stream[to + tileInts] = (int) dNext[i];
                        stream[to + tileInts + 1] = (int) (dNext[i] >> 32);
                    }
                }
                for (int i = 0; i < longs; i++) {
                    if (total % threads == 0 || item + i * threads < total) {
                        qNext[i] = qRows.get(here + i * threads);
                        dNext[i] = dRows.get(here + i * threads);
                    }
                }

                // Pᵀ = exp(Sᵀ - lse), dSᵀ = Pᵀ ∘ (dPᵀ - D)
                int whole = q0 + blockQ <= seqQ
                        ? Band.whole(options, q0, q0 + blockQ - 1, k0, k0 + blockK, diagonal, left, right, keyLength) : 0;
                for (int c = 0; c < half; c++) {
                    int fragment = role * half + c;
                    int at = pair * blockQ * 16 + fragment / 2 * 256 + fragment % 2 * 4 + g * 8 + u;
                    for (int row = 0; row < 2; row++) {
                        int key = row == 0 ? key0 : key1;
                        int column = fragment * 8 + 2 * u;
                        int query = q0 + column;
                        int from = (((pair * 2 + 1 - role) * half + c) * 4 + 2 * row) * 32 + lane;
                        float got0 = exchange[from];
                        float got1 = exchange[from + 32];
                        float own0 = own[c * 4 + 2 * row];
                        float own1 = own[c * 4 + 2 * row + 1];
                        float s0 = (role == 0 ? own0 : got0) * ofQ * ofK;
                        float s1 = (role == 0 ? own1 : got1) * ofQ * ofK;
                        float dp0 = role == 0 ? got0 : own0;
                        float dp1 = role == 0 ? got1 : own1;
                        float lse0 = rowStats[column];
                        float lse1 = rowStats[column + 1];
                        float p0 = SplitGradient.probability(options, s0, lse0, softcap, slope, query, key, diagonal);
                        float p1 = SplitGradient.probability(options, s1, lse1, softcap, slope, query + 1, key, diagonal);
                        float ds0 = p0 * (dp0 - rowStats[blockQ + column]) * Score.derivative(options, s0, softcap);
                        float ds1 = p1 * (dp1 - rowStats[blockQ + column + 1]) * Score.derivative(options, s1, softcap);
                        if (whole == 0) {
                            int sees0 = query < seqQ ? Band.sees(options, query, key, diagonal, left, right, keyLength) : 0;
                            int sees1 = query + 1 < seqQ
                                    ? Band.sees(options, query + 1, key, diagonal, left, right, keyLength) : 0;
                            p0 = sees0 == 0 ? 0f : p0;
                            p1 = sees1 == 0 ? 0f : p1;
                            ds0 = sees0 == 0 ? 0f : ds0;
                            ds1 = sees1 == 0 ? 0f : ds1;
                        }
                        p0 = p0 * SplitGradient.TOP;
                        p1 = p1 * SplitGradient.TOP;
                        ds0 = ds0 * SplitGradient.shrink(headDim);
                        ds1 = ds1 * SplitGradient.shrink(headDim);
                        int ofDs = blockK * blockQ;
                        factors[at + row * 64] = Split.pair(Split.part(0, p0), Split.part(0, p1));
                        factors[at + row * 64 + 128] = Split.pair(Split.part(1, p0), Split.part(1, p1));
                        factors[at + row * 64 + ofDs] = Split.pair(Split.part(0, ds0), Split.part(0, ds1));
                        factors[at + row * 64 + ofDs + 128] = Split.pair(Split.part(1, ds0), Split.part(1, ds1));
                    }
                }
                for (int i = 0; i < longs; i++) {
                    if (total % threads == 0 || item + i * threads < total) {
                        int to = (item + i * threads) * 2 + 2 * tileInts;
                        stream[to] = (int) dNext[i];
                        stream[to + 1] = (int) (dNext[i] >> 32);
                        stream[to + tileInts] = (int) qNext[i];
                        stream[to + tileInts + 1] = (int) (qNext[i] >> 32);
                    }
                }
                ctx.localBarrier(); // Pᵀ, dSᵀ, these rows and the next columns are complete; lse and D are used up
                if (item < blockQ) {
                    rowStats[item] = lseAfter;
                    rowStats[blockQ + item] = SplitGradient.scaled(deltaAfter, scaleD, scaleV);
                }

                // dV += Pᵀ dO_i or dK += dSᵀ Q_i
                int from = turn + role * blockK * blockQ * 4 + pair * blockQ * 64;
                HalfFloat[] p00 = ctx.mmaLoadA(factors, 16, from);
                HalfFloat[] p01 = ctx.mmaLoadA(factors, 16, from + 512);
                HalfFloat[] p10 = ctx.mmaLoadA(factors, 16, from + (blockQ > 16 ? 1024 : 0));
                HalfFloat[] p11 = ctx.mmaLoadA(factors, 16, from + (blockQ > 16 ? 1536 : 0));
                for (int part = 0; part < headDim / 8 / together; part++) {
                    for (int c = 0; c < together; c++) {
                        Split.product(ctx, half, p00, p01, p10, p11, stream,
                                turn + (2 + role) * tileInts * 4 + (part * together + c) * 256, headDim * 32,
                                largeTarget, smallTarget, c, g, u);
                    }
                    large[zero] = 0f;
                    small[zero] = 0f;
                    for (int c = 0; c < together; c++) {
                        for (int e = 0; e < 4; e++) {
                            int at = Fragments.at(part * together + c) + e / 2 * Fragments.BELOW + e % 2;
                            int of = Fragments.at(c) + e / 2 * Fragments.BELOW + e % 2;
                            acc[at] = acc[at] + (large[of] + small[of] * (1f / Split.LIFT)) * factor0 * factor1;
                        }
                    }
                }
            }
        }

        for (int c = 0; c < headDim / 8; c++) {
            for (int row = 0; row < 2; row++) {
                int at = Fragments.at(c) + row * Fragments.BELOW;
                int key = row == 0 ? key0 : key1;
                int to = baseK + key * rowStride + c * 8 + 2 * u;
                if (key < seqK && role == 0) {
                    dv.set(to, acc[at]);
                    dv.set(to + 1, acc[at + 1]);
                }
                if (key < seqK && role == 1) {
                    dk.set(to, acc[at]);
                    dk.set(to + 1, acc[at + 1]);
                }
            }
        }
    }
}
