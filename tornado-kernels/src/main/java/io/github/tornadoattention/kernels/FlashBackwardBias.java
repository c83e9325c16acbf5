package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Flash attention, backward, bias: {@code dbias = dS}, summed over everything that shares an element of the bias, with dS
 * recomputed as in {@link FlashBackwardQueries}.
 *
 * <p>A group owns a tile of Br queries and Bc keys of the bias of one entry and head, and keeps its sum in registers while it
 * goes over all pairs of tiles that the tile of the bias stands for: all entries, heads, tiles of queries or tiles of keys, where
 * the bias is shared by them. Nobody else writes its elements, so there are no atomics, no memory beyond the bias's own, and the
 * same result every time. The fewer elements, the fewer groups: a bias that everybody shares is summed by one.
 */
public final class FlashBackwardBias {
    private FlashBackwardBias() {
    }

    /**
     * One launch: a group of {@code threadsX * threadsY} work-items for each tile of the bias, {@code B' * H' * ceil(N' / Br) *
     * ceil(M' / Bc)} for a bias of shape [B', H', N', M']. Arguments that {@link FlashBackwardQueries#backward} has too mean the
     * same, but that the lists of {@code shape} are the block mask, whose blocks are multiples of the tiles.
     *
     * @param dBias result, laid out as bias; every element is written
     */
    @Launch(tile = Extent.BLOCK_Q, local = {
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.SLICE_D, pad = 4),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.SLICE_D, pad = 4),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.BLOCK_K, pad = 8)})
    public static void backward(KernelContext ctx, FloatArray q, FloatArray k, FloatArray v, FloatArray dOut, FloatArray lse,
            FloatArray delta, FloatArray dBias,
            IntArray shape, FloatArray numbers, FloatArray bias, IntArray mask, int headDim, int blocks, int threads,
            int slices, int options) {
        int blockQ = blocks >> 16;
        int blockK = blocks & 0xFFFF;
        int threadsX = threads >> 16;
        int threadsY = threads & 0xFFFF;
        int sliceD = slices >> 16;

        // The group's place in the bias
        int tx = Tile.x(ctx.localIdx, threadsX);
        int ty = Tile.y(ctx.localIdx, threadsX);
        int batches = Entry.count(options, shape);
        int heads = shape.get(Shape.HEADS);
        int biasQueries = shape.get(Shape.BIAS_QUERIES);
        int biasKeys = shape.get(Shape.BIAS_KEYS);
        int tilesQ = (biasQueries + blockQ - 1) / blockQ;
        int tilesK = (biasKeys + blockK - 1) / blockK;
        int ownK = shape.get(Shape.BIAS_KEY_STRIDE) == 0 ? 1 : tilesK;
        int ownQ = shape.get(Shape.BIAS_QUERY_STRIDE) == 0 ? 1 : tilesQ;
        int ownHeads = shape.get(Shape.BIAS_HEAD_STRIDE) == 0 ? 1 : heads;
        int biasK = ctx.groupIdx % ownK;
        int biasQ = ctx.groupIdx / ownK % ownQ;
        int biasHead = ctx.groupIdx / ownK / ownQ % ownHeads;
        int biasBatch = ctx.groupIdx / ownK / ownQ / ownHeads;
        int batchEnd = shape.get(Shape.BIAS_BATCH_STRIDE) == 0 ? batches : biasBatch + 1;
        int headEnd = ownHeads == 1 ? heads : biasHead + 1;
        int tileQEnd = ownQ == 1 ? tilesQ : biasQ + 1;
        int tileKEnd = ownK == 1 ? tilesK : biasK + 1;

        int rowStrideQ = shape.get(Shape.Q_ROW_STRIDE);
        int rowStrideK = shape.get(Shape.K_ROW_STRIDE);
        int left = shape.get(Shape.LEFT);
        int right = shape.get(Shape.RIGHT);
        float scale = numbers.get(Shape.SCALE);
        float softcap = numbers.get(Shape.SOFTCAP);
        float masked = numbers.get(Shape.NEGATIVE_INFINITY);

        int rows = blockQ / threadsY;
        int columns = blockK / threadsX;
        int outColumns = (headDim + threadsX - 1) / threadsX;
        int width = outColumns * threadsX;
        int padded = width - headDim;
        int ldS = sliceD + 4;
        int ldP = blockK + 8;
        float[] slice = ctx.allocateFloatLocalArray(blockQ * ldS);
        float[] other = ctx.allocateFloatLocalArray(blockK * ldS);
        float[] pTile = ctx.allocateFloatLocalArray(blockQ * ldP);

        float[] acc = new float[rows * columns];
        float[] rowLse = new float[rows];
        float[] rowDelta = new float[rows];
        float[] s = new float[rows * columns];
        float[] x = new float[4];
        float[] y = new float[columns * 4];
        float[] aheadA = new float[blockQ * sliceD / (threadsX * threadsY)];
        float[] aheadB = new float[blockK * sliceD / (threadsX * threadsY)];
        Tile.clear(acc, rows * columns);

        // Everything that shares the tile of the bias, in a fixed order
        int tileQs = tileQEnd - biasQ;
        int sharingHeads = headEnd - biasHead;
        int sharing = (batchEnd - biasBatch) * sharingHeads;
        for (int n = 0; n < sharing * tileQs; n++) {
            int head = biasHead + n % sharingHeads;
            int batch = biasBatch + n / sharingHeads % (batchEnd - biasBatch);
            int batchHead = batch * heads + head;
            int seqQ = Entry.queries(options, shape, batch);
            int diagonal = Entry.diagonal(options, shape, batch);
            int q0 = (biasQ + n / sharing) * blockQ;
            int qLast = TornadoMath.min(q0 + blockQ, seqQ) - 1;
            int keyLength = shape.get(shape.get(Shape.KEY_LENGTHS) + batch);
            for (int tileK = biasK; tileK < tileKEnd; tileK++) {
                int k0 = tileK * blockK;
                int visited = q0 < seqQ && k0 < Band.endKey(options, qLast, diagonal, right, keyLength)
                        && k0 + blockK > Band.firstKey(options, q0, diagonal, left) ? 1 : 0;
                if (visited != 0) {
                    visited = Visits.computes(options, shape, head, q0, k0);
                }
                if (visited != 0) {
                    int baseQ = Entry.query(options, shape, batch, head);
                    int baseK = Entry.key(options, shape, batch, head / (heads / shape.get(Shape.KV_HEADS)));
                    int baseRow = Entry.row(options, shape, batch, head);
                    int biasBase = Tables.biasBase(shape, batch, head);
                    int maskBase = (options & Options.MASK) == 0 ? 0 : Tables.maskBase(shape, batch, head);
                    float slope = 0f;
                    if ((options & Options.ALIBI) != 0) {
                        slope = numbers.get(Shape.SLOPES + head);
                    }
                    for (int r = 0; r < rows; r++) {
                        int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                        rowLse[r] = lse.get(baseRow + row);
                        rowDelta[r] = delta.get(baseRow + row);
                    }

                    // dP = dOut Vᵀ, put by until S is there
                    Tile.clear(s, rows * columns);
                    for (int r = 0; r < blockQ / threadsY; r++) {
                        int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                        Tile.fetch(dOut, baseQ + row * rowStrideQ, headDim, padded, r, sliceD / threadsX,
                                tx, threadsX, 1f, aheadA);
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
                            // read again by the same work-item
                            pTile[(ty + r * threadsY) * ldP + tx + c * threadsX] = s[r * columns + c];
                        }
                    }

                    // S = scale Q Kᵀ
                    Tile.clear(s, rows * columns);
                    for (int r = 0; r < blockQ / threadsY; r++) {
                        int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                        Tile.fetch(q, baseQ + row * rowStrideQ, headDim, padded, r, sliceD / threadsX, tx,
                                threadsX, scale, aheadA);
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

                    // P = exp(S - lse), dbias += dS = P ∘ (dP - D)
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
                            float ds = p * (pTile[at] - rowDelta[r]);
                            if ((options & Tables.ANY) != 0) {
                                ds = modified == masked ? 0f : ds;
                            }
                            if (whole == 0) {
                                ds = Band.sees(options, query, key, diagonal, left, right, keyLength) == 0 ? 0f : ds;
                            }
                            if (q0 + blockQ > seqQ) {
                                ds = query >= seqQ ? 0f : ds;
                            }
                            acc[r * columns + c] = acc[r * columns + c] + ds;
                        }
                    }
                }
            }
        }

        // What the whole tile shares is added up in a fixed order
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                pTile[(ty + r * threadsY) * ldP + tx + c * threadsX] = acc[r * columns + c];
            }
        }
        ctx.localBarrier(); // the tile is complete
        int sharedRows = shape.get(Shape.BIAS_QUERY_STRIDE) == 0 ? blockQ : 1;
        int sharedColumns = shape.get(Shape.BIAS_KEY_STRIDE) == 0 ? blockK : 1;
        int tileRows = blockQ / sharedRows;
        int tileColumns = blockK / sharedColumns;
        int base = biasBatch * shape.get(Shape.BIAS_BATCH_STRIDE) + biasHead * shape.get(Shape.BIAS_HEAD_STRIDE);
        for (int n = ctx.localIdx; n < tileRows * tileColumns; n += threadsX * threadsY) {
            int row = n / tileColumns;
            int column = n % tileColumns;
            float sum = 0f;
            for (int r = row; r < row + sharedRows; r++) {
                for (int c = column; c < column + sharedColumns; c++) {
                    sum = sum + pTile[r * ldP + c];
                }
            }
            int query = biasQ * blockQ + row;
            int key = biasK * blockK + column;
            if (query < biasQueries && key < biasKeys) {
                dBias.set(base + query * shape.get(Shape.BIAS_QUERY_STRIDE) + key * shape.get(Shape.BIAS_KEY_STRIDE), sum);
            }
        }
    }
}
