package io.github.tornadoattention.host.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.npy.ArraySource;
import io.github.tornadoattention.host.npy.NpyFiles;
import io.github.tornadoattention.host.npy.NpzWriter;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import javax.imageio.ImageIO;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code run} with packed batches and limited device memory, {@code map} with numbers and pictures. */
class PackedAndMapTest {
    @TempDir
    private Path folder;

    private Path packed(Object... more) {
        Object[] arrays = {"q", NpyFiles.floats(9, 2, 8), "k", NpyFiles.floats(9, 1, 8), "v", NpyFiles.floats(9, 1, 8), "dout",
                NpyFiles.floats(9, 2, 8)};
        Object[] all = Arrays.copyOf(arrays, arrays.length + more.length);
        System.arraycopy(more, 0, all, arrays.length, more.length);
        return NpyFiles.npz(folder.resolve("in.npz"), all);
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "cpu", "simulator"})
    void runTakesPackedBatches(String backend) {
        Path out = folder.resolve("out.npz");
        String text = Call.of("run", packed("cu_seqlens", NpyFiles.ints(0, 4, 4, 9)).toString(), "--causal", "--backend", backend,
                "--out", out.toString())
                .done().out();
        assertThat(text).contains("3 packed sequences, 9 queries and 9 keys",
                "out [9, 2, 8], lse [2, 9], dq [9, 2, 8], dk [9, 1, 8], dv [9, 1, 8]");
        Call json = Call.of("run", packed("cu_seqlens_q", NpyFiles.ints(0, 4, 9), "cu_seqlens_k", NpyFiles.ints(0, 2, 9))
                .toString(), "--backend", backend, "--json");
        assertThat(json.done().out())
                .contains("\"batch\":2", "\"total_q\":9", "\"flops\":%s".formatted(4.0 * 8 * 2 * (4 * 2 + 5 * 7)));
    }

    /** Every array that run writes, against that of float64. */
    @ParameterizedTest
    @CsvSource({"cpu,flash", "cpu,standard", "simulator,flash", "simulator,standard"})
    void packedResultsAreThoseOfTheReference(String backend, String algorithm) throws IOException {
        byte[] q = NpyFiles.floats(29, 4, 24);
        byte[] k = NpyFiles.floats(40, 2, 24);
        Path in = NpyFiles.npz(folder.resolve("in.npz"), "q", q, "k", k, "v", k, "dout", q, "cu_seqlens_q",
                NpyFiles.ints(0, 4, 4, 12, 29), "cu_seqlens_k", NpyFiles.ints(0, 17, 20, 28, 40));
        String[] flags = {"--causal", "--window", "20,-1", "--softcap", "3", "--alibi", "--dropout", "0.25", "--seed", "77",
            "--dropout-offset", "3"};
        Map<String, Tensor> exact = packedRun(in, "reference", algorithm, flags);
        Map<String, Tensor> other = packedRun(in, backend, algorithm, flags);
        assertThat(other.keySet()).containsExactlyInAnyOrder("out", "lse", "dq", "dk", "dv").isEqualTo(exact.keySet());
        exact.forEach((name, tensor) -> {
            assertThat(other.get(name).shape()).as(name).containsExactly(tensor.shape());
            assertThat(other.get(name).toArray()).as(name).containsExactly(tensor.toArray(), Offset.offset(2e-5f));
        });
        assertThat(packedRun(in, backend, algorithm, "--causal").get("out").toArray())
                .isNotEqualTo(packedRun(in, backend, algorithm, "--causal", "--dropout", "0.25").get("out").toArray());
    }

    private Map<String, Tensor> packedRun(Path in, String backend, String algorithm, String... flags) throws IOException {
        Path out = folder.resolve(backend + ".npz");
        String[] all = Arrays.copyOf(new String[] {"run", in.toString(), "--backend", backend, "--algorithm", algorithm, "--out",
            out.toString()}, 8 + flags.length);
        System.arraycopy(flags, 0, all, 8, flags.length);
        Call.of(all).done();
        Map<String, Tensor> arrays = new LinkedHashMap<>();
        try (ArraySource source = ArraySource.npz(out)) {
            for (String name : new String[] {"out", "lse", "dq", "dk", "dv"}) {
                arrays.put(name, source.floats(name));
            }
        }
        return arrays;
    }

    private void refused(Path file, String words, String... flags) {
        String[] all = Arrays.copyOf(new String[] {"run", file.toString(), "--backend", "cpu"}, 4 + flags.length);
        System.arraycopy(flags, 0, all, 4, flags.length);
        Call.of(all).refused(Failure.USAGE, words);
    }

    @Test
    void contradictionsAreRefused() {
        byte[] starts = NpyFiles.ints(0, 4, 9);
        refused(packed("cu_seqlens", starts, "cu_seqlens_q", starts), "cu_seqlens_q and cu_seqlens_k contradict it");
        refused(packed("cu_seqlens_q", starts), "needs cu_seqlens_k beside it");
        refused(packed("cu_seqlens", starts, "key_lengths", NpyFiles.ints(3, 3)), "key lengths contradict it");
        refused(packed("cu_seqlens", starts), "key lengths contradict it", "--key-lengths", "3,3");
        refused(packed("cu_seqlens", starts), "has no block mask", "--block-size", "16");
        refused(packed("cu_seqlens", starts), "--layout does not apply", "--layout", "bnhd");
        refused(packed("cu_seqlens", NpyFiles.ints(0, 4, 8)), "ends with 8, but q has 9 rows");
        refused(packed("cu_seqlens", NpyFiles.ints(1, 4, 9)), "cuSeqlensQ starts with 1");
        refused(packed("cu_seqlens", NpyFiles.ints(0, 5, 4, 9)), "falls from 5 to 4");
        refused(packed(), "must have 4 dimensions");
        byte[] q = NpyFiles.floats(1, 2, 9, 8);
        refused(NpyFiles.npz(folder.resolve("in.npz"), "q", q, "k", q, "v", q, "cu_seqlens", starts),
                "must have 3 dimensions in a packed batch");
        Call.of("map", packed("cu_seqlens", starts).toString(), "--rows", "0", "--out", folder.resolve("m.png").toString(),
                "--backend", "cpu")
                .refused(Failure.USAGE, "packed batch, which only run takes");
    }

    @Test
    void deviceMemoryIsLimited() {
        byte[] q = NpyFiles.floats(1, 1, 200, 64);
        String in = NpyFiles.npz(folder.resolve("in.npz"), "q", q, "k", q, "v", q).toString();
        assertThat(Call.of("run", in, "--backend", "simulator", "--device-memory", "256K").done().out())
                .contains("streamed in blocks of ");
        assertThat(Call.of("run", in, "--backend", "simulator", "--device-memory", "64M").done().out())
                .doesNotContain("streamed");
        Call.of("run", in, "--backend", "simulator", "--device-memory", "1K").refused(Failure.DEVICE, "a block of 16 queries");
        Call.of("run", in, "--backend", "cpu", "--device-memory", "64M")
                .refused(Failure.USAGE, "backend cpu has no device memory to limit");
        for (String wrong : new String[] {"0", "-1M", "64MB", "x", ""}) {
            Call.of("run", in, "--backend", "simulator", "--device-memory=" + wrong)
                    .refused(Failure.USAGE, "--device-memory '" + wrong + "'");
        }
    }

    private static Path file(Path file, Inputs in) throws IOException {
        try (OutputStream out = Files.newOutputStream(file)) {
            NpzWriter.write(out, Map.of("q", in.q(), "k", in.k(), "v", in.v()), NpzWriter.Packing.STORED);
        }
        return file;
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "cpu", "simulator"})
    void mapsAreProbabilities(String backend) throws IOException {
        AttentionSpec spec = AttentionSpec.builder(2, 4, 13, 8).kvHeads(2).seqK(17).causal().softcap(5).alibi().keyLengths(17, 6)
                .build();
        Inputs in = Inputs.random(spec, 4);
        Path out = folder.resolve("map.npz");
        Call.of("map", file(folder.resolve("in.npz"), in).toString(), "--causal", "--softcap", "5", "--alibi", "--key-lengths",
                "17,6", "--rows", "12,0,3-5", "--heads", "3,1", "--out", out.toString(), "--backend", backend).done();
        int[] rows = {12, 0, 3, 4, 5};
        int[] heads = {3, 1};
        try (ArraySource source = ArraySource.npz(out)) {
            Tensor map = source.floats("map");
            assertThat(map.shape()).containsExactly(2, 2, 5, 17);
            for (int b = 0; b < 2; b++) {
                for (int h = 0; h < 2; h++) {
                    for (int r = 0; r < 5; r++) {
                        compareRow(spec, in, map, b, heads[h], h, rows[r], r);
                    }
                }
            }
        }
    }

    /** Attention with one-hot values gives back the probabilities, one key for each element of out. */
    private static void compareRow(AttentionSpec spec, Inputs in, Tensor map, int b, int head, int h, int row, int r) {
        double sum = 0;
        for (int j = 0; j < spec.seqK(); j++) {
            Tensor v = Tensor.zeros(spec.kvShape());
            v.write(new float[] {1}, 0, (((long) b * 2 + head / 2) * spec.seqK() + j) * spec.headDim(), 1);
            Exact exact = j < 3 || j == row ? ReferenceAttention.forwardBackward(spec, in.q(), in.k(), v, null) : null;
            float p = map.get(b, h, r, j);
            sum += p;
            if (exact != null) {
                double expected = exact.out()[((b * 4 + head) * spec.seqQ() + row) * spec.headDim()];
                assertThat(Math.abs(p - expected)).as("entry %d head %d row %d key %d", b, head, row, j).isLessThan(1e-5);
            }
            if (!spec.visible(b, head, row, j)) {
                assertThat(p).isZero();
            }
        }
        assertThat(Math.abs(sum - 1)).isLessThan(1e-5);
    }

    @Test
    void picturesShowTheMap() throws IOException {
        AttentionSpec spec = AttentionSpec.builder(1, 2, 8, 8).causal().build();
        Path out = folder.resolve("map.PNG");
        Call.of("map", file(folder.resolve("in.npz"), Inputs.random(spec, 1)).toString(), "--causal", "--rows", "0-7", "--out",
                out.toString(), "--backend", "cpu").done();
        BufferedImage image = ImageIO.read(out.toFile());
        assertThat(image.getWidth()).isEqualTo(8 * 16);
        assertThat(image.getHeight()).isEqualTo(2 * 8 * 16 + 2);
        assertThat(image.getRGB(1, 1) & 0xFFFFFF).as("query 0 sees key 0 alone").isZero();
        assertThat(image.getRGB(100, 1) & 0xFFFFFF).as("and not key 6").isEqualTo(0xFFFFFF);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|',
            value = {"0-9 | there is no 9, they are 0..7", "5-3 | 5-3 runs backwards", "a | 'a' is neither a number nor a range",
                    "1,,2 | '' is neither"})
    void rowsThatAreNotThereAreRefused(String rows, String words) throws IOException {
        Path in = file(folder.resolve("in.npz"),
                Inputs.random(AttentionSpec.builder(1, 2, 8, 8).build(), new Random(1).nextLong()));
        Path out = folder.resolve("map.npz");
        Call.of("map", in.toString(), "--rows", rows, "--out", out.toString(), "--backend", "cpu").refused(Failure.USAGE, words);
        Call.of("map", in.toString(), "--rows", "0", "--heads", "2", "--out", out.toString(), "--backend", "cpu")
                .refused(Failure.USAGE, "there is no 2, they are 0..1");
        Call.of("map", in.toString(), "--rows", "0", "--out", folder.resolve("map.txt").toString(), "--backend", "cpu")
                .refused(Failure.USAGE, "must end with .npz or .png");
        assertThat(out).doesNotExist();
    }
}
