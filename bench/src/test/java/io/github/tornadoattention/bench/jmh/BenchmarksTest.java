package io.github.tornadoattention.bench.jmh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.Tensor;
import java.util.Collection;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

class BenchmarksTest {
    /** A backend whose first element of out is off by a thousandth. */
    private record Wrong(Backend right) implements Backend {
        @Override
        public String name() {
            return "wrong";
        }

        @Override
        public String device() {
            return "wrong device";
        }

        @Override
        public Plan open(AttentionSpec spec, Algorithm algorithm) {
            Plan plan = right.open(spec, algorithm);
            return new Plan() {
                @Override
                public Forward forward(AttentionInputs inputs) {
                    Forward f = plan.forward(inputs);
                    float[] out = f.out().toArray();
                    out[0] += 1e-3f;
                    return new Forward(inputs, Tensor.of(out, f.out().shape()), f.lse(), f.report());
                }

                @Override
                public Gradients backward(Tensor dOut, Forward f) {
                    return plan.backward(dOut, f);
                }

                @Override
                public void close() {
                    plan.close();
                }
            };
        }
    }

    @Test
    void everyBenchmarkGivesATime() throws RunnerException {
        Collection<RunResult> results = new Runner(new OptionsBuilder()
                .forks(0)
                .param("length", "9")
                .warmupIterations(0)
                .measurementIterations(1)
                .measurementTime(TimeValue.milliseconds(20))
                .shouldFailOnError(true)
                .verbosity(VerboseMode.SILENT)
                .build()).run();

        // forward and backward: cpu with two algorithms and two numbers of threads, reference
        assertThat(results).hasSize(2 * 2 * 2 + 2).allSatisfy(
                result -> assertThat(result.getPrimaryResult().getScore()).isPositive());
    }

    @Test
    void aWrongResultIsNotTimed() {
        AttentionSpec spec = AttentionSpec.builder(1, 2, 5, 8).build();
        assertThatThrownBy(() -> new CheckedAttention(new Wrong(Backend.of("cpu")), spec, Algorithm.FLASH).close())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("wrong device")
                .hasMessageContaining("out[0, 0, 0, 0]");
    }
}
