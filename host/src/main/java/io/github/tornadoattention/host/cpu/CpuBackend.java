package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DecodePlan;
import io.github.tornadoattention.host.HostDecoding;
import io.github.tornadoattention.host.KvCache;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.Rotary;
import io.github.tornadoattention.host.UsageException;
import org.jspecify.annotations.Nullable;

/**
 * Attention on the cores of this machine. Results are bitwise the same for every number of threads.
 *
 * <p>The number of threads is given here, or by the system property {@value #THREADS_PROPERTY}, or is that of the processors.
 */
public final class CpuBackend implements Backend {
    /** System property with the number of threads, 1..1024. */
    public static final String THREADS_PROPERTY = "attention.threads";

    private static final int MOST_THREADS = 1024;

    private final int threads;
    private final boolean vectors;

    /**
     * With as many threads as the system property says, or as there are processors.
     *
     * @throws UsageException if the property is no number of threads
     */
    public CpuBackend() {
        this(threadsWanted());
    }

    /**
     * With this many threads.
     *
     * @throws UsageException if the number is not 1..1024
     */
    public CpuBackend(int threads) {
        this(threads, Vectors.usable());
    }

    /** With or without the Vector API. */
    CpuBackend(int threads, boolean vectors) {
        if (threads < 1 || threads > MOST_THREADS) {
            throw new UsageException("%d threads: must be 1..%d".formatted(threads, MOST_THREADS));
        }
        this.threads = threads;
        this.vectors = vectors;
    }

    private static int threadsWanted() {
        String given = System.getProperty(THREADS_PROPERTY);
        if (given == null) {
            return Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors());
        }
        try {
            return Integer.parseInt(given.strip());
        } catch (NumberFormatException e) {
            throw new UsageException(
                    "system property %s is '%s', must be a number of threads".formatted(THREADS_PROPERTY, given), e);
        }
    }

    /** The number of threads that its plans use. */
    public int threads() {
        return threads;
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public String device() {
        return "%s, %s, %d thread%s".formatted(
                Processor.NAME, vectors ? VectorTiles.width() : "scalar", threads, threads == 1 ? "" : "s");
    }

    @Override
    public Plan open(AttentionSpec spec, Algorithm algorithm) {
        return switch (algorithm) {
            case FLASH -> new FlashPlan(spec, threads, vectors, device());
            case STANDARD -> new StandardPlan(spec, threads, device());
        };
    }

    @Override
    public DecodePlan openDecoding(AttentionSpec spec, KvCache cache, @Nullable Rotary rotary) {
        return vectors ? new CpuDecoding(this, threads, spec, cache, rotary)
                : new HostDecoding(this, spec, Algorithm.FLASH, cache, rotary);
    }
}
