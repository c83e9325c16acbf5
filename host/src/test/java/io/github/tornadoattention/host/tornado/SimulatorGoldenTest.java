package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.GoldenCases;
import io.github.tornadoattention.host.GoldenCases.Golden;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.Tolerance;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The known results, by both algorithms of the kernels. */
class SimulatorGoldenTest {
    static List<String> cases() {
        return GoldenCases.names();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void simulatorIsWithinTheTolerance(String name) {
        Golden golden = GoldenCases.read(name);
        Inputs in = golden.inputs();
        Tolerance tolerance = Tolerance.of(in.spec(), in.inputs(), in.dOut());
        for (Algorithm algorithm : Algorithm.values()) {
            Inputs.Result result = in.on(Backend.of("simulator"), algorithm);

            assertThat(result.forward().report().backend()).isEqualTo("simulator");
            Comparison comparison =
                    Comparison.of(in.spec(), golden.expected(), result.forward(), result.gradients(), tolerance);
            assertThat(comparison.firstFailure()).as("%s %s", name, algorithm).isEmpty();
        }
    }
}
