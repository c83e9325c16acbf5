package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Flash attention, backward, first pass: {@code dq = scale dS k} with {@code dS = P ∘ (dP - D)}, {@code dP = dOut vᵀ} and P recomputed from q, k and lse.
 *
 * <p>A group owns a tile of Br queries, keeps it and its rows of dOut in local memory, and streams tiles of values, then of the same keys, through one buffer.
 * No other group writes its rows, so there are no atomics and the result is the same every time (FlashAttention-2, arXiv 2307.08691, algorithm 2, split in two
 * passes; the second is {@link FlashBackwardKeys}).
 */
public final class FlashBackwardQueries {
    private FlashBackwardQueries() {
    }

    /**
     * One launch: {@code batch * heads * ceil(seqQ / blockQ)} groups of {@code threadsX * threadsY} work-items. Arguments that {@link FlashForward#forward} has
     * too mean the same.
     *
     * @param dOut  gradient of out, laid out as q
     * @param lse   [B, H, N] as the forward pass wrote it
     * @param delta [B, H, N] D = rowsum(dOut ∘ out), see {@link RowDots}
     * @param dq    result, laid out as q; every element is written
     */
    @Launch(tile = Extent.BLOCK_Q, local = {
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.HEAD_DIM, pad = 4),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.HEAD_DIM, pad = 4),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM, pad = 4),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.BLOCK_K, pad = 8)})
    public static void backward(KernelContext ctx, FloatArray q, FloatArray k, FloatArray v, FloatArray dOut, FloatArray lse, FloatArray delta, FloatArray dq,
            IntArray shape, FloatArray numbers, IntArray keyLengths, FloatArray slopes, int headDim, int blockQ, int blockK, int threadsX, int threadsY,
            int options) {
        // The tile's place: heavy tiles (the last ones, when causal) of all heads first.
        int item = ctx.localIdx;
        int tx = Tile.x(item, threadsX);
        int ty = Tile.y(item, threadsX);
        int heads = shape.get(Shape.HEADS);
        int seqQ = shape.get(Shape.SEQ_Q);
        int tiles = (seqQ + blockQ - 1) / blockQ;
        int batchHeads = shape.get(Shape.BATCH) * heads;
        int batchHead = (options & Options.BAND) == 0 ? ctx.groupIdx / tiles : ctx.groupIdx % batchHeads;
        int tile = (options & Options.BAND) == 0 ? ctx.groupIdx % tiles : tiles - 1 - ctx.groupIdx / batchHeads;
        int batch = batchHead / heads;
        int head = batchHead % heads;
        int q0 = tile * blockQ;
        int qLast = TornadoMath.min(q0 + blockQ, seqQ) - 1;
        int rowStrideQ = shape.get(Shape.Q_ROW_STRIDE);
        int rowStrideK = shape.get(Shape.K_ROW_STRIDE);
        int baseQ = batch * shape.get(Shape.Q_BATCH_STRIDE) + head * shape.get(Shape.Q_HEAD_STRIDE);
        int baseK = batch * shape.get(Shape.K_BATCH_STRIDE) + head / (heads / shape.get(Shape.KV_HEADS)) * shape.get(Shape.K_HEAD_STRIDE);
        int diagonal = shape.get(Shape.DIAGONAL);
        int left = shape.get(Shape.LEFT);
        int right = shape.get(Shape.RIGHT);
        int keyLength = keyLengths.get(batch);
        float scale = numbers.get(Shape.SCALE);
        float softcap = numbers.get(Shape.SOFTCAP);
        float slope = 0f;
        if ((options & Options.ALIBI) != 0) {
            slope = slopes.get(head);
        }

        int rows = blockQ / threadsY;
        int columns = blockK / threadsX;
        int outColumns = (headDim + threadsX - 1) / threadsX;
        int width = outColumns * threadsX;
        int run = Tile.run(outColumns);
        int ld = width + 4;
        int ldP = blockK + 8;
        float[] qTile = ctx.allocateFloatLocalArray(blockQ * ld);
        float[] dOutTile = ctx.allocateFloatLocalArray(blockQ * ld);
        float[] kvTile = ctx.allocateFloatLocalArray(blockK * ld);
        float[] dsTile = ctx.allocateFloatLocalArray(blockQ * ldP);

        float[] acc = new float[rows * outColumns];
        float[] rowLse = new float[rows];
        float[] rowDelta = new float[rows];
        float[] s = new float[rows * columns];
        float[] dp = new float[rows * columns];
        float[] x = new float[4];
        float[] y = new float[columns * 4];
        float[] z = new float[4 * outColumns];
        float[] fetched = new float[outColumns];
        Tile.clear(acc, rows * outColumns);
        for (int r = 0; r < rows; r++) {
            int row = q0 + ty + r * threadsY;
            rowLse[r] = 0f;
            rowDelta[r] = 0f;
            if (row < seqQ) {
                rowLse[r] = lse.get(batchHead * seqQ + row);
                rowDelta[r] = delta.get(batchHead * seqQ + row);
            }
        }
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

        int keyFirst = Band.firstKey(options, q0, diagonal, left) / blockK * blockK;
        int keyEnd = Band.endKey(options, qLast, diagonal, right, keyLength);
        for (int k0 = keyFirst; k0 < keyEnd; k0 += blockK) {
            ctx.localBarrier(); // the keys of the tile before are used up (in the first round: nothing to protect)
            for (int r = 0; r < blockK / threadsY; r++) {
                int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                Tile.fetch(v, baseK + row * rowStrideK, headDim, outColumns, tx, threadsX, 1f, fetched);
                for (int c = 0; c < outColumns; c++) {
                    kvTile[(ty + r * threadsY) * ld + tx + c * threadsX] = fetched[c];
                }
            }
            ctx.localBarrier(); // Q, dO and V_j are complete before anyone reads them

            // dP = dO V_jᵀ
            Tile.clear(dp, rows * columns);
            for (int d = 0; d < width; d += 4) {
                for (int c = 0; c < columns; c++) {
                    for (int e = 0; e < 4; e++) {
                        y[c * 4 + e] = kvTile[(tx + c * threadsX) * ld + d + e];
                    }
                }
                for (int r = 0; r < rows; r++) {
                    for (int e = 0; e < 4; e++) {
                        x[e] = dOutTile[(ty + r * threadsY) * ld + d + e];
                    }
                    Tile.dot(dp, r * columns, columns, x, y);
                }
            }
            ctx.localBarrier(); // V_j is used up
            for (int r = 0; r < blockK / threadsY; r++) {
                int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                Tile.fetch(k, baseK + row * rowStrideK, headDim, outColumns, tx, threadsX, 1f, fetched);
                for (int c = 0; c < outColumns; c++) {
                    kvTile[(ty + r * threadsY) * ld + tx + c * threadsX] = fetched[c];
                }
            }
            ctx.localBarrier(); // K_j is complete

            // S = scale Q K_jᵀ, P = exp(S - lse), dS = P ∘ (dP - D)
            Tile.clear(s, rows * columns);
            for (int d = 0; d < width; d += 4) {
                for (int c = 0; c < columns; c++) {
                    for (int e = 0; e < 4; e++) {
                        y[c * 4 + e] = kvTile[(tx + c * threadsX) * ld + d + e];
                    }
                }
                for (int r = 0; r < rows; r++) {
                    for (int e = 0; e < 4; e++) {
                        x[e] = qTile[(ty + r * threadsY) * ld + d + e];
                    }
                    Tile.dot(s, r * columns, columns, x, y);
                }
            }
            int whole = Band.whole(options, q0, qLast, k0, k0 + blockK, diagonal, left, right, keyLength);
            for (int r = 0; r < rows; r++) {
                int query = q0 + ty + r * threadsY;
                for (int c = 0; c < columns; c++) {
                    int key = k0 + tx + c * threadsX;
                    float score = s[r * columns + c];
                    float p = TornadoMath.exp(Score.modified(options, score, softcap, slope, query, key, diagonal) - rowLse[r]);
                    float ds = p * (dp[r * columns + c] - rowDelta[r]) * Score.derivative(options, score, softcap);
                    if (whole == 0) {
                        ds = Band.sees(options, query, key, diagonal, left, right, keyLength) == 0 ? 0f : ds;
                    }
                    dsTile[(ty + r * threadsY) * ldP + tx + c * threadsX] = ds;
                }
            }
            ctx.localBarrier(); // dS is complete

            // dQ += dS K_j
            for (int j = 0; j < blockK; j += 4) {
                for (int e = 0; e < 4; e++) {
                    for (int c = 0; c < outColumns; c++) {
                        z[e * outColumns + c] = kvTile[(j + e) * ld + Tile.column(tx, c, run, threadsX)];
                    }
                }
                for (int r = 0; r < rows; r++) {
                    for (int e = 0; e < 4; e++) {
                        x[e] = dsTile[(ty + r * threadsY) * ldP + j + e];
                    }
                    Tile.combine(acc, r * outColumns, outColumns, x, z);
                }
            }
        }

        for (int r = 0; r < rows; r++) {
            int row = q0 + ty + r * threadsY;
            if (row < seqQ) {
                for (int c = 0; c < outColumns; c++) {
                    int column = Tile.column(tx, c, run, threadsX);
                    if (column < headDim) {
                        dq.set(baseQ + row * rowStrideQ + column, acc[r * outColumns + c] * scale);
                    }
                }
            }
        }
    }
}
