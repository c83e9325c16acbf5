package io.github.tornadoattention.host.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMasks;
import io.github.tornadoattention.host.npy.NpyFiles;
import io.github.tornadoattention.host.tornado.TrafficModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
        assertThat(call.out()).contains("b2 h4 n256 d64 causal", "standard attention", "flash attention", "standard.softmax",
                "flashBackward.keys", "tiles of ", " read from it, ");
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
        assertThat(json).extracting("flash.launches")
                .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.LIST).hasSize(4);
    }

    /**
     * Float32 on tensor cores, tiles of 64 queries: q is read once, k and v twice in 4 bytes a number, k's first 32 rows (tile)
     * again for each tile of queries; out, lse and three scales for each of the 128 work-items of a group.
     */
    @Test
    void tensorCoresByHand() throws IOException {
        Call call = Call.of("trace", "--shape", "1,1,128,16", "--units", "tensor", "--json").done();
        Map<String, Object> json = JSON.std.mapFrom(call.out());
        long n = 128;
        long d = 16;
        long kernel = 4 * (n * d + 2 * n * d + 2 * 32 * d + 2 * n * d + n * d + n + 3 * 2 * 128);
        assertThat(json).containsEntry("units", "tensor").extracting("flash.launches")
                .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.list(Map.class))
                .filteredOn(launch -> "split.forward".equals(launch.get("task")))
                .singleElement().extracting("bytes").isEqualTo((int) kernel);
    }

    /** The mask is that of {@link BlockMasks#random}, with a shared seed if none is given. */
    @ParameterizedTest
    @CsvSource({"0, 64, 1", "0.125, 64, 1", "0.5, 64, 1", "0.5, 32, 1", "0.5, 64, 7", "1, 64, 1"})
    void aShareOfTheBlocks(double density, int size, long seed) throws IOException {
        List<String> words = new ArrayList<>(List.of("trace", "--shape=1,2,512,16", "--seq-k=300", "--block=32,32", "--json",
                "--density=" + density));
        if (size != 64) {
            words.add("--block-size=" + size);
        }
        if (seed != 1) {
            words.add("--density-seed=" + seed);
        }
        Map<String, Object> json = JSON.std.mapFrom(Call.of(words.toArray(String[]::new)).done().out());
        AttentionSpec spec = AttentionSpec.builder(1, 2, 512, 16).seqK(300)
                .blockMask(BlockMasks.random(512, 300, size, density, seed)).build();
        for (String direction : List.of("forward", "backward", "both")) {
            assertThat(json).extracting("flash." + direction + ".bytes")
                    .isEqualTo((int) TrafficModel.ofBlocks(spec, 32, 32).bytes(direction));
        }
    }

    @Test
    void kernelsAreNamed() {
        assertThat(Call.of("trace", "--shape", "1,1,64,16").done().out()).contains("flash attention (--units fma: multiply-adds");
        assertThat(Call.of("trace", "--shape", "1,1,64,16", "--units", "tensor").done().out())
                .contains("flash attention (--units tensor: tensor cores, as on CUDA; float32 as two float16)",
                        "splitBackward.keys");
        assertThat(Call.of("trace", "--shape", "1,1,64,16", "--units", "tensor", "--dtype", "fp16").done().out())
                .contains("as on CUDA; fp16)", "tensorBackward.keys", "standard.narrow3");
    }

    @Test
    void aFileCountsAsItsShapeDoes() {
        Path file = NpyFiles.npz(folder.resolve("in.npz"), "q", NpyFiles.floats(1, 2, 3, 8), "k", NpyFiles.floats(1, 2, 5, 8),
                "v", NpyFiles.floats(1, 2, 5, 8));
        Call ofFile = Call.of("trace", file.toString(), "--window", "1,0", "--json").done();
        Call ofShape = Call.of("trace", "--shape=1,2,3,8", "--seq-k=5", "--window=1,0", "--json").done();
        assertThat(ofFile.out()).isEqualTo(ofShape.out());
    }

    @Test
    void whatAProfilerCountedStandsBeside() throws IOException {
        Path file = Files.writeString(folder.resolve("ncu.csv"), """
                ==PROF== Connected to process 1
                "ID","Kernel Name","Metric Name","Metric Unit","Metric Value"
                "0","forward","dram__bytes_read.sum","Mbyte","1,050.25"
                "0","forward","dram__bytes_write.sum","byte","2048"
                "0","forward","lts__t_bytes.sum","Gbyte","3.5"
                """);
        assertThat(Call.of("trace", "--shape", "1,1,64,8", "--ncu", file.toString()).done().out())
                .contains("measured by ncu", "forward").containsPattern("1001.6 MiB +2.0 KiB +3.3 GiB");
        assertThat(Call.of("trace", "--shape", "1,1,64,8", "--json", "--ncu", file.toString()).done().out())
                .contains("\"dram__bytes_read.sum\":1.05025E9");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "nothing at all | holds no table of ncu",
        "\"Kernel Name\",\"Metric Name\",\"Metric Unit\",\"Metric Value\" | holds no table of ncu",
        "\"Kernel Name\",\"Metric Name\",\"Metric Unit\",\"Metric Value\"/f,m,second,1 | unit 'second'",
        "\"Kernel Name\",\"Metric Name\",\"Metric Unit\",\"Metric Value\"/f,m,byte,many | 'many' is no number of bytes",
    })
    void aProfileThatIsNone(String content, String reason) throws IOException {
        Path file = Files.writeString(folder.resolve("ncu.csv"), content.replace('/', '\n'));
        Call.of("trace", "--shape", "1,1,64,8", "--ncu", file.toString()).refused(Failure.USAGE, reason);
        Call.of("trace", "--shape", "1,1,64,8", "--ncu", file + ".none").refused(Failure.USAGE, "no such file");
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
        "trace --shape 1,1,64,8 --density 1.5 | density is 1.5, must be 0..1",
        "trace --shape 1,1,64,8 --density NaN | density is NaN, must be 0..1",
        "trace --shape 1,1,64,8 --density much | --density",
        "trace --shape 1,1,64,8 --density 1 --block-size 0 | block",
        "trace --shape 1,1,64,8 --density 1 --block-size 24 --block 16,16 | blocks of 24 are no multiple",
        "trace --shape 1,1,64,8 --density-seed 2 | --density-seed means nothing without --density",
        "trace in.npz --density 0.5 | --density means nothing without --shape",
        "trace --shape 65536,65536,1,1 | 2^31 elements",
        "trace --shape 1,1,8,16 --units matrix | --units",
        "trace --shape 1,1,8,16 --dtype bf16 | --units tensor counts 16-bit types",
        "trace --shape 1,1,8,24 --units tensor | head dims that are multiples of 16",
        "trace --shape 1,1,8,16 --units tensor --block 16,16 | --block goes with --units fma",
    })
    void refused(String words, String reason) {
        List<String> arguments = List.of(words.split(" "));
        Call.of(arguments.toArray(String[]::new)).refused(Failure.USAGE, reason);
    }
}
