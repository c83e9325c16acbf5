package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import org.jspecify.annotations.Nullable;

/**
 * What is asked for besides the arrays themselves, from flags or from a case of {@code cases.json}.
 *
 * @param scale factor on the scores, null = 1/sqrt(headDim)
 * @param causal the diagonal along which later keys are hidden
 * @param windowLeft keys seen left of the diagonal, -1 = all
 * @param windowRight keys seen right of the diagonal, -1 = all
 * @param keyLengths keys that exist for each batch entry, null = as the file says, or all
 * @param blockSize queries and keys of a block of the file's block_mask, 0 = there is none
 * @param alibi whether ALiBi is wanted; a file with slopes has it anyway
 * @param softcap bound on the scores, 0 = none
 * @param dropout probability of the dropout, 0 = none
 * @param seed seed of the dropout
 * @param dropoutOffset offset of the dropout, unsigned
 * @param dtype what the arrays are converted to on the way in
 */
record Options(
        @Nullable Double scale,
        Causal causal,
        int windowLeft,
        int windowRight,
        int @Nullable [] keyLengths,
        int blockSize,
        boolean alibi,
        double softcap,
        double dropout,
        long seed,
        int dropoutOffset,
        DType dtype) {}
