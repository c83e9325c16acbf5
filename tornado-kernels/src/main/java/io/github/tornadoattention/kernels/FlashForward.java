package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Flash attention, forward: {@code out = softmax(scale q kᵀ) v} and {@code lse = log sum exp}, without the matrix of scores.
 *
 * <p>A group owns a tile of Br queries and keeps it in local memory. Tiles of Bc keys stream past it, and the same values after
 * them, through one buffer that holds a slice at a time; the next slice is on its way from global memory while the group works on
 * this one. Scores, the running maximum m, the running sum l and the output accumulator stay in registers (Dao et al.,
 * FlashAttention, arXiv 2205.14135, algorithm 1; the loop order and the single division at the end are FlashAttention-2's, arXiv
 * 2307.08691, algorithm 1).
 */
public final class FlashForward {
    private FlashForward() {
    }

    /**
     * One launch: {@code batch * heads * ceil(seqQ / Br)} groups of {@code threadsX * threadsY} work-items.
     *
     * @param q       queries [B, H, N, D]; strides in {@code shape}
     * @param k       keys [B, Hkv, M, D]
     * @param v       values [B, Hkv, M, D]
     * @param out     result, laid out as q; every element is written
     * @param lse     result [B, H, N]: natural logarithm of the row's sum of exp(score); negative infinity where a query sees no
     *                key
     * @param shape   lengths, band, strides and lists: the slots of {@link Shape}; the lists say which tiles of keys each tile of
     *                queries visits
     * @param numbers scale, slopes and the like: the slots of {@link Shape}
     * @param bias    [B or 1, H or 1, N or 1, M or 1]; strides in {@code shape}; read only with {@link Options#BIAS}
     * @param mask    [B or 1, H or 1, N or 1, words of M or 1], see {@link Tables}; read only with {@link Options#MASK}
     * @param headDim D, 1..256
     * @param blocks  Br and Bc, packed as {@code Br << 16 | Bc}; Br a multiple of {@code threadsY}, Bc of {@code threadsX} and
     *                {@code sliceN}
     * @param threads {@code threadsX << 16 | threadsY}, powers of two, from 4 and 2 on
     * @param slices  {@code sliceD << 16 | sliceN}: head-dim elements and keys that are in local memory at a time; sliceD is a
     *                multiple of {@code threadsX} that divides D rounded up to {@code threadsX}, sliceN one of {@code threadsY}
     *                and of 4
     * @param options bits of {@link Options}
     */
    @Launch(tile = Extent.BLOCK_Q, local = {
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.HEAD_DIM, pad = 4),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.SLICE_D, pad = 4, orRows = Extent.SLICE_N,
                orColumns = Extent.HEAD_DIM),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.BLOCK_K, pad = 8),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.THREADS_X)})
    public static void forward(KernelContext ctx, FloatArray q, FloatArray k, FloatArray v, FloatArray out, FloatArray lse,
            IntArray shape, FloatArray numbers,
            FloatArray bias, IntArray mask, int headDim, int blocks, int threads, int slices, int options) {
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
        float[] qTile = ctx.allocateFloatLocalArray(blockQ * ld);
        float[] slice = ctx.allocateFloatLocalArray(TornadoMath.max(blockK * ldS, sliceN * ld));
        float[] pTile = ctx.allocateFloatLocalArray(blockQ * ldP);
        float[] partial = ctx.allocateFloatLocalArray(blockQ * threadsX);

        float[] acc = new float[rows * outColumns];
        float[] m = new float[rows];
        float[] l = new float[rows];
        float[] s = new float[rows * columns];
        float[] x = new float[4];
        float[] y = new float[columns * 4];
        float[] z = new float[4 * outColumns];
        float[] ahead = new float[TornadoMath.max(blockK * sliceD / (threadsX * threadsY), sliceN / threadsY * outColumns)];
        Tile.clear(acc, rows * outColumns);
        for (int r = 0; r < rows; r++) {
            m[r] = -Float.MAX_VALUE; // finite, so that exp(masked - m) is 0 also where nothing was seen yet
            l[r] = 0f;
        }
        for (int r = 0; r < rows; r++) {
            int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
            Tile.fetch(q, baseQ + row * rowStrideQ, headDim, padded, 0, outColumns, tx, threadsX, scale, ahead);
            for (int c = 0; c < outColumns; c++) {
                qTile[(ty + r * threadsY) * ld + tx + c * threadsX] = ahead[c];
            }
        }

        // The tiles of keys to visit: those that the band touches, or those listed.
        int listed = shape.get(Shape.LISTS) + head * shape.get(Shape.LIST_HEAD_STRIDE) + tile;
        int first = Visits.first(options, shape, listed, Band.firstKey(options, q0, diagonal, left) / blockK);
        int keyEnd = Band.endKey(options, qLast, diagonal, right, keyLength);
        int end = Visits.end(options, shape, listed, first, (keyEnd + blockK - 1) / blockK);
        if (first < end) {
            int k0 = Visits.tile(options, shape, first) * blockK;
            for (int r = 0; r < blockK / threadsY; r++) {
                int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                Tile.fetch(k, baseK + row * rowStrideK, headDim, padded, r, sliceD / threadsX, tx, threadsX, 1f, ahead);
            }
        }
        for (int n = first; n < end; n++) {
            int k0 = Visits.tile(options, shape, n) * blockK;

            // S = scale Q K_jᵀ, slice by slice of the head dim
            Tile.clear(s, rows * columns);
            for (int d0 = 0; d0 < width; d0 += sliceD) {
                ctx.localBarrier(); // the slice before is used up
                for (int r = 0; r < blockK / threadsY; r++) {
                    for (int c = 0; c < sliceD / threadsX; c++) {
                        slice[(ty + r * threadsY) * ldS + tx + c * threadsX] = ahead[r * (sliceD / threadsX) + c];
                    }
                }
                ctx.localBarrier(); // Q and the slice of K_j are complete
                if (d0 + sliceD < width) {
                    for (int r = 0; r < blockK / threadsY; r++) {
                        int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                        Tile.fetch(k, baseK + row * rowStrideK + d0 + sliceD, headDim - (d0 + sliceD), padded, r,
                                sliceD / threadsX, tx, threadsX, 1f, ahead);
                    }
                } else {
                    for (int r = 0; r < sliceN / threadsY; r++) {
                        int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                        Tile.fetch(v, baseK + row * rowStrideK, headDim, padded, r, width / threadsX, tx, threadsX, 1f, ahead);
                    }
                }
                for (int d = 0; d < sliceD; d += 4) {
                    for (int c = 0; c < columns; c++) {
                        for (int e = 0; e < 4; e++) {
                            y[c * 4 + e] = slice[(tx + c * threadsX) * ldS + d + e];
                        }
                    }
                    for (int r = 0; r < rows; r++) {
                        for (int e = 0; e < 4; e++) {
                            x[e] = qTile[(ty + r * threadsY) * ld + d0 + d + e];
                        }
                        Tile.dot(s, r * columns, columns, x, y);
                    }
                }
            }
            if ((options & Options.DROPOUT) != 0) {
                // Z, 1 for each kept pair and 0 for each dropped one, in the place of P
                for (int four = ctx.localIdx; four < blockQ * (blockK / 4); four += threadsX * threadsY) {
                    int row = four / (blockK / 4);
                    int quad = four % (blockK / 4);
                    int kept = Dropout.kept(q0 + row, k0 / 4 + quad, batchHead, shape);
                    for (int e = 0; e < 4; e++) {
                        pTile[row * ldP + quad * 4 + e] = (kept >> e) % 2;
                    }
                }
            }
            for (int r = 0; r < rows; r++) {
                for (int c = 0; c < columns; c++) {
                    s[r * columns + c] = Score.modified(options, s[r * columns + c], softcap, slope, q0 + ty + r * threadsY,
                            k0 + tx + c * threadsX, diagonal);
                }
            }
            if ((options & Tables.ANY) != 0) {
                for (int r = 0; r < rows; r++) {
                    for (int c = 0; c < columns; c++) {
                        int query = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
                        int key = TornadoMath.min(k0 + tx + c * threadsX, keyLength - 1);
                        s[r * columns + c] = Tables.applied(options, s[r * columns + c], query, key, bias, biasBase, mask,
                                maskBase, shape, masked);
                    }
                }
            }
            if (Band.whole(options, q0, qLast, k0, k0 + blockK, diagonal, left, right, keyLength) == 0) {
                for (int r = 0; r < rows; r++) {
                    for (int c = 0; c < columns; c++) {
                        if (Band.sees(options, q0 + ty + r * threadsY, k0 + tx + c * threadsX, diagonal, left,
                                right, keyLength) == 0) {
                            s[r * columns + c] = masked;
                        }
                    }
                }
            }

            // m' = max(m, rowmax S): each work-item its own columns first, then across the row
            for (int r = 0; r < rows; r++) {
                float most = s[r * columns];
                for (int c = 1; c < columns; c++) {
                    most = TornadoMath.max(most, s[r * columns + c]);
                }
                partial[(ty + r * threadsY) * threadsX + tx] = most;
            }
            ctx.localBarrier(); // all partial maxima are there, Z too, and K_j is used up
            for (int r = 0; r < rows; r++) {
                float most = m[r];
                for (int other = 0; other < threadsX; other++) {
                    most = TornadoMath.max(most, partial[(ty + r * threadsY) * threadsX + other]);
                }
                // P = exp(S - m'), l' = exp(m - m') l + rowsum P (of this work-item's columns), O' = exp(m - m') O
                float alpha = TornadoMath.exp(m[r] - most);
                m[r] = most;
                l[r] = l[r] * alpha;
                for (int c = 0; c < columns; c++) {
                    float p = TornadoMath.exp(s[r * columns + c] - most);
                    l[r] = l[r] + p;
                    if ((options & Options.DROPOUT) != 0) {
                        p = p * pTile[(ty + r * threadsY) * ldP + tx + c * threadsX];
                    }
                    pTile[(ty + r * threadsY) * ldP + tx + c * threadsX] = p;
                }
                for (int c = 0; c < outColumns; c++) {
                    acc[r * outColumns + c] = acc[r * outColumns + c] * alpha;
                }
            }

            // O += P V_j, slice by slice of the keys; behind the last one K_j+1 is on its way
            for (int j0 = 0; j0 < blockK; j0 += sliceN) {
                if (j0 > 0) {
                    ctx.localBarrier(); // the slice before is used up
                }
                for (int r = 0; r < sliceN / threadsY; r++) {
                    for (int c = 0; c < width / threadsX; c++) {
                        slice[(ty + r * threadsY) * ld + tx + c * threadsX] = ahead[r * (width / threadsX) + c];
                    }
                }
                ctx.localBarrier(); // P and the slice of V_j are complete
                if (j0 + sliceN < blockK) {
                    for (int r = 0; r < sliceN / threadsY; r++) {
                        int row = TornadoMath.min(k0 + j0 + sliceN + ty + r * threadsY, keyLength - 1);
                        Tile.fetch(v, baseK + row * rowStrideK, headDim, padded, r, width / threadsX, tx, threadsX, 1f, ahead);
                    }
                } else {
                    int next = Visits.tile(options, shape, TornadoMath.min(n + 1, end - 1)) * blockK;
                    for (int r = 0; r < blockK / threadsY; r++) {
                        int row = TornadoMath.min(next + ty + r * threadsY, keyLength - 1);
                        Tile.fetch(k, baseK + row * rowStrideK, headDim, padded, r, sliceD / threadsX, tx, threadsX, 1f, ahead);
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
                        }
                        Tile.combine(acc, r * outColumns, outColumns, x, z);
                    }
                }
            }
        }

        // l over the whole row, then out = O / l (times 1 / (1 - p) with dropout) and lse = m + log l; l is 0 exactly where a
        // query saw no key
        for (int r = 0; r < rows; r++) {
            partial[(ty + r * threadsY) * threadsX + tx] = l[r];
        }
        ctx.localBarrier(); // all partial sums are there
        for (int r = 0; r < rows; r++) {
            int row = q0 + ty + r * threadsY;
            float sum = 0f;
            for (int other = 0; other < threadsX; other++) {
                sum = sum + partial[(ty + r * threadsY) * threadsX + other];
            }
            float inverse = sum == 0f ? 0f : 1f / sum;
            if ((options & Options.DROPOUT) != 0) {
                inverse = inverse * numbers.get(Shape.KEEP_FACTOR);
            }
            if (row < seqQ) {
                for (int c = 0; c < outColumns; c++) {
                    int column = Tile.column(tx, c, run, threadsX);
                    if (column < headDim) {
                        out.set(baseQ + row * rowStrideQ + column, acc[r * outColumns + c] * inverse);
                    }
                }
                if (tx == 0) {
                    lse.set(baseRow + row, sum == 0f ? masked : m[r] + TornadoMath.log(sum));
                }
            }
        }
    }
}
