package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionException;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.check.RandomSpecs;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs attentions drawn at random over all options on a device and compares each with float64: the project's differential test, on real hardware. */
@Command(name = "random", description = "Compares attentions drawn at random with float64.", mixinStandardHelpOptions = true, showDefaultValues = true)
public final class RandomChecks implements Callable<Integer> {
    @Option(names = "--backend", defaultValue = "auto", description = "backend to check")
    private String backendName = "auto";

    @Option(names = "--algorithm", defaultValue = "flash", description = "flash or standard")
    private String algorithm = "flash";

    @Option(names = "--seed", defaultValue = "0", description = "the first seed")
    private long seed;

    @Option(names = "--count", defaultValue = "200", description = "how many seeds")
    private int count;

    @Option(names = "--longest", defaultValue = "200", description = "most queries and keys")
    private int longest;

    @Override
    public Integer call() {
        Backend backend = Backend.of(backendName);
        int failed = 0;
        for (long drawn = seed; drawn < seed + count; drawn++) {
            RandomSpecs.Expected expected = RandomSpecs.draw(drawn, longest).expected();
            String failure;
            try {
                failure = expected.compare(backend, Algorithm.valueOf(algorithm.toUpperCase(Locale.ROOT))).firstFailure();
            } catch (AttentionException e) {
                failure = "failed: " + e.getMessage();
            }
            if (!failure.isEmpty()) {
                failed++;
                System.out.printf("%s: %s; to repeat it: scripts/bench random --backend %s --algorithm %s --longest %d --count 1 --seed %d%n",
                        expected.drawn().spec(), failure, backendName, algorithm, longest, drawn);
            }
        }
        System.out.printf("backend %s on %s, %s attention, seeds %d to %d%n", backend.name(), backend.device(), algorithm, seed, seed + count - 1);
        System.out.printf("%d passed, %d failed%n", count - failed, failed);
        return failed == 0 ? 0 : 1;
    }
}
