package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Flash attention, backward, keys: {@code dv = Pᵀ dOut} and {@code dk = scale dSᵀ q}, with P and dS recomputed as in {@link
 * FlashBackwardQueries}.
 *
 * <p>A group owns a tile of Bc keys with their values and walks over tiles of Br queries of every query head that shares the key
 * head. It works on transposed scores, one row a key, so that its products have the shapes of the other passes. P waits in local
 * memory for dP to become dS in its place.
 */
public final class FlashBackwardKeys {
    private FlashBackwardKeys() {
    }

    /**
     * One launch: {@code batch * kvHeads * ceil(seqK / Bc)} groups of {@code threadsX * threadsY} work-items. Arguments that
     * {@link FlashForward#forward} has too mean the same, but that Bc is a multiple of {@code threadsY}, Br of {@code threadsX}
     * and {@code sliceN}, sliceN counts queries, and the lists say which tiles of queries a tile of keys visits.
     *
     * @param dOut  gradient of out, laid out as q
     * @param lse   [B, H, N] as the forward pass wrote it
     * @param delta [B, H, N] D = rowsum(dOut ∘ out), see {@link RowDots}
     * @param dk    result, laid out as k; every element is written, 0 for keys that nobody sees
     * @param dv    result, likewise
     */
    @Launch(tile = Extent.BLOCK_K, local = {
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.SLICE_D, pad = 4, orRows = Extent.SLICE_N,
                orColumns = Extent.HEAD_DIM),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.SLICE_D, pad = 4),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.BLOCK_Q, pad = 8)})
    public static void backward(KernelContext ctx, FloatArray q, FloatArray k, FloatArray v, FloatArray dOut, FloatArray lse,
            FloatArray delta, FloatArray dk,
            FloatArray dv, IntArray shape, FloatArray numbers, FloatArray bias, IntArray mask, int headDim, int blocks,
            int threads, int slices,
            int options) {
        int blockQ = blocks >> 16;
        int blockK = blocks & 0xFFFF;
        int threadsX = threads >> 16;
        int threadsY = threads & 0xFFFF;
        int sliceD = slices >> 16;
        int sliceN = slices & 0xFFFF;

        // The group's place: heavy tiles (the first ones, when causal) of all heads first.
        int tx = Tile.x(ctx.localIdx, threadsX);
        int ty = Tile.y(ctx.localIdx, threadsX);
        int heads = shape.get(Shape.HEADS);
        int kvHeads = shape.get(Shape.KV_HEADS);
        int tiles = (shape.get(Shape.SEQ_K) + blockK - 1) / blockK;
        int batchHead = Entry.batchHead(options, shape, ctx.groupIdx, kvHeads, tiles);
        int tile = Entry.tile(options, shape, ctx.groupIdx, kvHeads, tiles, 0);
        int batch = batchHead / kvHeads;
        int kvHead = batchHead % kvHeads;
        int seqQ = Entry.queries(options, shape, batch);
        int seqK = Entry.keys(options, shape, batch);
        int k0 = tile * blockK;
        int rowStrideQ = shape.get(Shape.Q_ROW_STRIDE);
        int rowStrideK = shape.get(Shape.K_ROW_STRIDE);
        int baseK = Entry.key(options, shape, batch, kvHead);
        int diagonal = Entry.diagonal(options, shape, batch);
        int left = shape.get(Shape.LEFT);
        int right = shape.get(Shape.RIGHT);
        int keyLength = shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
        int keyLast = TornadoMath.min(k0 + blockK, keyLength) - 1;
        float scale = numbers.get(Shape.SCALE);
        float softcap = numbers.get(Shape.SOFTCAP);
        float masked = numbers.get(Shape.NEGATIVE_INFINITY);
        float keepFactor = 1f;
        if ((options & Options.DROPOUT) != 0) {
            keepFactor = numbers.get(Shape.KEEP_FACTOR);
        }

        int rows = blockK / threadsY;
        int columns = blockQ / threadsX;
        int outColumns = (headDim + threadsX - 1) / threadsX;
        int width = outColumns * threadsX;
        int padded = width - headDim;
        int run = Tile.run(outColumns);
        int ld = width + 4;
        int ldS = sliceD + 4;
        int ldP = blockQ + 8;
        float[] slice = ctx.allocateFloatLocalArray(TornadoMath.max(blockK * ldS, sliceN * ld));
        float[] other = ctx.allocateFloatLocalArray(blockQ * ldS);
        float[] pTile = ctx.allocateFloatLocalArray(blockK * ldP);

        float[] dkAcc = new float[rows * outColumns];
        float[] dvAcc = new float[rows * outColumns];
        float[] s = new float[rows * columns];
        float[] derivative = new float[(options & Options.SOFTCAP) == 0 ? 1 : rows * columns];
        float[] columnLse = new float[columns];
        float[] columnDelta = new float[columns];
        float[] x = new float[4];
        float[] y = new float[columns * 4];
        float[] z = new float[4 * outColumns];
        float[] aheadA = new float[TornadoMath.max(blockK * sliceD / (threadsX * threadsY), sliceN / threadsY * outColumns)];
        float[] aheadB = new float[blockQ * sliceD / (threadsX * threadsY)];
        Tile.clear(dkAcc, rows * outColumns);
        Tile.clear(dvAcc, rows * outColumns);

        int queryFirst = Band.firstQuery(options, k0, diagonal, right) / blockQ;
        int queryEnd = k0 < keyLength ? Band.endQuery(options, keyLast, diagonal, left, seqQ) : 0;
        int shared = heads / kvHeads;
        for (int head = kvHead * shared; head < (kvHead + 1) * shared; head++) {
            int baseQ = Entry.query(options, shape, batch, head);
            int baseRow = Entry.row(options, shape, batch, head);
            float slope = 0f;
            if ((options & Options.ALIBI) != 0) {
                slope = numbers.get(Shape.SLOPES + head);
            }
            int biasBase = (options & Options.BIAS) == 0 ? 0 : Tables.biasBase(shape, batch, head);
            int maskBase = (options & Options.MASK) == 0 ? 0 : Tables.maskBase(shape, batch, head);
            // The tiles of queries to visit: those that the band touches, or those listed.
            int listed = shape.get(Shape.LISTS) + head * shape.get(Shape.LIST_HEAD_STRIDE) + tile;
            int first = Visits.first(options, shape, listed, queryFirst);
            int end = Visits.end(options, shape, listed, first, (queryEnd + blockQ - 1) / blockQ);
            for (int n = first; n < end; n++) {
                int q0 = Visits.tile(options, shape, n) * blockQ;
                for (int c = 0; c < columns; c++) {
                    int query = q0 + tx + c * threadsX;
                    columnLse[c] = Float.MAX_VALUE; // past the last query: P and dS become 0
                    columnDelta[c] = 0f;
                    if (query < seqQ) {
                        columnLse[c] = lse.get(baseRow + query);
                        columnDelta[c] = delta.get(baseRow + query);
                    }
                }

                // Sᵀ = K (scale Q_i)ᵀ
                Tile.clear(s, rows * columns);
                for (int r = 0; r < blockK / threadsY; r++) {
                    int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                    Tile.fetch(k, baseK + row * rowStrideK, headDim, padded, r, sliceD / threadsX, tx, threadsX, 1f, aheadA);
                }
                for (int r = 0; r < blockQ / threadsY; r++) {
                    int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                    Tile.fetch(q, baseQ + row * rowStrideQ, headDim, padded, r, sliceD / threadsX, tx, threadsX, scale, aheadB);
                }
                for (int d0 = 0; d0 < width; d0 += sliceD) {
                    ctx.localBarrier(); // the slices before are used up
                    for (int r = 0; r < blockK / threadsY; r++) {
                        for (int c = 0; c < sliceD / threadsX; c++) {
                            slice[(ty + r * threadsY) * ldS + tx + c * threadsX] = aheadA[r * (sliceD / threadsX) + c];
                        }
                    }
                    for (int r = 0; r < blockQ / threadsY; r++) {
                        for (int c = 0; c < sliceD / threadsX; c++) {
                            other[(ty + r * threadsY) * ldS + tx + c * threadsX] = aheadB[r * (sliceD / threadsX) + c];
                        }
                    }
                    ctx.localBarrier(); // both slices are complete
                    if (d0 + sliceD < width) {
                        for (int r = 0; r < blockK / threadsY; r++) {
                            int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                            Tile.fetch(k, baseK + row * rowStrideK + d0 + sliceD, headDim - (d0 + sliceD), padded, r,
                                    sliceD / threadsX, tx, threadsX, 1f, aheadA);
                        }
                        for (int r = 0; r < blockQ / threadsY; r++) {
                            int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                            Tile.fetch(q, baseQ + row * rowStrideQ + d0 + sliceD, headDim - (d0 + sliceD), padded, r,
                                    sliceD / threadsX, tx, threadsX, scale, aheadB);
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
                    // Zᵀ, 1 for each kept pair and 0 for each dropped one, in the place of P
                    for (int four = ctx.localIdx; four < blockK / 4 * blockQ; four += threadsX * threadsY) {
                        int quad = four / blockQ;
                        int column = four % blockQ;
                        int kept = Dropout.kept(q0 + column, k0 / 4 + quad, batch * heads + head, shape);
                        for (int e = 0; e < 4; e++) {
                            pTile[(quad * 4 + e) * ldP + column] = (kept >> e) % 2;
                        }
                    }
                    ctx.localBarrier(); // Z is complete
                }

                // P = exp(S - lse), -P where dropped, and what dS needs besides dP
                int queryLast = TornadoMath.min(q0 + blockQ, seqQ) - 1;
                int whole = q0 + blockQ > seqQ ? 0 : Band.whole(options, q0, queryLast, k0, k0 + blockK, diagonal,
                        left, right, keyLength);
                for (int r = 0; r < rows; r++) {
                    int key = k0 + ty + r * threadsY;
                    for (int c = 0; c < columns; c++) {
                        int query = q0 + tx + c * threadsX;
                        float score = s[r * columns + c];
                        float modified = Score.modified(options, score, softcap, slope, query, key, diagonal);
                        if ((options & Tables.ANY) != 0) {
                            modified = Tables.applied(options, modified, TornadoMath.min(query, seqQ - 1),
                                    TornadoMath.min(key, keyLength - 1), bias, biasBase,
                                mask, maskBase, shape, masked);
                        }
                        float p = TornadoMath.exp(modified - columnLse[c]);
                        if ((options & Tables.ANY) != 0) {
                            p = modified == masked ? 0f : p;
                        }
                        if (whole == 0) {
                            p = query >= seqQ || Band.sees(options, query, key, diagonal, left, right, keyLength) == 0 ? 0f : p;
                        }
                        if ((options & Options.DROPOUT) != 0) {
                            p = pTile[(ty + r * threadsY) * ldP + tx + c * threadsX] == 0f ? -p : p;
                        }
                        pTile[(ty + r * threadsY) * ldP + tx + c * threadsX] = p;
                        if ((options & Options.SOFTCAP) != 0) {
                            derivative[r * columns + c] = Score.derivative(options, score, softcap);
                        }
                    }
                }

                // dV += Pᵀ dOut_i, times 1 / (1 - p) at the end
                for (int r = 0; r < sliceN / threadsY; r++) {
                    int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                    Tile.fetch(dOut, baseQ + row * rowStrideQ, headDim, padded, r, width / threadsX, tx, threadsX, 1f, aheadA);
                }
                for (int j0 = 0; j0 < blockQ; j0 += sliceN) {
                    ctx.localBarrier(); // P is complete, and the slice before is used up
                    for (int r = 0; r < sliceN / threadsY; r++) {
                        for (int c = 0; c < width / threadsX; c++) {
                            slice[(ty + r * threadsY) * ld + tx + c * threadsX] = aheadA[r * (width / threadsX) + c];
                        }
                    }
                    ctx.localBarrier(); // the slice is complete
                    if (j0 + sliceN < blockQ) {
                        for (int r = 0; r < sliceN / threadsY; r++) {
                            int row = TornadoMath.min(q0 + j0 + sliceN + ty + r * threadsY, seqQ - 1);
                            Tile.fetch(dOut, baseQ + row * rowStrideQ, headDim, padded, r, width / threadsX,
                                    tx, threadsX, 1f, aheadA);
                        }
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
                                if ((options & Options.DROPOUT) != 0) {
                                    x[e] = x[e] < 0f ? 0f : x[e];
                                }
                            }
                            Tile.combine(dvAcc, r * outColumns, outColumns, x, z);
                        }
                    }
                }

                // dPᵀ = V dOut_iᵀ
                Tile.clear(s, rows * columns);
                for (int r = 0; r < blockK / threadsY; r++) {
                    int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                    Tile.fetch(v, baseK + row * rowStrideK, headDim, padded, r, sliceD / threadsX, tx, threadsX, 1f, aheadA);
                }
                for (int r = 0; r < blockQ / threadsY; r++) {
                    int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                    Tile.fetch(dOut, baseQ + row * rowStrideQ, headDim, padded, r, sliceD / threadsX, tx, threadsX, 1f, aheadB);
                }
                for (int d0 = 0; d0 < width; d0 += sliceD) {
                    ctx.localBarrier(); // the slices before are used up
                    for (int r = 0; r < blockK / threadsY; r++) {
                        for (int c = 0; c < sliceD / threadsX; c++) {
                            slice[(ty + r * threadsY) * ldS + tx + c * threadsX] = aheadA[r * (sliceD / threadsX) + c];
                        }
                    }
                    for (int r = 0; r < blockQ / threadsY; r++) {
                        for (int c = 0; c < sliceD / threadsX; c++) {
                            other[(ty + r * threadsY) * ldS + tx + c * threadsX] = aheadB[r * (sliceD / threadsX) + c];
                        }
                    }
                    ctx.localBarrier(); // both slices are complete
                    if (d0 + sliceD < width) {
                        for (int r = 0; r < blockK / threadsY; r++) {
                            int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                            Tile.fetch(v, baseK + row * rowStrideK + d0 + sliceD, headDim - (d0 + sliceD), padded, r,
                                    sliceD / threadsX, tx, threadsX, 1f, aheadA);
                        }
                        for (int r = 0; r < blockQ / threadsY; r++) {
                            int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                            Tile.fetch(dOut, baseQ + row * rowStrideQ + d0 + sliceD, headDim - (d0 + sliceD), padded, r,
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

                // dS = P ∘ (dP - D), in the place of P
                for (int r = 0; r < rows; r++) {
                    for (int c = 0; c < columns; c++) {
                        int at = (ty + r * threadsY) * ldP + tx + c * threadsX;
                        float p = pTile[at];
                        float dp = s[r * columns + c];
                        if ((options & Options.DROPOUT) != 0) {
                            dp = p < 0f ? 0f : dp * keepFactor;
                            p = p < 0f ? -p : p;
                        }
                        float ds = p == 0f ? 0f : p * (dp - columnDelta[c]);
                        if ((options & Options.SOFTCAP) != 0) {
                            ds = ds * derivative[r * columns + c];
                        }
                        pTile[at] = ds;
                    }
                }

                // dK += dSᵀ (scale Q_i)
                for (int r = 0; r < sliceN / threadsY; r++) {
                    int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                    Tile.fetch(q, baseQ + row * rowStrideQ, headDim, padded, r, width / threadsX, tx, threadsX, scale, aheadA);
                }
                Tile.keepFinite(aheadA, sliceN / threadsY * outColumns);
                for (int j0 = 0; j0 < blockQ; j0 += sliceN) {
                    ctx.localBarrier(); // dS is complete, and the slice before is used up
                    for (int r = 0; r < sliceN / threadsY; r++) {
                        for (int c = 0; c < width / threadsX; c++) {
                            slice[(ty + r * threadsY) * ld + tx + c * threadsX] = aheadA[r * (width / threadsX) + c];
                        }
                    }
                    ctx.localBarrier(); // the slice is complete
                    if (j0 + sliceN < blockQ) {
                        for (int r = 0; r < sliceN / threadsY; r++) {
                            int row = TornadoMath.min(q0 + j0 + sliceN + ty + r * threadsY, seqQ - 1);
                            Tile.fetch(q, baseQ + row * rowStrideQ, headDim, padded, r, width / threadsX, tx,
                                    threadsX, scale, aheadA);
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
                            Tile.combine(dkAcc, r * outColumns, outColumns, x, z);
                        }
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
                        dv.set(baseK + row * rowStrideK + column, dvAcc[r * outColumns + c] * keepFactor);
                    }
                }
            }
        }
    }
}
