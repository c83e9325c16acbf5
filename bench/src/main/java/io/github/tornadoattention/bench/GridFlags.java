package io.github.tornadoattention.bench;

import io.github.tornadoattention.host.UsageException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The flags of all commands that measure a grid. */
public final class GridFlags {
    @Option(names = "--quick", description = "A few small measurements: under 3 minutes on 2 cores.")
    private boolean quick;

    @Option(names = "--only", split = ",", paramLabel = "K=V",
            description = "Only measurements with these values, e.g. algorithm=flash,seq_q=512|1024.")
    private Map<String, String> only = new LinkedHashMap<>();

    @Option(names = "--out", paramLabel = "FILE.jsonl",
            description = "Append results to this file; what is in it is not measured again.")
    private @Nullable Path out;

    @Option(names = "--seconds", paramLabel = "S", description = "Time for the timed runs of a measurement.")
    private @Nullable Double seconds;

    @Option(names = "--minutes", paramLabel = "M", defaultValue = "1e9",
            description = "Begin nothing after so many minutes; the same command goes on from there.")
    private double minutes;

    @Option(names = "--list", description = "Show what would be measured, and measure nothing.")
    private boolean list;

    /** Whether the small grid is wanted. */
    public boolean quick() {
        return quick;
    }

    /** What is wanted of the grid. */
    public Only only() {
        return new Only(only);
    }

    /** Where results go, if anywhere. */
    public @Nullable Path out() {
        return out;
    }

    /**
     * Time for timed runs.
     *
     * @param usual what it is if nobody says anything
     */
    public double seconds(double usual) {
        if (seconds != null && !(seconds >= 0)) {
            throw new UsageException("--seconds is %s, must not be negative".formatted(seconds));
        }
        return seconds == null ? usual : seconds;
    }

    /** When to stop. */
    public double minutes() {
        if (!(minutes > 0)) {
            throw new UsageException("--minutes is %s, must be positive".formatted(minutes));
        }
        return minutes;
    }

    /** Whether only to show the grid. */
    public boolean list() {
        return list;
    }
}
