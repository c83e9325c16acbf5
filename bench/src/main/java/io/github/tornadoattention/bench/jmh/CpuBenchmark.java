package io.github.tornadoattention.bench.jmh;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.cpu.CpuBackend;
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
 * The backend {@code cpu}: milliseconds for one call, from tensors to tensors.
 *
 * <p>A forward pass of {@code ms} milliseconds runs at {@code 4 * B * H * N * N * D / ms / 1e6} GFLOP/s, a backward pass at 2.5
 * times as much in the same time. The shape is b1 h8 d64, self-attention, nothing masked.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow"})
public class CpuBenchmark {
    static final int HEADS = 8;
    static final int HEAD_DIM = 64;

    /** Length N of queries and keys. */
    @Param({"256", "1024"})
    public int length;

    /** FLASH or STANDARD. */
    @Param
    public Algorithm algorithm;

    /** Threads of the backend; 0 takes one for each processor. */
    @Param({"1", "0"})
    public int threads;

    private CheckedAttention attention;

    /** Compares with float64, or fails. */
    @Setup
    public void check() {
        AttentionSpec spec = AttentionSpec.builder(1, HEADS, length, HEAD_DIM).build();
        attention = new CheckedAttention(threads == 0 ? new CpuBackend() : new CpuBackend(threads), spec, algorithm);
    }

    /** out and lse. */
    @Benchmark
    public Forward forward() {
        return attention.forward();
    }

    /** dq, dk and dv. */
    @Benchmark
    public Gradients backward() {
        return attention.backward();
    }

    /** Ends the backend's threads. */
    @TearDown
    public void close() {
        attention.close();
    }
}
