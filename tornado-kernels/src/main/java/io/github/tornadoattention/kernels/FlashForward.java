package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Flash attention, forward: {@code out = softmax(scale q kᵀ) v} and {@code lse = log sum exp}, without the matrix of scores.
 *
 * <p>A group owns a tile of Br queries and keeps it in local memory while tiles of Bc keys, then of the same values, stream through one buffer. Scores, the
 * running maximum m, the running sum l and the output accumulator stay in registers (Dao et al., FlashAttention, arXiv 2205.14135, algorithm 1; the loop order
 * and the single division at the end are FlashAttention-2's, arXiv 2307.08691, algorithm 1).
 */
public final class FlashForward {
    private FlashForward() {
    }

    /**
     * One launch: {@code batch * heads * ceil(seqQ / blockQ)} groups of {@code threadsX * threadsY} work-items.
     *
     * @param q          queries [B, H, N, D]; strides in {@code shape}
     * @param k          keys [B, Hkv, M, D]
     * @param v          values [B, Hkv, M, D]
     * @param out        result, laid out as q; every element is written
     * @param lse        result [B, H, N]: natural logarithm of the row's sum of exp(score); negative infinity where a query sees no key
     * @param shape      lengths, band and strides: the slots of {@link Shape}
     * @param numbers    scale and the like: the slots of {@link Shape}
     * @param keyLengths [B] keys that exist, at most M
     * @param slopes     [H] ALiBi slopes; read only with {@link Options#ALIBI}
     * @param headDim    D, 1..256
     * @param blockQ     Br, a multiple of {@code threadsY}
     * @param blockK     Bc, a multiple of {@code threadsX} and of 4
     * @param threadsX   a multiple of 4
     * @param options    bits of {@link Options}
     */
    @Launch(tile = Extent.BLOCK_Q, local = {
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.HEAD_DIM, pad = 4),
        @LocalTile(rows = Extent.BLOCK_K, columns = Extent.HEAD_DIM, pad = 4),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.BLOCK_K, pad = 8),
        @LocalTile(rows = Extent.BLOCK_Q, columns = Extent.THREADS_X)})
    public static void forward(KernelContext ctx, FloatArray q, FloatArray k, FloatArray v, FloatArray out, FloatArray lse, IntArray shape, FloatArray numbers,
            IntArray keyLengths, FloatArray slopes, int headDim, int blockQ, int blockK, int threadsX, int threadsY, int options) {
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
        float softcap = numbers.get(Shape.SOFTCAP);
        float masked = numbers.get(Shape.NEGATIVE_INFINITY);
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
        float[] kvTile = ctx.allocateFloatLocalArray(blockK * ld);
        float[] pTile = ctx.allocateFloatLocalArray(blockQ * ldP);
        float[] partial = ctx.allocateFloatLocalArray(blockQ * threadsX);

        float[] acc = new float[rows * outColumns];
        float[] m = new float[rows];
        float[] l = new float[rows];
        float[] s = new float[rows * columns];
        float[] x = new float[4];
        float[] y = new float[columns * 4];
        float[] z = new float[4 * outColumns];
        float[] fetched = new float[outColumns];
        Tile.clear(acc, rows * outColumns);
        for (int r = 0; r < rows; r++) {
            m[r] = -Float.MAX_VALUE; // finite, so that exp(masked - m) is 0 also where nothing was seen yet
            l[r] = 0f;
        }
        float scale = numbers.get(Shape.SCALE);
        for (int r = 0; r < blockQ / threadsY; r++) {
            int row = TornadoMath.min(q0 + ty + r * threadsY, seqQ - 1);
            Tile.fetch(q, baseQ + row * rowStrideQ, headDim, outColumns, tx, threadsX, scale, fetched);
            for (int c = 0; c < outColumns; c++) {
                qTile[(ty + r * threadsY) * ld + tx + c * threadsX] = fetched[c];
            }
        }

        int keyFirst = Band.firstKey(options, q0, diagonal, left) / blockK * blockK;
        int keyEnd = Band.endKey(options, qLast, diagonal, right, keyLength);
        for (int k0 = keyFirst; k0 < keyEnd; k0 += blockK) {
            ctx.localBarrier(); // the values of the tile before are used up (in the first round: nothing to protect)
            for (int r = 0; r < blockK / threadsY; r++) {
                int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                Tile.fetch(k, baseK + row * rowStrideK, headDim, outColumns, tx, threadsX, 1f, fetched);
                for (int c = 0; c < outColumns; c++) {
                    kvTile[(ty + r * threadsY) * ld + tx + c * threadsX] = fetched[c];
                }
            }
            ctx.localBarrier(); // Q and K_j are complete before anyone reads them

            // S = scale Q K_jᵀ
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
            for (int r = 0; r < rows; r++) {
                for (int c = 0; c < columns; c++) {
                    s[r * columns + c] = Score.modified(options, s[r * columns + c], softcap, slope, q0 + ty + r * threadsY, k0 + tx + c * threadsX, diagonal);
                }
            }
            if (Band.whole(options, q0, qLast, k0, k0 + blockK, diagonal, left, right, keyLength) == 0) {
                for (int r = 0; r < rows; r++) {
                    for (int c = 0; c < columns; c++) {
                        if (Band.sees(options, q0 + ty + r * threadsY, k0 + tx + c * threadsX, diagonal, left, right, keyLength) == 0) {
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
            ctx.localBarrier(); // all partial maxima are there, and K_j is used up
            for (int r = 0; r < blockK / threadsY; r++) {
                int row = TornadoMath.min(k0 + ty + r * threadsY, keyLength - 1);
                Tile.fetch(v, baseK + row * rowStrideK, headDim, outColumns, tx, threadsX, 1f, fetched);
                for (int c = 0; c < outColumns; c++) {
                    kvTile[(ty + r * threadsY) * ld + tx + c * threadsX] = fetched[c];
                }
            }
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
                    pTile[(ty + r * threadsY) * ldP + tx + c * threadsX] = p;
                }
                for (int c = 0; c < outColumns; c++) {
                    acc[r * outColumns + c] = acc[r * outColumns + c] * alpha;
                }
            }
            ctx.localBarrier(); // P and V_j are complete, and the partial maxima are used up

            // O += P V_j
            for (int j = 0; j < blockK; j += 4) {
                for (int e = 0; e < 4; e++) {
                    for (int c = 0; c < outColumns; c++) {
                        z[e * outColumns + c] = kvTile[(j + e) * ld + Tile.column(tx, c, run, threadsX)];
                    }
                }
                for (int r = 0; r < rows; r++) {
                    for (int e = 0; e < 4; e++) {
                        x[e] = pTile[(ty + r * threadsY) * ldP + j + e];
                    }
                    Tile.combine(acc, r * outColumns, outColumns, x, z);
                }
            }
        }

        // l over the whole row, then out = O / l and lse = m + log l; l is 0 exactly where a query saw no key
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
            if (row < seqQ) {
                for (int c = 0; c < outColumns; c++) {
                    int column = Tile.column(tx, c, run, threadsX);
                    if (column < headDim) {
                        out.set(baseQ + row * rowStrideQ + column, acc[r * outColumns + c] * inverse);
                    }
                }
                if (tx == 0) {
                    lse.set(batchHead * seqQ + row, sum == 0f ? masked : m[r] + TornadoMath.log(sum));
                }
            }
        }
    }
}
