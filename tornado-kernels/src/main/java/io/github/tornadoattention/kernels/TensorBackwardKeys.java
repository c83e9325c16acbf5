package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/**
 * Flash attention, backward, on tensor cores, second of two: {@code dV = Pᵀ dO} and {@code dK = scale dSᵀ Q}, with P computed
 * anew from lse. What {@link FlashBackwardKeys} computes, with factors of 16 bits and sums of 32.
 *
 * <p>Each warp of a group owns 16 keys: the fragments of K and V, and dK and dV, stay in registers. Tiles of Br queries of all
 * heads that share the keys stream through local memory, where Pᵀ and dSᵀ pass as factors.
 */
public final class TensorBackwardKeys {
    private TensorBackwardKeys() {
    }

    /**
     * One launch: {@code batch * kvHeads * ceil(seqK / Bc)} groups of {@code 2 Bc} work-items.
     *
     * @param k        keys [B, Hkv, M, D], 16-bit numbers in longs of four; strides in {@code shape}
     * @param v        values, laid out alike
     * @param qColumns queries, {@link TensorPack#columns}
     * @param qRows    queries, {@link TensorPack#rows}, finite
     * @param dColumns gradient of the output, {@link TensorPack#columns}
     * @param dRows    gradient of the output, {@link TensorPack#rows}
     * @param lse      [B, H, N] of the forward pass
     * @param delta    [B, H, N]: D = rowsum(dO ∘ O)
     * @param dk       result, laid out as k, in ints of two; every element is written
     * @param dv       result, laid out alike
     * @param shape    the slots of {@link Shape}; the lists say which tiles of queries each tile of keys is visited by
     * @param numbers  the slots of {@link Shape}
     * @param headDim  D, a multiple of 16 up to 128
     * @param blocks   {@code Br << 16 | Bc}, multiples of 16
     * @param options  bits of {@link Options}
     */
    @Launch(tile = Extent.BLOCK_K, local = {
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.BLOCK_Q, orRows = Extent.BLOCK_K,
                orColumns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.BLOCK_Q, orRows = Extent.BLOCK_K,
                orColumns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.NONE, pad = 2)})
    public static void backward(KernelContext ctx, LongArray k, LongArray v, LongArray qColumns, LongArray qRows,
            LongArray dColumns, LongArray dRows,
            FloatArray lse, FloatArray delta, IntArray dk, IntArray dv, IntArray shape, FloatArray numbers, int headDim,
            int blocks, int options) {
        int blockQ = blocks >> 16;
        int blockK = blocks & 0xFFFF;
        int threads = blockK / 16 * 32;
        int chunks = headDim / 16;

        int item = ctx.localIdx;
        int warp = item >> 5;
        int lane = item & 31;
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
        int perRow = headDim / 4;
        int queryRows = (seqQ + TensorPack.ROWS - 1) / TensorPack.ROWS * TensorPack.ROWS;
        int diagonal = shape.get(Shape.DIAGONAL);
        int left = shape.get(Shape.LEFT);
        int right = shape.get(Shape.RIGHT);
        int keyLength = shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
        int keyLast = TornadoMath.min(k0 + blockK, keyLength) - 1;
        float scale = numbers.get(Shape.SCALE);
        float softcap = numbers.get(Shape.SOFTCAP);

        int[] qTile = ctx.allocateIntLocalArray(blockQ * headDim / 2);
        int[] qRowTile = ctx.allocateIntLocalArray(blockQ * headDim / 2);
        int[] dTile = ctx.allocateIntLocalArray(blockQ * headDim / 2);
        int[] dRowTile = ctx.allocateIntLocalArray(blockQ * headDim / 2);
        int[] pTile = ctx.allocateIntLocalArray(blockK * TornadoMath.max(blockQ, headDim) / 2); // K at first
        int[] dsTile = ctx.allocateIntLocalArray(blockK * TornadoMath.max(blockQ, headDim) / 2); // V at first
        float[] rowStats = ctx.allocateFloatLocalArray(blockQ * 2); // lse and D of the queries

        // K and V become fragments; keys that do not exist are 0
        for (int i = 0; i < blockK * headDim / 4 / (blockK / 16 * 32); i++) {
            int n = item + i * threads;
            long kFour = 0L;
            long vFour = 0L;
            if (k0 + n / perRow < keyLength) {
                kFour = k.get((baseK + (k0 + n / perRow) * rowStride) / 4 + n % perRow);
                vFour = v.get((baseK + (k0 + n / perRow) * rowStride) / 4 + n % perRow);
            }
            int at = (n / perRow / 16 * chunks + n % perRow / 4) * 128 + n / perRow % 16 * 8 + n % perRow % 4 * 2;
            pTile[at] = (int) kFour;
            pTile[at + 1] = (int) (kFour >> 32);
            dsTile[at] = (int) vFour;
            dsTile[at + 1] = (int) (vFour >> 32);
        }
        ctx.localBarrier(); // K and V are complete
        int kAt = warp * headDim * 32;
        HalfFloat[] k0f = ctx.mmaLoadA(pTile, 16, kAt);
        HalfFloat[] k1f = ctx.mmaLoadA(pTile, 16, kAt + (chunks > 1 ? 512 : 0));
        HalfFloat[] k2f = ctx.mmaLoadA(pTile, 16, kAt + (chunks > 2 ? 1024 : 0));
        HalfFloat[] k3f = ctx.mmaLoadA(pTile, 16, kAt + (chunks > 3 ? 1536 : 0));
        HalfFloat[] k4f = ctx.mmaLoadA(pTile, 16, kAt + (chunks > 4 ? 2048 : 0));
        HalfFloat[] k5f = ctx.mmaLoadA(pTile, 16, kAt + (chunks > 5 ? 2560 : 0));
        HalfFloat[] k6f = ctx.mmaLoadA(pTile, 16, kAt + (chunks > 6 ? 3072 : 0));
        HalfFloat[] k7f = ctx.mmaLoadA(pTile, 16, kAt + (chunks > 7 ? 3584 : 0));
        HalfFloat[] v0f = ctx.mmaLoadA(dsTile, 16, kAt);
        HalfFloat[] v1f = ctx.mmaLoadA(dsTile, 16, kAt + (chunks > 1 ? 512 : 0));
        HalfFloat[] v2f = ctx.mmaLoadA(dsTile, 16, kAt + (chunks > 2 ? 1024 : 0));
        HalfFloat[] v3f = ctx.mmaLoadA(dsTile, 16, kAt + (chunks > 3 ? 1536 : 0));
        HalfFloat[] v4f = ctx.mmaLoadA(dsTile, 16, kAt + (chunks > 4 ? 2048 : 0));
        HalfFloat[] v5f = ctx.mmaLoadA(dsTile, 16, kAt + (chunks > 5 ? 2560 : 0));
        HalfFloat[] v6f = ctx.mmaLoadA(dsTile, 16, kAt + (chunks > 6 ? 3072 : 0));
        HalfFloat[] v7f = ctx.mmaLoadA(dsTile, 16, kAt + (chunks > 7 ? 3584 : 0));

        int zero = Fragments.zero(item, ctx.groupIdx);
        float[] dkAcc = new float[Fragments.HEADER + (headDim + 63) / 64 * 32];
        float[] dvAcc = new float[Fragments.HEADER + (headDim + 63) / 64 * 32];
        float[] s = new float[Fragments.HEADER + 32];
        float[] dp = new float[Fragments.HEADER + 32];
        FloatArray dkTarget = Fragments.target(dkAcc, lse, zero);
        FloatArray dvTarget = Fragments.target(dvAcc, lse, zero);
        FloatArray sTarget = Fragments.target(s, lse, zero);
        FloatArray dpTarget = Fragments.target(dp, lse, zero);
        Tile.clear(dkAcc, Fragments.HEADER + (headDim + 63) / 64 * 32);
        Tile.clear(dvAcc, Fragments.HEADER + (headDim + 63) / 64 * 32);
        int key0 = k0 + warp * 16 + g;
        int key1 = key0 + 8;
        int longs = blockQ * headDim / 4 / (blockK / 16 * 32);
        long[] qNext = new long[longs];
        long[] qRowNext = new long[longs];
        long[] dNext = new long[longs];
        long[] dRowNext = new long[longs];

        int queryFirst = Band.firstQuery(options, k0, diagonal, right) / blockQ;
        int queryEnd = k0 < keyLength ? Band.endQuery(options, keyLast, diagonal, left, seqQ) : 0;
        int shared = heads / kvHeads;
        for (int head = kvHead * shared; head < (kvHead + 1) * shared; head++) {
            int baseRow = (batch * heads + head) * seqQ;
            int baseQ = (batch * heads + head) * queryRows * perRow + item;
            float slope = 0f;
            if ((options & Options.ALIBI) != 0) {
                slope = numbers.get(Shape.SLOPES + head);
            }
            // The tiles of queries to visit: those that the band touches, or those listed. The first goes to local memory.
            int listed = shape.get(Shape.LISTS) + head * shape.get(Shape.LIST_HEAD_STRIDE) + tile;
            int first = Visits.first(options, shape, listed, queryFirst);
            int end = Visits.end(options, shape, listed, first, (queryEnd + blockQ - 1) / blockQ);
            ctx.localBarrier(); // K and V are in registers; the tiles of the head before are used up
            if (first < end) {
                int tileRow = Visits.tile(options, shape, first) * blockQ;
                int at = baseQ + tileRow * perRow;
                for (int i = 0; i < longs; i++) {
                    qNext[i] = qColumns.get(at + i * threads);
                    dNext[i] = dColumns.get(at + i * threads);
                    qRowNext[i] = qRows.get(at + i * threads);
                    dRowNext[i] = dRows.get(at + i * threads);
                }
                for (int i = 0; i < longs; i++) {
                    qTile[(item + i * threads) * 2] = (int) qNext[i];
                    qTile[(item + i * threads) * 2 + 1] = (int) (qNext[i] >> 32);
                    dTile[(item + i * threads) * 2] = (int) dNext[i];
                    dTile[(item + i * threads) * 2 + 1] = (int) (dNext[i] >> 32);
                }
                if (item < blockQ) {
                    rowStats[item] = lse.get(baseRow + TornadoMath.min(tileRow + item, seqQ - 1));
                    rowStats[blockQ + item] = delta.get(baseRow + TornadoMath.min(tileRow + item, seqQ - 1));
                }
            }
            ctx.localBarrier(); // the first tiles are complete

            for (int n = first; n < end; n++) {
                int q0 = Visits.tile(options, shape, n) * blockQ;
                int rowAfter = Visits.tile(options, shape, TornadoMath.min(n + 1, end - 1)) * blockQ;
                int after = baseQ + rowAfter * perRow;
                for (int i = 0; i < longs; i++) {
                    qNext[i] = qColumns.get(after + i * threads);
                    dNext[i] = dColumns.get(after + i * threads);
                }
                float lseAfter = lse.get(baseRow + TornadoMath.min(rowAfter + item % blockQ, seqQ - 1));
                float deltaAfter = delta.get(baseRow + TornadoMath.min(rowAfter + item % blockQ, seqQ - 1));

                // Sᵀ = K Q_iᵀ, dPᵀ = V dO_iᵀ
                for (int c = 0; c < blockQ / 8; c++) {
                    Fragments.keep(ctx, Fragments.product(ctx, options, chunks, k0f, k1f, k2f, k3f, k4f, k5f, k6f, k7f, qTile,
                            c * headDim * 16), sTarget, c, g, u);
                    Fragments.keep(ctx, Fragments.product(ctx, options, chunks, v0f, v1f, v2f, v3f, v4f, v5f, v6f, v7f, dTile,
                            c * headDim * 16), dpTarget, c, g, u);
                }
                s[zero] = 0f;
                dp[zero] = 0f;

                // Pᵀ = exp(Sᵀ - lse), dSᵀ = Pᵀ ∘ (dPᵀ - D)
                int whole = q0 + blockQ <= seqQ ? Band.whole(options, q0, q0 + blockQ - 1, k0, k0 + blockK, diagonal,
                        left, right, keyLength) : 0;
                int pAt = warp * blockQ * 8 + g * 8 + u;
                for (int c = 0; c < blockQ / 8; c++) {
                    int column = c * 8 + 2 * u;
                    int query = q0 + column;
                    int at = Fragments.at(c);
                    int below = at + Fragments.BELOW;
                    float lse0 = rowStats[column];
                    float lse1 = rowStats[column + 1];
                    float delta0 = rowStats[blockQ + column];
                    float delta1 = rowStats[blockQ + column + 1];
                    float p0 = Fragments.probability(options, s[at] * scale, lse0, softcap, slope, query, key0, diagonal);
                    float p1 = Fragments.probability(options, s[at + 1] * scale, lse1, softcap, slope, query + 1, key0, diagonal);
                    float p2 = Fragments.probability(options, s[below] * scale, lse0, softcap, slope, query, key1, diagonal);
                    float p3 = Fragments.probability(options, s[below + 1] * scale, lse1, softcap, slope,
                            query + 1, key1, diagonal);
                    float ds0 = p0 * (dp[at] - delta0) * Score.derivative(options, s[at] * scale, softcap);
                    float ds1 = p1 * (dp[at + 1] - delta1) * Score.derivative(options, s[at + 1] * scale, softcap);
                    float ds2 = p2 * (dp[below] - delta0) * Score.derivative(options, s[below] * scale, softcap);
                    float ds3 = p3 * (dp[below + 1] - delta1) * Score.derivative(options, s[below + 1] * scale, softcap);
                    if (whole == 0) {
                        int sees0 = query < seqQ ? Band.sees(options, query, key0, diagonal, left, right, keyLength) : 0;
                        int sees1 = query + 1 < seqQ ? Band.sees(options, query + 1, key0, diagonal, left, right, keyLength) : 0;
                        int sees2 = query < seqQ ? Band.sees(options, query, key1, diagonal, left, right, keyLength) : 0;
                        int sees3 = query + 1 < seqQ ? Band.sees(options, query + 1, key1, diagonal, left, right, keyLength) : 0;
                        p0 = sees0 == 0 ? 0f : p0;
                        p1 = sees1 == 0 ? 0f : p1;
                        p2 = sees2 == 0 ? 0f : p2;
                        p3 = sees3 == 0 ? 0f : p3;
                        ds0 = sees0 == 0 ? 0f : ds0;
                        ds1 = sees1 == 0 ? 0f : ds1;
                        ds2 = sees2 == 0 ? 0f : ds2;
                        ds3 = sees3 == 0 ? 0f : ds3;
                    }
                    pTile[pAt + c / 2 * 128 + c % 2 * 4] = Fragments.pair(options, p0, p1);
                    pTile[pAt + c / 2 * 128 + c % 2 * 4 + 64] = Fragments.pair(options, p2, p3);
                    dsTile[pAt + c / 2 * 128 + c % 2 * 4] = Fragments.pair(options, ds0, ds1);
                    dsTile[pAt + c / 2 * 128 + c % 2 * 4 + 64] = Fragments.pair(options, ds2, ds3);
                }
                for (int i = 0; i < longs; i++) {
                    qRowTile[(item + i * threads) * 2] = (int) qRowNext[i];
                    qRowTile[(item + i * threads) * 2 + 1] = (int) (qRowNext[i] >> 32);
                    dRowTile[(item + i * threads) * 2] = (int) dRowNext[i];
                    dRowTile[(item + i * threads) * 2 + 1] = (int) (dRowNext[i] >> 32);
                }
                ctx.localBarrier(); // Pᵀ, dSᵀ and the rows of Q_i and dO_i are complete; their columns, lse and D are used up
                for (int i = 0; i < longs; i++) {
                    qTile[(item + i * threads) * 2] = (int) qNext[i];
                    qTile[(item + i * threads) * 2 + 1] = (int) (qNext[i] >> 32);
                    dTile[(item + i * threads) * 2] = (int) dNext[i];
                    dTile[(item + i * threads) * 2 + 1] = (int) (dNext[i] >> 32);
                }
                if (item < blockQ) {
                    rowStats[item] = lseAfter;
                    rowStats[blockQ + item] = deltaAfter;
                }
                for (int i = 0; i < longs; i++) {
                    qRowNext[i] = qRows.get(after + i * threads);
                    dRowNext[i] = dRows.get(after + i * threads);
                }

                // dV += Pᵀ dO_i, dK += dSᵀ Q_i
                for (int j = 0; j < blockQ / 16; j++) {
                    HalfFloat[] p = ctx.mmaLoadA(pTile, 16, warp * blockQ * 32 + j * 512);
                    for (int c = 0; c < headDim / 8; c++) {
                        int at = Fragments.at(c);
                        float[] o = new float[4];
                        o[0] = dvAcc[at];
                        o[1] = dvAcc[at + 1];
                        o[2] = dvAcc[at + Fragments.BELOW];
                        o[3] = dvAcc[at + Fragments.BELOW + 1];
                        float[] sum = Fragments.multiply(ctx, options, p,
                                ctx.mmaLoadB(dRowTile, 16, j * headDim * 32 + c * 256), o);
                        Fragments.keep(ctx, sum, dvTarget, c, g, u);
                    }
                    dvAcc[zero] = 0f;
                    HalfFloat[] ds = ctx.mmaLoadA(dsTile, 16, warp * blockQ * 32 + j * 512);
                    for (int c = 0; c < headDim / 8; c++) {
                        int at = Fragments.at(c);
                        float[] o = new float[4];
                        o[0] = dkAcc[at];
                        o[1] = dkAcc[at + 1];
                        o[2] = dkAcc[at + Fragments.BELOW];
                        o[3] = dkAcc[at + Fragments.BELOW + 1];
                        float[] sum = Fragments.multiply(ctx, options, ds,
                                ctx.mmaLoadB(qRowTile, 16, j * headDim * 32 + c * 256), o);
                        Fragments.keep(ctx, sum, dkTarget, c, g, u);
                    }
                    dkAcc[zero] = 0f;
                }
                ctx.localBarrier(); // Pᵀ, dSᵀ and the rows are used up; the next tiles are complete
            }
        }

        for (int c = 0; c < headDim / 8; c++) {
            int at = Fragments.at(c);
            int below = at + Fragments.BELOW;
            int to = (baseK + key0 * rowStride) / 2 + c * 4 + u;
            if (key0 < seqK) {
                dk.set(to, Fragments.pair(options, dkAcc[at] * scale, dkAcc[at + 1] * scale));
                dv.set(to, Fragments.pair(options, dvAcc[at], dvAcc[at + 1]));
            }
            if (key1 < seqK) {
                dk.set(to + 4 * rowStride, Fragments.pair(options, dkAcc[below] * scale, dkAcc[below + 1] * scale));
                dv.set(to + 4 * rowStride, Fragments.pair(options, dvAcc[below], dvAcc[below + 1]));
            }
        }
    }
}
