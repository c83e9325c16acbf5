package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.GoldenCases.Golden;
import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.Tolerance;
import io.github.tornadoattention.host.cpu.CpuBackend;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The known results, on the reference and on both algorithms of the CPU. */
class GoldenTest {
    /** Half a unit in the last place of a float32, with a little room for sums in another order. */
    private static final double FLOAT32_ROUNDING = 6.1e-8;

    /** What float64 loses itself when numbers as large as the largest cancel. */
    private static final double FLOAT64_ROUNDING = 1e-12;

    static List<String> cases() {
        return GoldenCases.names();
    }

    @Test
    void allCasesAreThere() {
        assertThat(cases()).hasSize(30);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void referenceAgreesToTheLastBitOfFloat32(String name) {
        Golden golden = GoldenCases.read(name);
        Inputs in = golden.inputs();
        Exact exact = ReferenceAttention.forwardBackward(in.spec(), in.inputs(), in.dOut());

        assertClose("out", exact.out(), golden.expected().out());
        assertClose("lse", exact.lse(), golden.expected().lse());
        assertClose("dq", exact.dq(), golden.expected().dq());
        assertClose("dk", exact.dk(), golden.expected().dk());
        assertClose("dv", exact.dv(), golden.expected().dv());
    }

    private static void assertClose(String name, double[] actual, double[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        double largest = Arrays.stream(expected).filter(Double::isFinite).map(Math::abs).max().orElse(0);
        for (int n = 0; n < actual.length; n++) {
            double allowed = FLOAT32_ROUNDING * Math.abs(expected[n]) + FLOAT64_ROUNDING * Math.max(1, largest);
            boolean same = actual[n] == expected[n] || Math.abs(actual[n] - expected[n]) <= allowed;
            assertThat(same).as("%s[%d] is %s, expected %s", name, n, actual[n], expected[n]).isTrue();
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void cpuIsWithinTheTolerance(String name) {
        Golden golden = GoldenCases.read(name);
        Inputs in = golden.inputs();
        Exact exact = ReferenceAttention.forwardBackward(in.spec(), in.inputs(), in.dOut());
        Tolerance tolerance = Tolerance.of(in.spec(), in.inputs(), in.dOut(), exact);
        for (Algorithm algorithm : Algorithm.values()) {
            Inputs.Result result = in.on(new CpuBackend(), algorithm);

            assertThat(Comparison.of(in.spec(), exact, result.forward(), result.gradients(), tolerance).firstFailure())
                    .as("%s %s", name, algorithm)
                    .isEmpty();
        }
    }
}
