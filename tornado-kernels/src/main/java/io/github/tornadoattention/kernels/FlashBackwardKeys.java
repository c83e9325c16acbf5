package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Flash attention, backward, second pass: {@code dv = Pᵀ dOut} and {@code dk = scale dSᵀ q}, with P and dS recomputed as in {@link FlashBackwardQueries}.
 *
 * <p>A group owns a tile of Bc keys with their values and streams tiles of Br queries and of dOut, of every query head that shares the key head. It works on
 * transposed scores, one row a key, so that both of its accumulators are sums over columns as in the other passes.
 */
public final class FlashBackwardKeys {
    private FlashBackwardKeys() {
    }

    /**
     * One launch: {@code batch * kvHeads * ceil(seqK / blockK)} groups of {@code threadsX * threadsY} work-items. Arguments that {@link FlashForward#forward}
     * has too mean the same, but that {@code blockK} is a multiple of {@code threadsY}, and {@code blockQ} of {@code threadsX} and of 4.
     *
     * @param dOut  gradient of out, laid out as q
     * @param lse   [B, H, N] as the forward pass wrote it
     * @param delta [B, H, N] D = rowsum(dOut ∘ out), see {@link RowDots}
     * @param dk    result, laid out as k; every element is written, 0 for keys that nobody sees
     * @param dv    result, likewise
     */
    @Launch(tile = Extent.BLOCK_K, local = {
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM, pad = 4),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM, pad = 4),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.HEAD_DIM, pad = 4),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.HEAD_DIM, pad = 4),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.BLOCK_Q, pad = 8),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.BLOCK_Q, pad = 8)})
    public static void backward(KernelContext ctx, FloatArray q, FloatArray k, FloatArray v, FloatArray dOut, FloatArray lse, FloatArray delta, FloatArray dk,
            FloatArray dv, IntArray shape, FloatArray numbers, IntArray keyLengths, FloatArray slopes, int headDim, int blockQ, int blockK, int threadsX,
            int threadsY, int options) {
        // The tile's place: heavy tiles (the first ones, when causal) of all heads first.
        int item = ctx.localIdx;
        int tx = Tile.x(item, threadsX);
        int ty = Tile.y(item, threadsX);
        int heads = shape.get(Shape.HEADS);
        int kvHeads = shape.get(Shape.KV_HEADS);
        int seqQ = shape.get(Shape.SEQ_Q);
        int seqK = shape.get(Shape.SEQ_K);
        int tiles = (seqK + blockK - 1) / blockK;
        int batchHeads = shape.get(Shape.BATCH) * kvHeads;
        int batchHead = (options & Options.BAND) == 0 ? ctx.groupIdx / tiles : ctx.groupIdx % batchHeads;
        int tile = (options & Options.BAND) == 0 ? ctx.groupIdx % tiles : ctx.groupIdx / batchHeads;
        int batch = batchHead / kvHeads;
        int kvHead = batchHead % kvHeads;
        int k0 = tile * blockK;
        int rowStrideQ = shape.get(Shape.Q_ROW_STRIDE);
        int rowStrideK = shape.get(Shape.K_ROW_STRIDE);
        int baseK = batch * shape.get(Shape.K_BATCH_STRIDE) + kvHead * shape.get(Shape.K_HEAD_STRIDE);
        int diagonal = shape.get(Shape.DIAGONAL);
        int left = shape.get(Shape.LEFT);
        int right = shape.get(Shape.RIGHT);
        int keyLength = keyLengths.get(batch);
        int keyLast = TornadoMath.min(k0 + blockK, keyLength) - 1;
        float scale = numbers.get(Shape.SCALE);
        float softcap = numbers.get(Shape.SOFTCAP);

        int rows = blockK / threadsY;
        int columns = blockQ / threadsX;
        int outColumns = (headDim + threadsX - 1) / threadsX;
        int width = outColumns * threadsX;
        int run = Tile.run(outColumns);
        int ld = width + 4;
        int ldP = blockQ + 8;
        float[] kTile = ctx.allocateFloatLocalArray(blockK * ld);
        float[] vTile = ctx.allocateFloatLocalArray(blockK * ld);
        float[] qTile = ctx.allocateFloatLocalArray(blockQ * ld);
        float[] dOutTile = ctx.allocateFloatLocalArray(blockQ * ld);
        float[] pTile = ctx.allocateFloatLocalArray(blockK * ldP);
        float[] dsTile = ctx.allocateFloatLocalArray(blockK * ldP);

        float[] dkAcc = new float[rows * outColumns];
        float[] dvAcc = new float[rows * outColumns];
        float[] s = new float[rows * columns];
        float[] dp = new float[rows * columns];
        float[] columnLse = new float[columns];
        float[] columnDelta = new float[columns];
        float[] x = new float[4];
        float[] y = new float[columns * 4];
        float[] z = new float[4 * outColumns];
        float[] fetched = new float[outColumns];
        Tile.clear(dkAcc, rows * outColumns);
        Tile.clear(dvAcc, rows * outColumns);
        if (k0 < keyLength) {
            for (int r = 0; r < blockK / threadsY; r++) {
                int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                Tile.fetch(k, baseK + row * rowStrideK, headDim, outColumns, tx, threadsX, 1f, fetched);
                for (int c = 0; c < outColumns; c++) {
                    kTile[(ty + r * threadsY) * ld + tx + c * threadsX] = fetched[c];
                }
            }
            for (int r = 0; r < blockK / threadsY; r++) {
                int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                Tile.fetch(v, baseK + row * rowStrideK, headDim, outColumns, tx, threadsX, 1f, fetched);
                for (int c = 0; c < outColumns; c++) {
                    vTile[(ty + r * threadsY) * ld + tx + c * threadsX] = fetched[c];
                }
            }
        }

        int queryFirst = Band.firstQuery(options, k0, diagonal, right) / blockQ * blockQ;
        int queryEnd = Band.endQuery(options, keyLast, diagonal, left, seqQ);
        if (k0 >= keyLength) {
            queryEnd = 0;
        }
        int shared = heads / kvHeads;
        for (int head = kvHead * shared; head < (kvHead + 1) * shared; head++) {
            int baseQ = batch * shape.get(Shape.Q_BATCH_STRIDE) + head * shape.get(Shape.Q_HEAD_STRIDE);
            int baseRow = (batch * heads + head) * seqQ;
            float slope = 0f;
            if ((options & Options.ALIBI) != 0) {
                slope = slopes.get(head);
            }
            for (int q0 = queryFirst; q0 < queryEnd; q0 += blockQ) {
                ctx.localBarrier(); // the tile before is used up (in the first round: nothing to protect)
                for (int r = 0; r < blockQ / threadsY; r++) {
                    int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                    Tile.fetch(q, baseQ + row * rowStrideQ, headDim, outColumns, tx, threadsX, scale, fetched);
                    for (int c = 0; c < outColumns; c++) {
                        qTile[(ty + r * threadsY) * ld + tx + c * threadsX] = fetched[c];
                    }
                }
                for (int r = 0; r < blockQ / threadsY; r++) {
                    int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                    Tile.fetch(dOut, baseQ + row * rowStrideQ, headDim, outColumns, tx, threadsX, 1f, fetched);
                    for (int c = 0; c < outColumns; c++) {
                        dOutTile[(ty + r * threadsY) * ld + tx + c * threadsX] = fetched[c];
                    }
                }
                for (int c = 0; c < columns; c++) {
                    int query = q0 + tx + c * threadsX;
                    columnLse[c] = Float.MAX_VALUE; // past the last query: P and dS become 0
                    columnDelta[c] = 0f;
                    if (query < seqQ) {
                        columnLse[c] = lse.get(baseRow + query);
                        columnDelta[c] = delta.get(baseRow + query);
                    }
                }
                ctx.localBarrier(); // K, V, Q_i and dO_i are complete before anyone reads them

                // Sᵀ = K (scale Q_i)ᵀ and dPᵀ = V dO_iᵀ
                Tile.clear(s, rows * columns);
                for (int d = 0; d < width; d += 4) {
                    for (int c = 0; c < columns; c++) {
                        for (int e = 0; e < 4; e++) {
                            y[c * 4 + e] = qTile[(tx + c * threadsX) * ld + d + e];
                        }
                    }
                    for (int r = 0; r < rows; r++) {
                        for (int e = 0; e < 4; e++) {
                            x[e] = kTile[(ty + r * threadsY) * ld + d + e];
                        }
                        Tile.dot(s, r * columns, columns, x, y);
                    }
                }
                Tile.clear(dp, rows * columns);
                for (int d = 0; d < width; d += 4) {
                    for (int c = 0; c < columns; c++) {
                        for (int e = 0; e < 4; e++) {
                            y[c * 4 + e] = dOutTile[(tx + c * threadsX) * ld + d + e];
                        }
                    }
                    for (int r = 0; r < rows; r++) {
                        for (int e = 0; e < 4; e++) {
                            x[e] = vTile[(ty + r * threadsY) * ld + d + e];
                        }
                        Tile.dot(dp, r * columns, columns, x, y);
                    }
                }

                // P = exp(S - lse), dS = P ∘ (dP - D)
                int queryLast = TornadoMath.min(q0 + blockQ, seqQ) - 1;
                int whole = Band.whole(options, q0, queryLast, k0, k0 + blockK, diagonal, left, right, keyLength);
                for (int r = 0; r < rows; r++) {
                    int key = k0 + ty + r * threadsY;
                    for (int c = 0; c < columns; c++) {
                        int query = q0 + tx + c * threadsX;
                        float score = s[r * columns + c];
                        float p = TornadoMath.exp(Score.modified(options, score, softcap, slope, query, key, diagonal) - columnLse[c]);
                        if (whole == 0) {
                            p = Band.sees(options, query, key, diagonal, left, right, keyLength) == 0 ? 0f : p;
                        }
                        pTile[(ty + r * threadsY) * ldP + tx + c * threadsX] = p;
                        dsTile[(ty + r * threadsY) * ldP + tx + c * threadsX] = p * (dp[r * columns + c] - columnDelta[c])
                            * Score.derivative(options, score, softcap);
                    }
                }
                ctx.localBarrier(); // P and dS are complete

                // dV += Pᵀ dO_i, dK += dSᵀ (scale Q_i)
                for (int j = 0; j < blockQ; j += 4) {
                    for (int e = 0; e < 4; e++) {
                        for (int c = 0; c < outColumns; c++) {
                            z[e * outColumns + c] = dOutTile[(j + e) * ld + Tile.column(tx, c, run, threadsX)];
                        }
                    }
                    for (int r = 0; r < rows; r++) {
                        for (int e = 0; e < 4; e++) {
                            x[e] = pTile[(ty + r * threadsY) * ldP + j + e];
                        }
                        Tile.combine(dvAcc, r * outColumns, outColumns, x, z);
                    }
                }
                for (int j = 0; j < blockQ; j += 4) {
                    for (int e = 0; e < 4; e++) {
                        for (int c = 0; c < outColumns; c++) {
                            z[e * outColumns + c] = qTile[(j + e) * ld + Tile.column(tx, c, run, threadsX)];
                        }
                    }
                    for (int r = 0; r < rows; r++) {
                        for (int e = 0; e < 4; e++) {
                            x[e] = dsTile[(ty + r * threadsY) * ldP + j + e];
                        }
                        Tile.combine(dkAcc, r * outColumns, outColumns, x, z);
                    }
                }
            }
        }

        for (int r = 0; r < rows; r++) {
            int row = k0 + ty + r * threadsY;
            if (row < seqK) {
                for (int c = 0; c < outColumns; c++) {
                    int column = Tile.column(tx, c, run, threadsX);
                    if (column < headDim) {
                        dk.set(baseK + row * rowStrideK + column, dkAcc[r * outColumns + c]);
                        dv.set(baseK + row * rowStrideK + column, dvAcc[r * outColumns + c]);
                    }
                }
            }
        }
    }
}
