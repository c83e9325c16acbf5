package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.UsageException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The flags that say what to compute. Flags that no backend understands yet are known, so that they are refused by name. */
final class SpecFlags {
    @Option(names = "--scale", paramLabel = "X", description = "Factor on the scores; default 1/sqrt(head dim).")
    private @Nullable Double scale;

    @Option(names = "--causal", paramLabel = "KIND", converter = CausalConverter.class, defaultValue = "none",
            description = "Hide later keys: --causal or --causal=bottom-right (the last query sees the last key), "
                    + "--causal=top-left (query i sees keys 0..i). A value only after =.")
    private Causal causal;

    @Option(names = "--window", paramLabel = "L,R", converter = IntegersConverter.class,
            description = "Show L keys left and R keys right of the diagonal; -1 = all.")
    private @Nullable Integers window;

    @Option(names = "--key-lengths", paramLabel = "N,N,...", converter = IntegersConverter.class,
            description = "For each batch entry the number of keys that exist.")
    private @Nullable Integers keyLengths;

    @Option(names = "--block-size", paramLabel = "S", description = "Queries and keys of a block of the array block_mask.")
    private @Nullable Integer blockSize;

    @Option(names = "--alibi", description = "ALiBi with the paper's slopes, or those of the array alibi_slopes.")
    private boolean alibi;

    @Option(names = "--softcap", paramLabel = "C", description = "Bound scores smoothly to (-C, C).")
    private double softcap;

    @Option(names = "--dtype", paramLabel = "TYPE", defaultValue = "fp32",
            description = "fp32, fp16 or bf16: the type of inputs, outputs and gradients; computed is in float32, "
                    + "written is float32.")
    private String dtype;

    @Option(names = "--dropout", paramLabel = "P", description = "Drop pairs with probability P, 0 <= P < 1, by Philox4x32-10.")
    private @Nullable Double dropout;

    @Option(names = "--seed", paramLabel = "N", description = "Seed of the dropout, 64 bits; default 0.")
    private @Nullable Long seed;

    @Option(names = "--dropout-offset", paramLabel = "N", description = "Offset of the dropout, unsigned 32 bits; default 0.")
    private @Nullable Long dropoutOffset;

    @Option(names = "--layout", paramLabel = "LAYOUT", defaultValue = "bhnd",
            description = "bhnd: [batch, heads, sequence, head dim]; bnhd: [batch, sequence, heads, head dim].")
    private Layout layout;

    private static final long LARGEST_OFFSET = (1L << 32) - 1;

    Layout layout() {
        return layout;
    }

    /**
     * What the flags ask for.
     *
     * @throws UsageException if they contradict each other or ask for something that is not supported yet
     */
    Options options() {
        requireSupported();
        int[] sight = window == null ? new int[] {-1, -1} : window.values();
        if (sight.length != 2) {
            throw new UsageException("--window has %d numbers, must have two: L,R".formatted(sight.length));
        }
        if (blockSize != null && blockSize < 1) {
            throw new UsageException("--block-size is %d, must be at least 1".formatted(blockSize));
        }
        int[] lengths = keyLengths == null ? null : keyLengths.values();
        return new Options(scale, causal, sight[0], sight[1], lengths, blockSize == null ? 0 : blockSize, alibi, softcap,
                dropout == null ? 0 : dropout, seed == null ? 0 : seed,
                dropoutOffset == null ? 0 : dropoutOffset.intValue(), dtype());
    }

    private DType dtype() {
        try {
            return DType.of(dtype);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--dtype %s is unknown; fp32, fp16 and bf16 are known".formatted(dtype), e);
        }
    }

    private void requireSupported() {
        if (dropout != null && !(dropout >= 0 && dropout < 1)) {
            throw new UsageException("--dropout is %s, must be at least 0 and below 1".formatted(dropout));
        }
        if (dropoutOffset != null && (dropoutOffset < 0 || dropoutOffset > LARGEST_OFFSET)) {
            throw new UsageException("--dropout-offset is %d, must be 0..%d".formatted(dropoutOffset, LARGEST_OFFSET));
        }
        if (dropout == null && (seed != null || dropoutOffset != null)) {
            throw new UsageException("%s means nothing without --dropout".formatted(
                    seed != null ? "--seed" : "--dropout-offset"));
        }
    }

    /** The words after {@code --causal=}. */
    static final class CausalConverter implements ITypeConverter<Causal> {
        @Override
        public Causal convert(String value) {
            return switch (value) {
                case "none" -> Causal.NONE;
                case "top-left" -> Causal.TOP_LEFT;
                case "bottom-right" -> Causal.BOTTOM_RIGHT;
                default -> throw new TypeConversionException("'%s' is neither bottom-right nor top-left".formatted(value));
            };
        }
    }

    /** Whole numbers with commas between them: one value, so that a flag given twice is an error. */
    record Integers(int[] values) {}

    /** Reads {@link Integers}. */
    static final class IntegersConverter implements ITypeConverter<Integers> {
        @Override
        public Integers convert(String value) {
            try {
                return new Integers(Arrays.stream(value.split(",", -1)).map(String::strip).mapToInt(Integer::parseInt).toArray());
            } catch (NumberFormatException e) {
                throw new TypeConversionException("'%s' is no list of whole numbers below 2^31 with commas between them"
                        .formatted(value));
            }
        }
    }
}
