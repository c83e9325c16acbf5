package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.check.RandomCase;
import io.github.tornadoattention.host.check.RandomKind;
import io.github.tornadoattention.host.cli.Terminal;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Runs attentions drawn at random over all options on a device and compares each with float64: the project's differential test,
 * on real hardware.
 */
@Command(name = "random", description = "Compares attentions drawn at random with float64.", mixinStandardHelpOptions = true,
        showDefaultValues = true)
public final class RandomChecks implements Callable<Integer> {
    private static final double SECOND = 1e9;

    private final Terminal terminal;

    @Option(names = "--backend", defaultValue = "auto", description = "backend to check")
    private String backendName = "auto";

    @Option(names = "--kind", defaultValue = "one-pass",
            description = "one-pass, packed (sequences of different lengths), streamed (with little device memory) or decoding")
    private String kindName = "one-pass";

    @Option(names = "--algorithm", defaultValue = "flash", description = "flash or standard")
    private String algorithmName = "flash";

    @Option(names = "--seed", defaultValue = "0", description = "the first seed")
    private long seed;

    @Option(names = "--count", defaultValue = "200", description = "how many seeds")
    private int count;

    @Option(names = "--longest", defaultValue = "200", description = "most queries and keys")
    private int longest;

    /** Prints to a terminal: progress to its error stream. */
    public RandomChecks(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        Backend backend = Backend.of(backendName);
        RandomKind kind = chosen("--kind", kindName, RandomKind.values());
        Algorithm algorithm = chosen("--algorithm", algorithmName, Algorithm.values());
        require(count >= 1, "--count is %d, must be at least 1", count);
        require(longest >= 1, "--longest is %d, must be at least 1", longest);
        require(algorithm == Algorithm.FLASH || kind.hasStandard(), "--kind %s is flash attention, --algorithm %s does not apply",
                kindName, algorithmName);
        if (kind == RandomKind.STREAMED) {
            backend.withDeviceMemory(1); // refuses if it has none
        }
        int failed = 0;
        for (long drawn = seed; drawn < seed + count; drawn++) {
            long start = System.nanoTime();
            RandomCase drawnCase = kind.draw(drawn, longest);
            String failure = failure(drawnCase, backend, algorithm);
            if (!failure.isEmpty()) {
                failed++;
                terminal.print("%s: %s; to repeat it: %s".formatted(drawnCase.what(), failure, command(drawn)));
                terminal.out().flush();
            }
            terminal.err().printf("%s seed %d: %s after %.1f s: %s%n", kindName, drawn, failure.isEmpty() ? "ok" : "FAILED",
                    (System.nanoTime() - start) / SECOND, drawnCase.what());
        }
        terminal.print("backend %s on %s, %s attention, %s, seeds %d to %d".formatted(backend.name(), backend.device(),
                algorithmName, kindName, seed, seed + count - 1));
        terminal.print("%d passed, %d failed".formatted(count - failed, failed));
        return failed == 0 ? 0 : 1;
    }

    private static String failure(RandomCase drawn, Backend backend, Algorithm algorithm) {
        try {
            return drawn.failure(backend, algorithm);
        } catch (RuntimeException e) {
            return "failed: " + e;
        }
    }

    private String command(long drawn) {
        return "scripts/bench random --kind %s --backend %s --algorithm %s --longest %d --count 1 --seed %d".formatted(kindName,
                backendName, algorithmName, longest, drawn);
    }

    /** The value that is written like this on the command line. */
    private static <E extends Enum<E>> E chosen(String option, String name, E[] values) {
        for (E value : values) {
            if (written(value).equals(name)) {
                return value;
            }
        }
        throw new UsageException("%s '%s' is none of %s".formatted(option, name,
                Arrays.stream(values).map(RandomChecks::written).collect(Collectors.joining(", "))));
    }

    private static String written(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static void require(boolean holds, String message, Object... numbers) {
        if (!holds) {
            throw new UsageException(message.formatted(numbers));
        }
    }
}
