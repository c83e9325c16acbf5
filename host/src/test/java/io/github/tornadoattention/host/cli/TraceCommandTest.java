package io.github.tornadoattention.host.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import io.github.tornadoattention.host.npy.NpyFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TraceCommandTest {
    @TempDir
    Path folder;

    @Test
    void tableOfAShape() {
        Call call = Call.of("trace", "--shape", "2,4,256,64", "--causal").done();
        assertThat(call.out()).contains("b2 h4 n256 d64 causal", "standard attention", "flash attention", "standard.softmax", "flashBackward.keys", "tiles of ");
        assertThat(call.out().lines().filter(line -> line.startsWith("both "))).hasSize(1);
    }

    /** Tiles of 64 queries, N 128, D 16: q once, k and v twice and k's first slice a third time; out and lse. */
    @Test
    void numbersByHand() throws IOException {
        Call call = Call.of("trace", "--shape", "1,1,128,16", "--block", "64,32", "--json").done();
        Map<String, Object> json = JSON.std.mapFrom(call.out());
        long n = 128;
        long d = 16;
        long expected = 4 * (n * d + 2 * n * d + 2 * 32 * d + 2 * n * d + n * d + n);
        assertThat(json).extracting("flash.forward.bytes").isEqualTo((int) expected);
        assertThat(json).extracting("standard.forward.bytes_once").isEqualTo((int) (4 * (4 * n * d + 4 * n * n + n)));
        assertThat(json).extracting("visible_pairs").isEqualTo((int) (n * n));
        assertThat(json).extracting("flash.launches").asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.LIST).hasSize(4);
    }

    @Test
    void aFileCountsAsItsShapeDoes() {
        Path file = NpyFiles.npz(folder.resolve("in.npz"), "q", NpyFiles.floats(1, 2, 3, 8), "k", NpyFiles.floats(1, 2, 5, 8),
                "v", NpyFiles.floats(1, 2, 5, 8));
        Call ofFile = Call.of("trace", file.toString(), "--window", "1,0", "--json").done();
        Call ofShape = Call.of("trace", "--shape=1,2,3,8", "--seq-k=5", "--window=1,0", "--json").done();
        assertThat(ofFile.out()).isEqualTo(ofShape.out());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "trace | IN.npz or --shape",
        "trace in.npz --shape 1,1,8,8 | IN.npz or --shape",
        "trace in.npz --seq-k 4 | --seq-k means nothing without --shape",
        "trace nothing.npz | nothing.npz",
        "trace --shape 1,1,8 | --shape has 3 numbers",
        "trace --shape 1,1,0,8 | seqQ is 0",
        "trace --shape 1,1,8,257 | headDim is 257",
        "trace --shape 1,3,8,8 --kv-heads 2 | heads 3 is not a multiple of kvHeads 2",
        "trace --shape 1,1,8,8 --block 16 | --block has 1 numbers",
        "trace --shape 1,1,8,8 --block 17,16 | tiles of 17 x 16",
        "trace --shape 1,1,8,8 --block-size 16 | --block-size needs a file",
        "trace --shape 65536,65536,1,1 | 2^31 elements",
    })
    void refused(String words, String reason) {
        List<String> arguments = List.of(words.split(" "));
        Call.of(arguments.toArray(String[]::new)).refused(Failure.USAGE, reason);
    }
}
