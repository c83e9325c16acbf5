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
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MeasurementTest {
    private static final int MOST = 3;
    private static final long COMPILE_MILLIS = 50;
    private static final AttentionSpec SPEC = AttentionSpec.builder(1, 1, 32, 8).build();

    /** The CPU, which takes some time to compile a backward pass; {@code done} holds what was asked of it. */
    private record Watched(Backend backend, List<String> done) implements Backend {
        static Watched cpu() {
            return new Watched(Backend.of("cpu"), new ArrayList<>());
        }

        Target target() {
            return new Target(Target.Kind.CPU, this, "cpu", null, null);
        }

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
                public void compile(boolean backward) {
                    done.add(backward ? "compile both" : "compile forward");
                    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(backward ? COMPILE_MILLIS : 0);
                    while (System.nanoTime() < end) {
                        LockSupport.parkNanos(end - System.nanoTime());
                    }
                }

                @Override
                public Forward forward(AttentionInputs inputs) {
                    done.add("forward");
                    return plan.forward(inputs);
                }

                @Override
                public Gradients backward(Tensor dOut, Forward f) {
                    done.add("backward");
                    return plan.backward(dOut, f);
                }

                @Override
                public void close() {
                    plan.close();
                }
            };
        }
    }

    private static List<Result> measured(Job job, boolean wall) {
        return new Measurement(0, MOST, MOST, wall, DeviceShare.alone()).of(job, Ceilings.UNKNOWN);
    }

    /** What the JVM computes is interpreted at first: far more runs than are timed make it warm. */
    @Test
    void theCpuIsWarmBeforeItIsTimed() {
        Watched cpu = Watched.cpu();

        List<Result> results = measured(Job.of(cpu.target(), "flash", SPEC).forward(), false);

        assertThat(results).singleElement().matches(Result::timed).returns(MOST, r -> r.get("runs"));
        assertThat(cpu.done().stream().filter("forward"::equals)).hasSizeGreaterThan(100);
    }

    /** On the CPU a time is that of a call, and the IO model of a device's kernels says nothing. */
    @ParameterizedTest
    @ValueSource(strings = {"flash", "standard"})
    void theCpuIsTimedByTheCall(String algorithm) {
        List<Result> results = measured(Job.of(Watched.cpu().target(), algorithm, SPEC), true);

        assertThat(results).hasSize(3).allSatisfy(r -> {
            assertThat(r.number("median_ms")).isPositive().isEqualTo(r.number("wall_median_ms"));
            assertThat(r.get("bytes_model")).isNull();
            assertThat(r.get("gb_per_s")).isNull();
        });
    }

    /** Compiling the backward pass is no part of what the first forward pass costs. */
    @Test
    void eachPassIsCompiledOnItsOwnAccount() {
        Watched cpu = Watched.cpu();

        List<Result> results = measured(Job.of(cpu.target(), "flash", SPEC), false);

        assertThat(cpu.done()).startsWith("compile forward", "forward", "compile both", "backward");
        assertThat(results).extracting(r -> r.get("direction")).containsExactly("forward", "backward", "both");
        assertThat(results.get(1).number("jit_ms")).isGreaterThan(COMPILE_MILLIS - 1.0);
        assertThat(results.get(2).number("jit_ms"))
                .isGreaterThan(results.get(0).number("jit_ms") + COMPILE_MILLIS - 1.0);
    }
}
