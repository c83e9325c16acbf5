package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.UsageException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What is asked of a shape that somebody wrote. */
final class ShapeFlags {
    private static final int NUMBERS = 4;

    @Option(names = "--algorithm", description = "flash (the default) or standard, for --shape.")
    private @Nullable String algorithm;

    @Option(names = "--causal", description = "Causal attention, for --shape.")
    private boolean causal;

    @Option(names = "--dtype", description = "fp32 (the default), fp16 or bf16, for --shape.")
    private @Nullable String dtype;

    /**
     * The algorithm.
     *
     * @throws UsageException if it is none that can be measured
     */
    String algorithm() {
        String word = algorithm == null ? "flash" : algorithm;
        if (!word.equals("flash") && !word.equals("standard")) {
            throw new UsageException("--algorithm %s: flash and standard are known".formatted(word));
        }
        return word;
    }

    /**
     * A shape with these options.
     *
     * @param shape batch, heads, sequence and head dim, with commas
     * @throws UsageException if these are no four numbers, or of no attention
     */
    AttentionSpec spec(String shape) {
        try {
            int[] lengths = Arrays.stream(shape.split(",", -1)).mapToInt(Integer::parseInt).toArray();
            if (lengths.length == NUMBERS) {
                return AttentionSpec.builder(lengths[0], lengths[1], lengths[2], lengths[3])
                        .causal(causal ? Causal.BOTTOM_RIGHT : Causal.NONE)
                        .dtype(DType.of(dtype == null ? "fp32" : dtype)).build();
            }
        } catch (NumberFormatException e) {
            throw noShape(shape);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--shape %s: %s".formatted(shape, e.getMessage()), e);
        }
        throw noShape(shape);
    }

    /**
     * For a command without a shape, of which these options say nothing.
     *
     * @throws UsageException if one of them was given
     */
    void requireNone() {
        String given = words().strip();
        if (!given.isEmpty()) {
            throw new UsageException("%s needs --shape; of the grid, --only chooses".formatted(given));
        }
    }

    /** The options as they were given, each behind a blank. */
    String words() {
        return (algorithm == null ? "" : " --algorithm " + algorithm) + (causal ? " --causal" : "")
                + (dtype == null ? "" : " --dtype " + dtype);
    }

    private static UsageException noShape(String shape) {
        return new UsageException("--shape '%s' must be four whole numbers below 2^31: batch,heads,sequence,head dim"
                .formatted(shape));
    }
}
