package io.github.tornadoattention.bench.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.bench.Call;
import org.junit.jupiter.api.Test;

/** Timed decoding from the command line: a checked line for each shape and type, refusals. */
class DecodeBenchTest {
    @Test
    void everyShapeAndTypeHasALine() {
        Call call = Call.of("decode", "--backend", "cpu", "--shape", "2,4,2,16,100", "--shape", "1,2,2,32,40", "--dtype",
                "fp32,bf16", "--steps", "4");
        assertThat(call.exitCode()).isZero();
        assertThat(call.out().lines().skip(1)).hasSize(4)
                .allMatch(line -> line.matches("b\\d h\\d/2 d\\d+, \\d+ keys, (fp32|bf16) cache: step R ms, kernels R ms, "
                        .replace("R", "[0-9.]+ \\([0-9.]+\\.\\.[0-9.]+\\)") + "[0-9.]+ GB/s, error \\d\\.\\de-\\d+"));
    }

    @Test
    void devicesHaveKernelTimes() {
        Call call = Call.of("decode", "--backend", "simulator", "--shape", "1,2,1,16,20", "--steps", "3");
        assertThat(call.exitCode()).isZero();
        assertThat(call.out()).contains(" ms, kernels ").contains(" GB/s, error ");
    }

    @Test
    void whatIsNotThereIsRefused() {
        Call.of("decode", "--backend", "cpu").refused(2, "--shape");
        Call.of("decode", "--backend", "cpu", "--shape", "1,2,16,20").refused(2, "--shape '1,2,16,20' is not B,H,HKV,D,KEYS");
        Call.of("decode", "--backend", "cpu", "--shape", "1,2,0,16,20").refused(2, "--shape '1,2,0,16,20' is not");
        Call.of("decode", "--backend", "cpu", "--shape", "9,8,8,128,999999999").refused(2, "the cache has 2^31 elements or more");
        Call.of("decode", "--backend", "cpu", "--shape", "1,3,2,16,20").refused(2, "heads 3 is not a multiple of kvHeads 2");
        Call.of("decode", "--backend", "cpu", "--shape", "1,2,2,16,20", "--dtype", "fp64")
                .refused(2, "--dtype 'fp64' is none of fp32, fp16, bf16");
        Call.of("decode", "--backend", "cpu", "--shape", "1,2,2,16,20", "--steps", "2")
                .refused(2, "--steps is 2, must be at least 3");
        Call.of("decode", "--backend", "abacus", "--shape", "1,2,2,16,20").refused(3, "abacus");
    }
}
