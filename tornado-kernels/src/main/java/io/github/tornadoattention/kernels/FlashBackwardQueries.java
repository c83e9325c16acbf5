package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Flash attention, backward, queries: {@code dq = scale dS k} with {@code dS = P ∘ (dP - D)}, {@code dP = dOut vᵀ} and P
 * recomputed from q, k and lse.
 *
 * <p>A group owns a tile of Br queries and walks over tiles of Bc keys. Both operands of a product stream through local memory in
 * slices, so the tile is as large for a head dim of 256 as for 64. No other group writes its rows: there are no atomics, and the
 * result is the same every time (FlashAttention-2, arXiv 2307.08691, algorithm 2, as two passes; the other is {@link
 * FlashBackwardKeys}).
 */
public final class FlashBackwardQueries {
    private FlashBackwardQueries() {
    }

    /**
     * One launch: {@code batch * heads * ceil(seqQ / Br)} groups of {@code threadsX * threadsY} work-items. Arguments that {@link
     * FlashForward#forward} has too mean the same.
     *
     * @param dOut  gradient of out, laid out as q
     * @param lse   [B, H, N] as the forward pass wrote it
     * @param delta [B, H, N] D = rowsum(dOut ∘ out), see {@link RowDots}
     * @param dq    result, laid out as q; every element is written
     */
    @Launch(tile = Extent.BLOCK_Q, local = {
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.SLICE_D, pad = 4, orRows = Extent.SLICE_N,
                orColumns = Extent.HEAD_DIM),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.SLICE_D, pad = 4),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.BLOCK_K, pad = 8)})
    public static void backward(KernelContext ctx, FloatArray q, FloatArray k, FloatArray v, FloatArray dOut, FloatArray lse,
            FloatArray delta, FloatArray dq,
            IntArray shape, FloatArray numbers, FloatArray bias, IntArray mask, int headDim, int blocks, int threads, int slices,
            int options) {
        int blockQ = blocks >> 16;
        int blockK = blocks & 0xFFFF;
        int threadsX = threads >> 16;
        int threadsY = threads & 0xFFFF;
        int sliceD = slices >> 16;
        int sliceN = slices & 0xFFFF;

        // The group's place: heavy tiles (the last ones, when causal) of all heads first.
        int tx = Tile.x(ctx.localIdx, threadsX);
        int ty = Tile.y(ctx.localIdx, threadsX);
        int heads = shape.get(Shape.HEADS);
        int tiles = (shape.get(Shape.SEQ_Q) + blockQ - 1) / blockQ;
        int batchHead = Entry.batchHead(options, shape, ctx.groupIdx, heads, tiles);
        int tile = Entry.tile(options, shape, ctx.groupIdx, heads, tiles, 1);
        int batch = batchHead / heads;
        int head = batchHead % heads;
        int seqQ = Entry.queries(options, shape, batch);
        int q0 = tile * blockQ;
        int qLast = TornadoMath.min(q0 + blockQ, seqQ) - 1;
        int rowStrideQ = shape.get(Shape.Q_ROW_STRIDE);
        int rowStrideK = shape.get(Shape.K_ROW_STRIDE);
        int baseQ = Entry.query(options, shape, batch, head);
        int baseK = Entry.key(options, shape, batch, head / (heads / shape.get(Shape.KV_HEADS)));
        int baseRow = Entry.row(options, shape, batch, head);
        int diagonal = Entry.diagonal(options, shape, batch);
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
        int biasBase = (options & Options.BIAS) == 0 ? 0 : Tables.biasBase(shape, batch, head);
        int maskBase = (options & Options.MASK) == 0 ? 0 : Tables.maskBase(shape, batch, head);

        int rows = blockQ / threadsY;
        int columns = blockK / threadsX;
        int outColumns = (headDim + threadsX - 1) / threadsX;
        int width = outColumns * threadsX;
        int padded = width - headDim;
        int run = Tile.run(outColumns);
        int ld = width + 4;
        int ldS = sliceD + 4;
        int ldP = blockK + 8;
        float[] slice = ctx.allocateFloatLocalArray(TornadoMath.max(blockQ * ldS, sliceN * ld));
        float[] other = ctx.allocateFloatLocalArray(blockK * ldS);
        float[] pTile = ctx.allocateFloatLocalArray(blockQ * ldP);

        float[] acc = new float[rows * outColumns];
        float[] rowLse = new float[rows];
        float[] rowDelta = new float[rows];
        float[] s = new float[rows * columns];
        float[] x = new float[4];
        float[] y = new float[columns * 4];
        float[] z = new float[4 * outColumns];
        float[] aheadA = new float[TornadoMath.max(blockQ * sliceD / (threadsX * threadsY), sliceN / threadsY * outColumns)];
        float[] aheadB = new float[blockK * sliceD / (threadsX * threadsY)];
        Tile.clear(acc, rows * outColumns);
        for (int r = 0; r < rows; r++) {
            int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
            rowLse[r] = lse.get(baseRow + row);
            rowDelta[r] = delta.get(baseRow + row);
        }

        // The tiles of keys to visit: those that the band touches, or those listed.
        int listed = shape.get(Shape.LISTS) + head * shape.get(Shape.LIST_HEAD_STRIDE) + tile;
        int first = Visits.first(options, shape, listed, Band.firstKey(options, q0, diagonal, left) / blockK);
        int keyEnd = Band.endKey(options, qLast, diagonal, right, keyLength);
        int end = Visits.end(options, shape, listed, first, (keyEnd + blockK - 1) / blockK);
        for (int n = first; n < end; n++) {
            int k0 = Visits.tile(options, shape, n) * blockK;

            // dP = dOut V_jᵀ, put by until S is there
            Tile.clear(s, rows * columns);
            for (int r = 0; r < blockQ / threadsY; r++) {
                int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                Tile.fetch(dOut, baseQ + row * rowStrideQ, headDim, padded, r, sliceD / threadsX, tx, threadsX, 1f, aheadA);
            }
            for (int r = 0; r < blockK / threadsY; r++) {
                int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                Tile.fetch(v, baseK + row * rowStrideK, headDim, padded, r, sliceD / threadsX, tx, threadsX, 1f, aheadB);
            }
            for (int d0 = 0; d0 < width; d0 += sliceD) {
                ctx.localBarrier(); // the slices before are used up
                for (int r = 0; r < blockQ / threadsY; r++) {
                    for (int c = 0; c < sliceD / threadsX; c++) {
                        slice[(ty + r * threadsY) * ldS + tx + c * threadsX] = aheadA[r * (sliceD / threadsX) + c];
                    }
                }
                for (int r = 0; r < blockK / threadsY; r++) {
                    for (int c = 0; c < sliceD / threadsX; c++) {
                        other[(ty + r * threadsY) * ldS + tx + c * threadsX] = aheadB[r * (sliceD / threadsX) + c];
                    }
                }
                ctx.localBarrier(); // both slices are complete
                if (d0 + sliceD < width) {
                    for (int r = 0; r < blockQ / threadsY; r++) {
                        int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                        Tile.fetch(dOut, baseQ + row * rowStrideQ + d0 + sliceD, headDim - (d0 + sliceD), padded, r,
                                sliceD / threadsX, tx, threadsX, 1f, aheadA);
                    }
                    for (int r = 0; r < blockK / threadsY; r++) {
                        int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                        Tile.fetch(v, baseK + row * rowStrideK + d0 + sliceD, headDim - (d0 + sliceD), padded, r,
                                sliceD / threadsX, tx, threadsX, 1f, aheadB);
                    }
                }
                for (int d = 0; d < sliceD; d += 4) {
                    for (int c = 0; c < columns; c++) {
                        for (int e = 0; e < 4; e++) {
                            y[c * 4 + e] = other[(tx + c * threadsX) * ldS + d + e];
                        }
                    }
                    for (int r = 0; r < rows; r++) {
                        for (int e = 0; e < 4; e++) {
                            x[e] = slice[(ty + r * threadsY) * ldS + d + e];
                        }
                        Tile.dot(s, r * columns, columns, x, y);
                    }
                }
            }
            if ((options & Options.DROPOUT) != 0) {
                // dP = Z ∘ dP / (1 - p), with Z, 1 for each kept pair and 0 for each dropped one, in its place
                for (int four = ctx.localIdx; four < blockQ * (blockK / 4); four += threadsX * threadsY) {
                    int row = four / (blockK / 4);
                    int quad = four % (blockK / 4);
                    int kept = Dropout.kept(q0 + row, k0 / 4 + quad, batchHead, shape);
                    for (int e = 0; e < 4; e++) {
                        pTile[row * ldP + quad * 4 + e] = (kept >> e) % 2;
                    }
                }
                ctx.localBarrier(); // Z is complete
                float keepFactor = numbers.get(Shape.KEEP_FACTOR);
                for (int r = 0; r < rows; r++) {
                    for (int c = 0; c < columns; c++) {
                        s[r * columns + c] = s[r * columns + c]
                                * pTile[(ty + r * threadsY) * ldP + tx + c * threadsX] * keepFactor;
                    }
                }
            }
            for (int r = 0; r < rows; r++) {
                for (int c = 0; c < columns; c++) {
                    pTile[(ty + r * threadsY) * ldP + tx + c * threadsX] = s[r * columns + c]; // read again by the same work-item
                }
            }

            // S = scale Q K_jᵀ
            Tile.clear(s, rows * columns);
            for (int r = 0; r < blockQ / threadsY; r++) {
                int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                Tile.fetch(q, baseQ + row * rowStrideQ, headDim, padded, r, sliceD / threadsX, tx, threadsX, scale, aheadA);
            }
            for (int r = 0; r < blockK / threadsY; r++) {
                int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                Tile.fetch(k, baseK + row * rowStrideK, headDim, padded, r, sliceD / threadsX, tx, threadsX, 1f, aheadB);
            }
            for (int d0 = 0; d0 < width; d0 += sliceD) {
                ctx.localBarrier(); // the slices before are used up
                for (int r = 0; r < blockQ / threadsY; r++) {
                    for (int c = 0; c < sliceD / threadsX; c++) {
                        slice[(ty + r * threadsY) * ldS + tx + c * threadsX] = aheadA[r * (sliceD / threadsX) + c];
                    }
                }
                for (int r = 0; r < blockK / threadsY; r++) {
                    for (int c = 0; c < sliceD / threadsX; c++) {
                        other[(ty + r * threadsY) * ldS + tx + c * threadsX] = aheadB[r * (sliceD / threadsX) + c];
                    }
                }
                ctx.localBarrier(); // both slices are complete
                if (d0 + sliceD < width) {
                    for (int r = 0; r < blockQ / threadsY; r++) {
                        int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                        Tile.fetch(q, baseQ + row * rowStrideQ + d0 + sliceD, headDim - (d0 + sliceD), padded, r,
                                sliceD / threadsX, tx, threadsX, scale, aheadA);
                    }
                    for (int r = 0; r < blockK / threadsY; r++) {
                        int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                        Tile.fetch(k, baseK + row * rowStrideK + d0 + sliceD, headDim - (d0 + sliceD), padded, r,
                                sliceD / threadsX, tx, threadsX, 1f, aheadB);
                    }
                }
                for (int d = 0; d < sliceD; d += 4) {
                    for (int c = 0; c < columns; c++) {
                        for (int e = 0; e < 4; e++) {
                            y[c * 4 + e] = other[(tx + c * threadsX) * ldS + d + e];
                        }
                    }
                    for (int r = 0; r < rows; r++) {
                        for (int e = 0; e < 4; e++) {
                            x[e] = slice[(ty + r * threadsY) * ldS + d + e];
                        }
                        Tile.dot(s, r * columns, columns, x, y);
                    }
                }
            }

            // P = exp(S - lse), dS = P ∘ (dP - D)
            int whole = Band.whole(options, q0, qLast, k0, k0 + blockK, diagonal, left, right, keyLength);
            for (int r = 0; r < rows; r++) {
                int query = q0 + ty + r * threadsY;
                for (int c = 0; c < columns; c++) {
                    int key = k0 + tx + c * threadsX;
                    int at = (ty + r * threadsY) * ldP + tx + c * threadsX;
                    float score = s[r * columns + c];
                    float modified = Score.modified(options, score, softcap, slope, query, key, diagonal);
                    if ((options & Tables.ANY) != 0) {
                        modified = Tables.applied(options, modified, TornadoMath.min(query, seqQ - 1),
                                TornadoMath.min(key, keyLength - 1), bias, biasBase, mask,
                            maskBase, shape, masked);
                    }
                    float p = TornadoMath.exp(modified - rowLse[r]);
                    float ds = p * (pTile[at] - rowDelta[r]) * Score.derivative(options, score, softcap);
                    if ((options & Tables.ANY) != 0) {
                        ds = modified == masked ? 0f : ds;
                    }
                    if (whole == 0) {
                        ds = Band.sees(options, query, key, diagonal, left, right, keyLength) == 0 ? 0f : ds;
                    }
                    pTile[at] = ds;
                }
            }

            // dQ += dS K_j
            for (int r = 0; r < sliceN / threadsY; r++) {
                int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                Tile.fetch(k, baseK + row * rowStrideK, headDim, padded, r, width / threadsX, tx, threadsX, 1f, aheadA);
            }
            Tile.keepFinite(aheadA, sliceN / threadsY * outColumns);
            for (int j0 = 0; j0 < blockK; j0 += sliceN) {
                ctx.localBarrier(); // dS is complete, and the slice before is used up
                for (int r = 0; r < sliceN / threadsY; r++) {
                    for (int c = 0; c < width / threadsX; c++) {
                        slice[(ty + r * threadsY) * ld + tx + c * threadsX] = aheadA[r * (width / threadsX) + c];
                    }
                }
                ctx.localBarrier(); // the slice is complete
                if (j0 + sliceN < blockK) {
                    for (int r = 0; r < sliceN / threadsY; r++) {
                        int row = TornadoMath.min(k0 + j0 + sliceN + ty + r * threadsY, keyLength - 1);
                        Tile.fetch(k, baseK + row * rowStrideK, headDim, padded, r, width / threadsX, tx, threadsX, 1f, aheadA);
                    }
                    Tile.keepFinite(aheadA, sliceN / threadsY * outColumns);
                }
                for (int j = 0; j < sliceN; j += 4) {
                    for (int e = 0; e < 4; e++) {
                        for (int c = 0; c < outColumns; c++) {
                            z[e * outColumns + c] = slice[(j + e) * ld + Tile.column(tx, c, run, threadsX)];
                        }
                    }
                    for (int r = 0; r < rows; r++) {
                        for (int e = 0; e < 4; e++) {
                            x[e] = pTile[(ty + r * threadsY) * ldP + j0 + j + e];
                        }
                        Tile.combine(acc, r * outColumns, outColumns, x, z);
                    }
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
