package io.github.tornadoattention.bench.jmh;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The backend {@code reference}, float64 on one thread: what being boring costs. Shape and formulas as in {@link CpuBenchmark},
 * at a length that it can bear.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"})
public class ReferenceBenchmark {
    /** Length N of queries and keys. */
    @Param("64")
    public int length;

    private CheckedAttention attention;

    /** Compares with float64, or fails. */
    @Setup
    public void check() {
        AttentionSpec spec = AttentionSpec.builder(1, CpuBenchmark.HEADS, length, CpuBenchmark.HEAD_DIM).build();
        attention = new CheckedAttention(Backend.of("reference"), spec, Algorithm.STANDARD);
    }

    /** out and lse. */
    @Benchmark
    public Forward forward() {
        return attention.forward();
    }

    /** The forward passes again, then dq, dk and dv. */
    @Benchmark
    public Gradients backward() {
        return attention.backward();
    }

    /** Gives everything back. */
    @TearDown
    public void close() {
        attention.close();
    }
}
