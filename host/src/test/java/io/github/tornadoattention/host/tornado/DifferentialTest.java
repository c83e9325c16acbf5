package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.check.RandomSpecs;
import io.github.tornadoattention.host.check.RandomSpecs.Expected;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Attentions drawn at random agree with float64 on {@code cpu} and {@code simulator}, by both algorithms; flash on the
 * simulator with the host's tilings for even seeds and with any that fit for odd ones. {@code -Dattention.seed=N} runs
 * one seed, whichever it is.
 */
class DifferentialTest {
    private static final int SEEDS = 320;
    private static final int CHUNK = 20;
    private static final int LONGEST = 132;
    private static final Long ONE = Long.getLong("attention.seed");

    private final Backend cpu = Backend.of("cpu");
    private final Backend simulator = Backend.of("simulator");

    static LongStream chunks() {
        return ONE != null ? LongStream.of(ONE) : LongStream.iterate(0, seed -> seed < SEEDS, seed -> seed + CHUNK);
    }

    @ParameterizedTest(name = "seeds from {0}")
    @MethodSource("chunks")
    void drawn(long first) {
        List<String> failures = new ArrayList<>();
        for (long seed = first; seed < first + (ONE != null ? 1 : CHUNK); seed++) {
            Expected expected = RandomSpecs.draw(seed, LONGEST).expected();
            Backend kernels = seed % 2 == 0 ? simulator : Tiled.random(expected.drawn().spec(), seed);
            run(expected, cpu, Algorithm.FLASH, failures);
            run(expected, cpu, Algorithm.STANDARD, failures);
            run(expected, kernels, Algorithm.FLASH, failures);
            run(expected, simulator, Algorithm.STANDARD, failures);
        }
        assertThat(failures).isEmpty();
    }

    private static void run(Expected expected, Backend backend, Algorithm algorithm, List<String> failures) {
        String failure;
        try {
            failure = expected.compare(backend, algorithm).firstFailure();
        } catch (RuntimeException e) {
            failure = e.toString();
        }
        if (!failure.isEmpty()) {
            failures.add("""
                    %s, %s on %s (%s): %s; to repeat it:
                    mvn -pl host -am test -Dtest=DifferentialTest -Dsurefire.failIfNoSpecifiedTests=false -Dattention.seed=%d
                    """.formatted(expected.drawn().spec(), algorithm, backend.name(), backend.device(), failure,
                            expected.drawn().seed()));
        }
    }
}
