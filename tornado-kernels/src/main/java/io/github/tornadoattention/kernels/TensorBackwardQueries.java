package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;

/**
 * Flash attention, backward, on tensor cores, first of two: {@code dQ = scale dS K}, with {@code dS = P ∘ (dO Vᵀ - D)} and P
 * computed anew from lse. What {@link FlashBackwardQueries} computes, with factors of 16 bits and sums of 32.
 *
 * <p>Each warp of a group owns 16 queries: the fragments of Q and dO, and dQ, stay in registers. Tiles of Bc keys and values
 * stream through local memory, where dS passes as a factor.
 */
public final class TensorBackwardQueries {
    private TensorBackwardQueries() {
    }

    /**
     * One launch: {@code batch * heads * ceil(seqQ / Br)} groups of {@code 2 Br} work-items.
     *
     * @param q       queries [B, H, N, D], 16-bit numbers in longs of four; strides in {@code shape}
     * @param dOut    gradient of the output, laid out alike
     * @param kColumns keys, {@link TensorPack#columns}
     * @param kRows   keys, {@link TensorPack#rows}, finite
     * @param v       values, {@link TensorPack#columns}
     * @param lse     [B, H, N] of the forward pass
     * @param delta   [B, H, N]: D = rowsum(dO ∘ O)
     * @param dq      result, laid out as q, in ints of two; every element is written
     * @param shape   the slots of {@link Shape}; the lists say which tiles of keys each tile of queries visits
     * @param numbers the slots of {@link Shape}
     * @param headDim D, a multiple of 16 up to 128
     * @param blocks  {@code Br << 16 | Bc}, multiples of 16
     * @param options bits of {@link Options}
     */
    @Launch(tile = Extent.BLOCK_Q, local = {
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM, halves = true),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.BLOCK_K, orRows = Extent.BLOCK_Q,
                orColumns = Extent.HEAD_DIM, halves = true)})
    public static void backward(KernelContext ctx, LongArray q, LongArray dOut, LongArray kColumns, LongArray kRows,
            LongArray v, FloatArray lse,
            FloatArray delta, IntArray dq, IntArray shape, FloatArray numbers, int headDim, int blocks, int options) {
        int blockQ = blocks >> 16;
        int blockK = blocks & 0xFFFF;
        int threads = blockQ / 16 * 32;
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
        int keyRows = (shape.get(Shape.SEQ_K) + TensorPack.ROWS - 1) / TensorPack.ROWS * TensorPack.ROWS;
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

        int[] kTile = ctx.allocateIntLocalArray(blockK * headDim / 2);
        int[] vTile = ctx.allocateIntLocalArray(blockK * headDim / 2);
        int[] rowTile = ctx.allocateIntLocalArray(blockK * headDim / 2);
        int[] dsTile = ctx.allocateIntLocalArray(blockQ * TornadoMath.max(blockK, headDim) / 2); // Q, then dO at first

        // Q and dO become fragments, one after the other; rows past the end repeat the last one
        int qAt = warp * headDim * 32;
        for (int i = 0; i < blockQ * headDim / 4 / (blockQ / 16 * 32); i++) {
            int n = item + i * threads;
            long four = q.get((baseQ + TornadoMath.min(q0 + n / perRow, seqQ - 1) * rowStride) / 4 + n % perRow);
            int at = (n / perRow / 16 * chunks + n % perRow / 4) * 128 + n / perRow % 16 * 8 + n % perRow % 4 * 2;
            dsTile[at] = (int) four;
            dsTile[at + 1] = (int) (four >> 32);
        }
        ctx.localBarrier(); // Q is complete
        HalfFloat[] q0f = ctx.mmaLoadA(dsTile, 16, qAt);
        HalfFloat[] q1f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 1 ? 512 : 0));
        HalfFloat[] q2f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 2 ? 1024 : 0));
        HalfFloat[] q3f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 3 ? 1536 : 0));
        HalfFloat[] q4f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 4 ? 2048 : 0));
        HalfFloat[] q5f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 5 ? 2560 : 0));
        HalfFloat[] q6f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 6 ? 3072 : 0));
        HalfFloat[] q7f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 7 ? 3584 : 0));
        ctx.localBarrier(); // Q is in registers
        for (int i = 0; i < blockQ * headDim / 4 / (blockQ / 16 * 32); i++) {
            int n = item + i * threads;
            long four = dOut.get((baseQ + TornadoMath.min(q0 + n / perRow, seqQ - 1) * rowStride) / 4 + n % perRow);
            int at = (n / perRow / 16 * chunks + n % perRow / 4) * 128 + n / perRow % 16 * 8 + n % perRow % 4 * 2;
            dsTile[at] = (int) four;
            dsTile[at + 1] = (int) (four >> 32);
        }

        // The tiles of keys to visit: those that the band touches, or those listed. The first goes to local memory.
        int listed = shape.get(Shape.LISTS) + head * shape.get(Shape.LIST_HEAD_STRIDE) + tile;
        int first = Visits.first(options, shape, listed, Band.firstKey(options, q0, diagonal, left) / blockK);
        int keyEnd = Band.endKey(options, qLast, diagonal, right, keyLength);
        int end = Visits.end(options, shape, listed, first, (keyEnd + blockK - 1) / blockK);
        int longs = blockK * headDim / 4 / (blockQ / 16 * 32);
        long[] kNext = new long[longs];
        long[] vNext = new long[longs];
        long[] rowNext = new long[longs];
        if (first < end) {
            int at = baseK + Visits.tile(options, shape, first) * blockK * perRow;
            for (int i = 0; i < longs; i++) {
                kNext[i] = kColumns.get(at + i * threads);
                vNext[i] = v.get(at + i * threads);
                rowNext[i] = kRows.get(at + i * threads);
            }
            for (int i = 0; i < longs; i++) {
                kTile[(item + i * threads) * 2] = (int) kNext[i];
                kTile[(item + i * threads) * 2 + 1] = (int) (kNext[i] >> 32);
                vTile[(item + i * threads) * 2] = (int) vNext[i];
                vTile[(item + i * threads) * 2 + 1] = (int) (vNext[i] >> 32);
            }
        }
        ctx.localBarrier(); // dO and the first tiles are complete
        HalfFloat[] d0f = ctx.mmaLoadA(dsTile, 16, qAt);
        HalfFloat[] d1f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 1 ? 512 : 0));
        HalfFloat[] d2f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 2 ? 1024 : 0));
        HalfFloat[] d3f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 3 ? 1536 : 0));
        HalfFloat[] d4f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 4 ? 2048 : 0));
        HalfFloat[] d5f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 5 ? 2560 : 0));
        HalfFloat[] d6f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 6 ? 3072 : 0));
        HalfFloat[] d7f = ctx.mmaLoadA(dsTile, 16, qAt + (chunks > 7 ? 3584 : 0));
        ctx.localBarrier(); // dO is in registers

        int zero = Fragments.zero(item, ctx.groupIdx);
        float[] acc = new float[Fragments.HEADER + (headDim + 63) / 64 * 32];
        float[] s = new float[Fragments.HEADER + 32];
        float[] dp = new float[Fragments.HEADER + 32];
        FloatArray accTarget = Fragments.target(acc, lse, zero);
        FloatArray sTarget = Fragments.target(s, lse, zero);
        FloatArray dpTarget = Fragments.target(dp, lse, zero);
        Tile.clear(acc, Fragments.HEADER + (headDim + 63) / 64 * 32);
        int row0 = q0 + warp * 16 + g;
        int row1 = row0 + 8;
        // fragments of scores at a time: with few registers for these, a third group fits the multiprocessor
        int together = headDim > 64 || (options & Options.BRAIN) != 0 ? 1 : 2;
        float lse0 = lse.get(batchHead * seqQ + TornadoMath.min(row0, seqQ - 1));
        float lse1 = lse.get(batchHead * seqQ + TornadoMath.min(row1, seqQ - 1));
        float delta0 = delta.get(batchHead * seqQ + TornadoMath.min(row0, seqQ - 1));
        float delta1 = delta.get(batchHead * seqQ + TornadoMath.min(row1, seqQ - 1));

        for (int n = first; n < end; n++) {
            int k0 = Visits.tile(options, shape, n) * blockK;
            int after = baseK + Visits.tile(options, shape, TornadoMath.min(n + 1, end - 1)) * blockK * perRow;
            for (int i = 0; i < longs; i++) {
                kNext[i] = kColumns.get(after + i * threads);
                vNext[i] = v.get(after + i * threads);
            }

            // S = Q K_jᵀ, dP = dO V_jᵀ; P = exp(S - lse), dS = P ∘ (dP - D)
            int whole = Band.whole(options, q0, qLast, k0, k0 + blockK, diagonal, left, right, keyLength);
            int dsAt = warp * blockK * 8 + g * 8 + u;
            for (int part = 0; part < blockK / 8 / together; part++) {
                for (int i = 0; i < together; i++) {
                    int c = part * together + i;
                    Fragments.both(ctx, options, chunks, q0f, q1f, q2f, q3f, q4f, q5f, q6f, q7f, d0f, d1f, d2f, d3f, d4f, d5f,
                            d6f, d7f, kTile, vTile, c * headDim * 16, sTarget, dpTarget, c, g, u);
                }
                s[zero] = 0f;
                dp[zero] = 0f;
                for (int i = 0; i < together; i++) {
                    int c = part * together + i;
                    int key = k0 + c * 8 + 2 * u;
                    int at = Fragments.at(c);
                    int below = at + Fragments.BELOW;
                    float ds0 = Fragments.gradient(options, s[at] * scale, dp[at], lse0, delta0, softcap, slope, row0, key,
                            diagonal);
                    float ds1 = Fragments.gradient(options, s[at + 1] * scale, dp[at + 1], lse0, delta0, softcap, slope, row0,
                            key + 1, diagonal);
                    float ds2 = Fragments.gradient(options, s[below] * scale, dp[below], lse1, delta1, softcap, slope, row1, key,
                            diagonal);
                    float ds3 = Fragments.gradient(options, s[below + 1] * scale, dp[below + 1], lse1, delta1, softcap, slope,
                            row1, key + 1, diagonal);
                    if (whole == 0) {
                        ds0 = Band.sees(options, row0, key, diagonal, left, right, keyLength) == 0 ? 0f : ds0;
                        ds1 = Band.sees(options, row0, key + 1, diagonal, left, right, keyLength) == 0 ? 0f : ds1;
                        ds2 = Band.sees(options, row1, key, diagonal, left, right, keyLength) == 0 ? 0f : ds2;
                        ds3 = Band.sees(options, row1, key + 1, diagonal, left, right, keyLength) == 0 ? 0f : ds3;
                    }
                    dsTile[dsAt + c / 2 * 128 + c % 2 * 4] = Fragments.pair(options, ds0, ds1);
                    dsTile[dsAt + c / 2 * 128 + c % 2 * 4 + 64] = Fragments.pair(options, ds2, ds3);
                }
            }
            for (int i = 0; i < longs; i++) {
                rowTile[(item + i * threads) * 2] = (int) rowNext[i];
                rowTile[(item + i * threads) * 2 + 1] = (int) (rowNext[i] >> 32);
            }
            ctx.localBarrier(); // dS and the rows of K_j are complete; its columns and V_j are used up
            for (int i = 0; i < longs; i++) {
                kTile[(item + i * threads) * 2] = (int) kNext[i];
                kTile[(item + i * threads) * 2 + 1] = (int) (kNext[i] >> 32);
                vTile[(item + i * threads) * 2] = (int) vNext[i];
                vTile[(item + i * threads) * 2 + 1] = (int) (vNext[i] >> 32);
            }
            for (int i = 0; i < longs; i++) {
                rowNext[i] = kRows.get(after + i * threads);
            }

            // dQ += dS K_j
            for (int j = 0; j < blockK / 16; j++) {
                HalfFloat[] ds = ctx.mmaLoadA(dsTile, 16, warp * blockK * 32 + j * 512);
                for (int c = 0; c < headDim / 8; c++) {
                    int at = Fragments.at(c);
                    float[] o = new float[4];
                    o[0] = acc[at];
                    o[1] = acc[at + 1];
                    o[2] = acc[at + Fragments.BELOW];
                    o[3] = acc[at + Fragments.BELOW + 1];
                    float[] sum = Fragments.multiply(ctx, options, ds, ctx.mmaLoadB(rowTile, 16, j * headDim * 32 + c * 256), o);
                    Fragments.keep(ctx, sum, accTarget, c, g, u);
                }
                acc[zero] = 0f;
            }
            ctx.localBarrier(); // dS and the rows of K_j are used up; the next tiles are complete
        }

        for (int c = 0; c < headDim / 8; c++) {
            int at = Fragments.at(c);
            int to = (baseQ + row0 * rowStride) / 2 + c * 4 + u;
            if (row0 < seqQ) {
                dq.set(to, Fragments.pair(options, acc[at] * scale, acc[at + 1] * scale));
            }
            if (row1 < seqQ) {
                dq.set(to + 4 * rowStride, Fragments.pair(options, acc[at + Fragments.BELOW] * scale,
                        acc[at + Fragments.BELOW + 1] * scale));
            }
        }
    }
}
