package io.github.tornadoattention.bench.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.Tensor;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class MeasurementTest {
    private static final int MOST = 3;

    /** Another backend, whose forward passes are counted. */
    private record Counted(Backend backend, AtomicInteger runs) implements Backend {
        @Override
        public String name() {
            return backend.name();
        }

        @Override
        public String device() {
            return backend.device();
        }

        @Override
        public Plan open(AttentionSpec spec, Algorithm algorithm) {
            Plan plan = backend.open(spec, algorithm);
            return new Plan() {
                @Override
                public Forward forward(AttentionInputs inputs) {
                    runs.incrementAndGet();
                    return plan.forward(inputs);
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

    /** What the JVM computes is interpreted at first: far more runs than are timed make it warm. */
    @Test
    void theCpuIsWarmBeforeItIsTimed() {
        AtomicInteger runs = new AtomicInteger();
        Target target = new Target(Target.Kind.CPU, new Counted(Backend.of("cpu"), runs), "cpu", null, null);
        Job job = Job.of(target, "flash", AttentionSpec.builder(1, 1, 32, 8).build()).forward();

        List<Result> results = new Measurement(0, MOST, MOST, false, DeviceShare.alone()).of(job, Ceilings.UNKNOWN);

        assertThat(results).singleElement().matches(Result::timed).returns(MOST, r -> r.get("runs"));
        assertThat(runs.get()).isGreaterThan(100);
    }
}
