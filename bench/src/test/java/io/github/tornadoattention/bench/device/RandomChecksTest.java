package io.github.tornadoattention.bench.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.bench.Call;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Random checks from the command line: a line for each seed as it is done, a summary, refusals. */
class RandomChecksTest {
    @ParameterizedTest
    @CsvSource({"one-pass, cpu", "packed, cpu", "streamed, simulator", "decoding, cpu"})
    void everyKindPasses(String kind, String backend) {
        Call call = Call.of("random", "--kind", kind, "--backend", backend, "--seed", "30", "--count", "3", "--longest", "40");
        assertThat(call.exitCode()).isZero();
        assertThat(call.out().lines().skip(1)).containsExactly("3 passed, 0 failed");
        assertThat(call.err().lines()).hasSize(3)
                .allMatch(line -> line.matches(kind + " seed 3[012]: ok after [0-9.]+ s: .*n\\d+.*"));
    }

    /** A property that no plan can be opened with stands for any failure. */
    @Test
    void aFailureSaysHowToRepeatIt() {
        String limit = System.getProperty("attention.fp32", "");
        try {
            System.setProperty("attention.fp32", "neither");
            Call call = Call.of("random", "--backend", "simulator", "--seed", "7", "--count", "1", "--longest", "40");
            assertThat(call.exitCode()).isEqualTo(1);
            assertThat(call.err()).startsWith("one-pass seed 7: FAILED after ");
            assertThat(call.out()).contains("attention.fp32 is 'neither'")
                    .contains("to repeat it: scripts/bench random --kind one-pass --backend simulator --algorithm flash "
                            + "--longest 40 --count 1 --seed 7\n").endsWith("0 passed, 1 failed\n");
        } finally {
            if (limit.isEmpty()) {
                System.clearProperty("attention.fp32");
            } else {
                System.setProperty("attention.fp32", limit);
            }
        }
    }

    @Test
    void whatIsNotThereIsRefused() {
        Call.of("random", "--kind", "ragged").refused(2, "--kind 'ragged' is none of one-pass, packed, streamed, decoding");
        Call.of("random", "--algorithm", "fast").refused(2, "--algorithm 'fast' is none of flash, standard");
        Call.of("random", "--kind", "decoding", "--algorithm", "standard")
                .refused(2, "--kind decoding is flash attention, --algorithm standard does not apply");
        Call.of("random", "--kind", "streamed", "--backend", "cpu").refused(2, "backend cpu has no device memory to limit");
        Call.of("random", "--kind", "streamed", "--backend", "simulator", "--longest", "20").refused(2, "at most 20 queries");
        Call.of("random", "--count", "0").refused(2, "--count is 0");
        Call.of("random", "--longest", "0").refused(2, "--longest is 0");
        Call.of("random", "--backend", "abacus").refused(3, "abacus");
    }
}
