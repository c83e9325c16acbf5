package io.github.tornadoattention.bench.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.bench.ResultsFile;
import io.github.tornadoattention.host.DeviceMemoryException;
import org.junit.jupiter.api.Test;

class BytesTest {
    @Test
    void whatTheMachineCannotHoldIsRefusedBeforeItIsMade() {
        assertThatCode(() -> Bytes.requireFit(1L << 30, 1L << 30)).doesNotThrowAnyException();
        assertThatThrownBy(() -> Bytes.requireFit(3L << 29, 1L << 30)).isInstanceOf(DeviceMemoryException.class)
                .hasMessage("inputs and outputs take 1.5 GiB, this machine has 1.0")
                .satisfies(e -> assertThat(Measurement.reason(e)).startsWith(ResultsFile.TOO_LARGE + ": "));
    }

    @Test
    void theMachineHasMemory() {
        assertThat(Bytes.ofMachine()).isGreaterThan(Runtime.getRuntime().maxMemory() / 2);
    }
}
