package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import org.jspecify.annotations.Nullable;

/**
 * One worker's arrays for the backward pass; both directions use the same ones, one after the other. Which side is resident and
 * which streams differs, so the names say place, not content.
 */
final class BackwardScratch {
    private final Scratch scratch = new Scratch();

    final ScoreModifier modifier;
    final PairTables tables;
    final RowDropout dropout;
    final Transposed transposed;
    final float[][] residentA;
    final float[][] residentB;
    final float[][] sumA;
    final float[][] sumB;
    final float[] streamedA;
    final float[] streamedB;
    /** Scores, then probabilities, {@code [STREAMED][RESIDENT]}. */
    final float[][] p;
    /** Gradients of probabilities, then of scores, {@code [STREAMED][RESIDENT]}. */
    final float[][] dp;
    /** Derivatives of the score modifier, only where it is curved. */
    final float @Nullable [][] slope;
    final float[] lse;
    final float[] delta;
    final float[] item;
    final TileRanges ranges;

    BackwardScratch(AttentionSpec spec, Call call) {
        int headDim = spec.headDim();
        modifier = new ScoreModifier(spec, TileMath.RESIDENT, scratch);
        tables = new PairTables(spec, call);
        dropout = new RowDropout(spec, call);
        transposed = new Transposed(headDim, scratch.floats(headDim));
        residentA = scratch.rows(headDim, TileMath.RESIDENT);
        residentB = scratch.rows(headDim, TileMath.RESIDENT);
        sumA = scratch.rows(headDim, TileMath.RESIDENT);
        sumB = scratch.rows(headDim, TileMath.RESIDENT);
        streamedA = scratch.floats(TileMath.STREAMED * headDim);
        streamedB = scratch.floats(TileMath.STREAMED * headDim);
        p = scratch.rows(TileMath.STREAMED, TileMath.RESIDENT);
        dp = scratch.rows(TileMath.STREAMED, TileMath.RESIDENT);
        slope = modifier.curved() ? scratch.rows(TileMath.STREAMED, TileMath.RESIDENT) : null;
        lse = scratch.floats(TileMath.RESIDENT);
        delta = scratch.floats(TileMath.RESIDENT);
        item = scratch.floats(headDim);
        ranges = new TileRanges(Band.of(spec), scratch);
    }

    long bytes() {
        return scratch.bytes();
    }
}
