package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BackendsTest {
    @ParameterizedTest
    @CsvSource({"reference, FLASH, reference", "cpu, FLASH, flash", "cpu, STANDARD, standard"})
    void theBackendThatWasAskedForIsTheOneThatRuns(String name, Algorithm algorithm, String ran) {
        Inputs.Result result = Inputs.random(AttentionSpec.builder(1, 1, 3, 2).build(), 1).on(Backend.of(name), algorithm);

        assertThat(result.forward().report().backend()).isEqualTo(name);
        assertThat(result.forward().report().algorithm()).isEqualTo(ran);
        assertThat(result.gradients().report().backend()).isEqualTo(name);
        assertThat(result.gradients().report().kernels()).isNotEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpu", "", "CPU", "tornado:", "tornado:0", "tornado:a:b", "tornado:0:1:2", "tornado:-1:0", "cpu "})
    void anUnknownNameIsAnErrorThatListsTheKnownOnes(String name) {
        assertThatThrownBy(() -> Backend.of(name))
                .isInstanceOfSatisfying(UnavailableException.class, e -> assertThat(e.exitCode()).isEqualTo(3))
                .hasMessage("no backend '%s': known are reference, cpu, simulator, tornado, tornado:<driver>:<device>, auto"
                        .formatted(name));
    }

    @Test
    void autoIsTheCpuWhereThereIsNoGpu() {
        assertThat(Backend.auto().name()).isIn("cpu", "tornado");
    }

    @Test
    void exitCodesAreThoseOfTheCommandLine() {
        assertThat(new UsageException("x").exitCode()).isEqualTo(2);
        assertThat(new UnavailableException("x").exitCode()).isEqualTo(3);
        assertThat(new DeviceException("x").exitCode()).isEqualTo(4);
    }
}
