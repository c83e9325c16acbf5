package io.github.tornadoattention.host.cli;

import static io.github.tornadoattention.host.npy.NpyFiles.dict;
import static io.github.tornadoattention.host.npy.NpyFiles.floats;
import static io.github.tornadoattention.host.npy.NpyFiles.ints;
import static io.github.tornadoattention.host.npy.NpyFiles.raw;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.launch.FakeSdk;
import io.github.tornadoattention.host.npy.NpyFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every wrong input: one clear line, the right exit code, no partial output. */
class BadInputTest {
    @TempDir
    Path folder;

    /** Runs, and requires exit code 2, one line with these words, and no file but the input. */
    private void assertRefused(Path file, List<String> flags, String... words) {
        List<String> args = new ArrayList<>(
                List.of("run", file.toString(), "--backend", "cpu", "--out", folder.resolve("out.npz").toString()));
        args.addAll(flags);
        List<Path> before = files();
        Call.of(args.toArray(String[]::new)).refused(Failure.USAGE, words);
        assertThat(files()).isEqualTo(before);
    }

    private void assertRefused(byte[] q, byte[] k, byte[] v, String... words) {
        assertRefused(NpyFiles.npz(folder.resolve("in.npz"), "q", q, "k", k, "v", v), List.of(), words);
    }

    private List<Path> files() {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private Path sound() {
        return NpyFiles.npz(folder.resolve("in.npz"), "q", floats(2, 4, 3, 8), "k", floats(2, 2, 5, 8), "v", floats(2, 2, 5, 8));
    }

    @Test
    void soundInputIsAccepted() {
        Call.of("run", sound().toString(), "--backend", "cpu", "--out", folder.resolve("out.npz").toString()).done();
        assertThat(files()).containsExactly(folder.resolve("in.npz"), folder.resolve("out.npz"));
    }

    @Test
    void noZip() {
        assertRefused(NpyFiles.write(folder.resolve("in.npz"), "hello".getBytes(StandardCharsets.UTF_8)), List.of(),
                "in.npz is not a zip file");
    }

    @Test
    void missingFile() {
        assertRefused(folder.resolve("in.npz"), List.of(), "in.npz: no such file");
    }

    @Test
    void truncated() throws IOException {
        byte[] whole = Files.readAllBytes(sound());
        assertRefused(NpyFiles.write(folder.resolve("in.npz"), Arrays.copyOf(whole, whole.length - 30)), List.of(),
                "in.npz is a truncated or damaged zip file");
    }

    @Test
    void pickledObjects() {
        assertRefused(raw(dict("|O", "(1, 1, 1, 1)"), new byte[20]), floats(1, 1, 1, 1), floats(1, 1, 1, 1),
                "array 'q' of", "in.npz", "pickled Python objects");
    }

    @Test
    void wrongRank() {
        assertRefused(floats(3, 8), floats(3, 8), floats(3, 8), "array 'q' of", "has shape [3, 8], must have 4 dimensions");
    }

    @Test
    void wrongType() {
        byte[] integers = raw(dict("<i4", "(1, 1, 2, 4)"), new byte[32]);
        assertRefused(integers, floats(1, 1, 2, 4), floats(1, 1, 2, 4), "array 'q' of",
                "has dtype int32, must be float16, float32 or float64");
    }

    @Test
    void missingArrays() {
        for (String missing : new String[] {"q", "k", "v"}) {
            List<Object> arrays = new ArrayList<>();
            for (String name : new String[] {"q", "k", "v"}) {
                arrays.add(name.equals(missing) ? "other" : name);
                arrays.add(floats(1, 1, 2, 4));
            }
            assertRefused(NpyFiles.npz(folder.resolve("in.npz"), arrays.toArray()), List.of(), "array '" + missing + "' of",
                    "is missing (present: ");
        }
    }

    @Test
    void shapesThatDisagree() {
        assertRefused(floats(1, 2, 3, 8), floats(2, 2, 5, 8), floats(2, 2, 5, 8), "[1, 2, 3, 8]", "[2, 2, 5, 8]",
                "their batch sizes differ");
        assertRefused(floats(1, 2, 3, 8), floats(1, 2, 5, 4), floats(1, 2, 5, 4), "their head dims differ");
        assertRefused(floats(1, 2, 3, 8), floats(1, 2, 5, 8), floats(1, 2, 6, 8), "array 'v' of",
                "[1, 2, 6, 8], must be that of k, [1, 2, 5, 8]");
        Path file = NpyFiles.npz(folder.resolve("in.npz"), "q", floats(1, 2, 3, 8), "k", floats(1, 2, 5, 8), "v",
                floats(1, 2, 5, 8),
                "dout", floats(1, 2, 5, 8));
        assertRefused(file, List.of(), "array 'dout' of", "must be that of q, [1, 2, 3, 8]");
    }

    @Test
    void zeroLengths() {
        byte[] empty = raw(dict("<f4", "(1, 2, 0, 8)"), new byte[0]);
        assertRefused(empty, floats(1, 2, 5, 8), floats(1, 2, 5, 8), "seqQ is 0, must be at least 1");
        assertRefused(floats(1, 2, 3, 8), empty, empty, "seqK is 0, must be at least 1");
    }

    @Test
    void headsThatAreNoMultiple() {
        assertRefused(floats(1, 4, 3, 8), floats(1, 3, 3, 8), floats(1, 3, 3, 8), "heads 4 is not a multiple of kvHeads 3");
    }

    @Test
    void headDimBeyond256() {
        assertRefused(floats(1, 1, 2, 257), floats(1, 1, 2, 257), floats(1, 1, 2, 257), "headDim is 257, must be 1..256");
    }

    @Test
    void sizesBeyond2To31() {
        byte[] huge = raw(dict("<f4", "(1024, 64, 4096, 64)"), new byte[16]);
        assertRefused(huge, huge, huge, "array 'q' of", "[1024, 64, 4096, 64]", "2^31 elements or more");
    }

    @Test
    void hostileShape() {
        byte[] huge = raw(dict("<f4", "(1, 8, 1000000, 256)"), new byte[16]);
        assertRefused(huge, huge, huge,
                "is truncated: shape [1, 8, 1000000, 256] of float32 needs 8192000000 bytes, there are 16");
    }

    @Test
    void keyLengths() {
        assertRefused(sound(), List.of("--key-lengths", "3,-1"), "key length -1 of batch entry 1 is outside 0..5");
        assertRefused(sound(), List.of("--key-lengths", "3,6"), "key length 6 of batch entry 1 is outside 0..5");
        assertRefused(sound(), List.of("--key-lengths", "3"), "1 key lengths for a batch of 2");
        assertRefused(sound(), List.of("--key-lengths", "3,x"), "--key-lengths", "'3,x' is no list of whole numbers");
        Path file = NpyFiles.npz(folder.resolve("in.npz"), "q", floats(2, 1, 3, 8), "k", floats(2, 1, 5, 8), "v",
                floats(2, 1, 5, 8),
                "key_lengths", ints(5, 4));
        assertRefused(file, List.of("--key-lengths", "5,3"), "key lengths [5, 3] are asked for", "holds [5, 4]");
        Call.of("run", file.toString(), "--backend", "cpu", "--key-lengths", "5,4").done();
    }

    @Test
    void blockMasks() {
        byte[] mask = raw(dict("|u1", "(2, 2)"), new byte[] {1, 0, 2, 1});
        Path file = NpyFiles.npz(folder.resolve("in.npz"), "q", floats(1, 1, 4, 8), "k", floats(1, 1, 4, 8), "v",
                floats(1, 1, 4, 8),
                "block_mask", mask);
        assertRefused(file, List.of(), "array 'block_mask' of", "needs --block-size");
        assertRefused(file, List.of("--block-size", "2"), "array 'block_mask' of", "entry [0, 1, 0] is 2, only 0 and 1");
        Path small = NpyFiles.npz(folder.resolve("in.npz"), "q", floats(1, 1, 4, 8), "k", floats(1, 1, 4, 8), "v",
                floats(1, 1, 4, 8), "block_mask", raw(dict("|u1", "(2, 1)"), new byte[] {1, 0}));
        assertRefused(small, List.of("--block-size", "2"), "array 'block_mask' of", "has 2 x 1 blocks", "need 2 x 2");
        NpyFiles.npz(folder.resolve("in.npz"), "q", floats(1, 1, 4, 8), "k", floats(1, 1, 4, 8), "v",
                floats(1, 1, 4, 8), "block_mask", mask);
        assertRefused(file, List.of("--block-size", "0"), "--block-size is 0");
        assertRefused(sound(), List.of("--block-size", "2"), "a block size is given, but array 'block_mask'", "is missing");
    }

    @Test
    void masksAndBiases() {
        assertRefused(with("mask", floats(2, 1, 3, 5)), List.of(), "array 'mask' of", "uint8");
        assertRefused(with("bias", ints(1, 2)), List.of(), "array 'bias' of", "must have 4 dimensions");
        assertRefused(with("bias", floats(2, 1, 3, 4)), List.of(), "array 'bias' of",
                "bias has shape [2, 1, 3, 4], must be [2, 4, 3, 5] or 1 in place of any of these");
        Call.of("run", with("bias", floats(2, 1, 3, 5)).toString(), "--backend", "cpu").done();
    }

    private Path with(String name, byte[] array) {
        return NpyFiles.npz(folder.resolve("in.npz"), "q", floats(2, 4, 3, 8), "k", floats(2, 2, 5, 8), "v",
                floats(2, 2, 5, 8), name, array);
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " | ", quoteCharacter = '`', textBlock = """
            --scale NaN         | scale is NaN
            --scale x           | '--scale': 'x' is not a double
            --softcap -1        | softcap is -1.0
            --window 3          | --window has 1 numbers
            --window -2,0       | window left is -2
            --causal=left       | 'left' is neither bottom-right nor top-left
            --causal top-left   | write --causal=top-left, with =
            --algorithm fast    | 'fast'
            --dtype int8        | --dtype int8 is unknown
            --dropout 0.1 --dropout-offset 4294967296 | --dropout-offset is 4294967296, must be 0..4294967295
            --dropout 0.1 --dropout-offset -1 | --dropout-offset is -1, must be 0..4294967295
            --dropout 1         | --dropout is 1.0, must be at least 0 and below 1
            --seed 3            | --seed means nothing without --dropout
            --layout nhbd       | 'nhbd'
            --frobnicate        | Unknown option: '--frobnicate'
            --window 1,2 --window 1,2 | should be specified only once
            """)
    void flags(String flags, String words) {
        assertRefused(sound(), List.of(flags.split(" ")), words);
    }

    @Test
    void outputThatCannotBeWritten() {
        Path input = sound();
        for (String output : new String[] {folder.toString(), input + "/out.npz", folder.resolve("none/out.npz").toString(),
                "/dev/null"}) {
            Call.of("run", input.toString(), "--backend", "cpu", "--out", output)
                    .refused(Failure.USAGE, "cannot write " + output);
        }
        Call.of("run", input.toString(), "--backend", "cpu", "--out", input.toString())
                .refused(Failure.USAGE, "--out", "is an input");
        assertThat(files()).containsExactly(input);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpu", "tornado:x", "tornado:0", "CPU", ""})
    void unknownBackend(String backend) {
        Call.of("run", sound().toString(), "--backend", backend)
                .refused(Failure.UNAVAILABLE, "no backend '" + backend + "'", "known are");
    }

    @Test
    void missingDevice() {
        Call.of("run", sound().toString(), "--backend", "tornado:7:9").refused(Failure.UNAVAILABLE, "tornado:7:9");
        Call.of("demo", "--backend", "tornado").refused(Failure.UNAVAILABLE, "'tornado'", "TORNADOVM_HOME");
    }

    @Test
    void noInputOrTwo() {
        Call.of("run").refused(Failure.USAGE, "no input");
        Call.of("run", sound().toString(), "--q", "q.npy").refused(Failure.USAGE, "not both");
        Call.of("run", "--q", NpyFiles.write(folder.resolve("q.npy"), floats(1, 1, 2, 4)).toString(), "--backend", "cpu")
                .refused(Failure.USAGE, "array 'k' is missing (present: q)");
    }

    @Test
    void commands() {
        Call.of().refused(Failure.USAGE, "a command is missing");
        Call.of("dance").refused(Failure.USAGE, "'dance'");
        Call.of("verify").refused(Failure.USAGE, "DIR");
    }

    @Test
    void stackTracesOnlyIfAskedFor() {
        Call call = Call.of("run", "none.npz", "--verbose");
        assertThat(call.exitCode()).isEqualTo(Failure.USAGE);
        assertThat(call.err()).startsWith("attention: none.npz: no such file").contains("UsageException", "\tat ");
        assertThat(Call.of("--verbose", "run", "none.npz").err()).contains("\tat ");
    }

    @Test
    void aWrongSdkIsExplained() {
        Call call = Call.of(Map.of("TORNADOVM_HOME", folder.resolve("none").toString()), "doctor");
        assertThat(call.exitCode()).isEqualTo(Failure.CHECK_FAILED);
        assertThat(call.out()).contains("problem  TORNADOVM_HOME=" + folder.resolve("none") + ": no such folder",
                "1 problem found");
    }

    @Test
    void anSdkWhoseApiCannotBeReadIsExplained() {
        Call call = Call.of(Map.of("TORNADOVM_HOME", FakeSdk.in(folder.resolve("sdk")).toString()), "doctor");
        assertThat(call.exitCode()).isEqualTo(Failure.CHECK_FAILED);
        assertThat(call.out()).contains("ok       TornadoVM 5.2.0-jdk25 at " + folder.resolve("sdk") + ", drivers: opencl")
                .containsPattern("problem  .*tornado-api-5.2.0-jdk25.jar cannot be read");
    }
}
