package io.github.tornadoattention.host.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.UsageException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CpuBackendTest {
    @ParameterizedTest
    @EnumSource
    void resultsAreBitwiseTheSameForEveryNumberOfThreads(Algorithm algorithm) {
        AttentionSpec plain = AttentionSpec.builder(2, 4, 300, 32).seqK(270).build();
        AttentionSpec spec = AttentionSpec.builder(2, 4, 300, 32).seqK(270).kvHeads(2).causal().alibi().keyLengths(270, 123)
                .blockMask(Inputs.mask(plain, 48, 1, 0.7, 3)).build();
        Inputs in = Inputs.random(spec, 5);
        Inputs.Result one = in.on(new CpuBackend(1), algorithm);
        for (int threads : new int[] {2, 3, 8}) {
            Inputs.Result many = in.on(new CpuBackend(threads), algorithm);

            assertThat(many.forward().out().toArray()).containsExactly(one.forward().out().toArray());
            assertThat(many.forward().lse().toArray()).containsExactly(one.forward().lse().toArray());
            assertThat(many.gradients().dq().toArray()).containsExactly(one.gradients().dq().toArray());
            assertThat(many.gradients().dk().toArray()).containsExactly(one.gradients().dk().toArray());
            assertThat(many.gradients().dv().toArray()).containsExactly(one.gradients().dv().toArray());
        }
    }

    @Test
    void flashNeedsMemoryForItsWorkersAndOneNumberAQuery() {
        Report shorter = forward(4096, Algorithm.FLASH);
        Report longer = forward(8192, Algorithm.FLASH);

        assertThat(longer.extraBytes()).isEqualTo(shorter.extraBytes()).isBetween(1L, 2L << 20);
        assertThat(backward(1024).extraBytes() - backward(256).extraBytes()).isEqualTo(768 * Float.BYTES);
    }

    @Test
    void standardNeedsTwoMatrices() {
        assertThat(forward(512, Algorithm.STANDARD).extraBytes()).isGreaterThan(2L * 512 * 512 * Float.BYTES);
    }

    private static Report forward(int length, Algorithm algorithm) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, length, 16).build();
        Inputs in = Inputs.random(spec, 1);
        try (Attention attention = Attention.on(new CpuBackend(1), spec, algorithm)) {
            return attention.forward(in.inputs()).report();
        }
    }

    private static Report backward(int length) {
        AttentionSpec spec = AttentionSpec.builder(1, 1, length, 16).build();
        return Inputs.random(spec, 1).on(new CpuBackend(1), Algorithm.FLASH).gradients().report();
    }

    @Test
    void reportsSayWhatRan() {
        Report report = forward(64, Algorithm.FLASH);

        assertThat(report.device()).endsWith(", 1 thread");
        assertThat(report.driver()).isNull();
        assertThat(report.kernels()).containsExactly("flash-forward");
        assertThat(report.wallNanos()).isPositive().isGreaterThanOrEqualTo(report.kernelNanos());
    }

    @Test
    void standardRefusesWhatDoesNotFitAndSaysHowMuchItNeeds() {
        int length = 1 << 20;
        AttentionSpec spec = AttentionSpec.builder(1, 1, length, 1).build();
        Inputs in = Inputs.random(spec, 1);
        try (Attention attention = Attention.on(new CpuBackend(1), spec, Algorithm.STANDARD)) {
            assertThatThrownBy(() -> attention.forward(in.inputs()))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("needs 8796093.0 MB")
                    .hasMessageContaining("1048576 x 1048576");
        }
    }

    @Test
    void theNumberOfThreadsIsAnOption() {
        assertThat(new CpuBackend(3).threads()).isEqualTo(3);
        assertThatThrownBy(() -> new CpuBackend(0)).isInstanceOf(UsageException.class).hasMessage("0 threads: must be 1..1024");
        String before = System.getProperty(CpuBackend.THREADS_PROPERTY);
        try {
            System.setProperty(CpuBackend.THREADS_PROPERTY, "5");
            assertThat(new CpuBackend().threads()).isEqualTo(5);
            System.setProperty(CpuBackend.THREADS_PROPERTY, "many");
            assertThatThrownBy(CpuBackend::new)
                    .isInstanceOf(UsageException.class)
                    .hasMessage("system property attention.threads is 'many', must be a number of threads");
        } finally {
            if (before == null) {
                System.clearProperty(CpuBackend.THREADS_PROPERTY);
            } else {
                System.setProperty(CpuBackend.THREADS_PROPERTY, before);
            }
        }
    }
}
