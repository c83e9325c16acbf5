package io.github.tornadoattention.bench.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LinformerTest {
    private static final AttentionSpec SPEC = AttentionSpec.builder(2, 3, 41, 12).build();

    /** Device and JVM project alike, and as float64 does. */
    @Test
    void projections() {
        Tensor x = RandomTensors.normal(3, SPEC.dtype(), SPEC.kvShape());
        Target target = Target.of("simulator").getFirst();
        try (Projection onDevice = new Projection(target.device(), SPEC, 16); Projection onJvm = new Projection(null, SPEC, 16)) {
            Tensor a = onDevice.of(x).tensor();
            Tensor b = onJvm.of(x).tensor();
            assertThat(a.shape()).containsExactly(2, 3, 16, 12);
            assertThat(a.toArray()).containsExactly(b.toArray(), org.assertj.core.data.Offset.offset(1e-5f));
            assertThat(onDevice.error(x, a)).isLessThan(1e-5);
            float[] wrong = a.toArray();
            wrong[wrong.length - 1] += 1;
            assertThat(onDevice.error(x, Tensor.of(wrong, a.shape()))).isGreaterThan(0.1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"simulator", "cpu"})
    void aResultWithItsErrorAgainstExactAttention(String backend) {
        Target target = Target.of(backend).getFirst();
        Job job = backend.equals("cpu") ? Linformer.of(target, SPEC, 8) : Linformer.eighth(target, SPEC);
        List<Result> results = new Measurement(0, 2, 3, false, DeviceShare.alone()).of(job, Ceilings.UNKNOWN);
        assertThat(results).hasSize(1).allMatch(Result::timed);
        Result result = results.getFirst();
        assertThat(result.number("max_abs_error")).isBetween(0.05, 5.0);
        assertThat(result.get("tflops")).isNull();
        assertThat(result.text("algorithm")).startsWith("linformer-");
    }
}
