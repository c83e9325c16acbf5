package io.github.tornadoattention.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TimesTest {
    @ParameterizedTest
    @CsvSource({"7, 7, 7, 7", "9 1, 1, 5, 9", "3 1 2, 1, 2, 3", "40 10 30 20, 10, 25, 40",
            "11 10 9 8 7 6 5 4 3 2 1, 2, 6, 10"})
    void spreadAndMedian(String nanos, long low, long median, long high) {
        Times times = new Times(java.util.Arrays.stream(nanos.split(" ")).mapToLong(n -> Long.parseLong(n) * 1_000_000).toArray());
        assertThat(times.milliseconds(0.1)).isEqualTo(low);
        assertThat(times.median()).isEqualTo(median);
        assertThat(times.milliseconds(0.9)).isEqualTo(high);
    }
}
