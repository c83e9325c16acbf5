package io.github.tornadoattention.host.npy;

import static io.github.tornadoattention.host.npy.NpyFiles.dict;
import static io.github.tornadoattention.host.npy.NpyFiles.raw;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.tornadoattention.host.UsageException;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every way in which a file can lie or be broken: refused in one line that names file and array, nothing allocated for it. */
class HostileFilesTest {
    @TempDir
    Path folder;

    private void assertRefused(byte[] array, String... words) {
        Path file = NpyFiles.npz(folder.resolve("in.npz"), "q", array);
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(() -> {
                    try (ArraySource source = ArraySource.npz(file)) {
                        source.floats("q");
                    }
                })
                .withMessageContainingAll("array 'q' of", "in.npz")
                .withMessageContainingAll(words)
                .satisfies(e -> assertThat(e.getMessage().lines()).hasSize(1));
    }

    private void assertFileRefused(byte[] bytes, String words) {
        Path file = NpyFiles.write(folder.resolve("in.npz"), bytes);
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(() -> ArraySource.npz(file))
                .withMessageContainingAll("in.npz", words);
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " | ", quoteCharacter = '`', textBlock = """
            {'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}   | unknown key 'x'
            {'descr': '<f4', 'fortran_order': False}                          | key 'shape' is missing
            {'descr': '<f4', 'descr': '<f4', 'shape': (2,)}                   | key 'descr' twice
            {'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}               | True or False is missing
            {'descr': '<f4', 'fortran_order': False, 'shape': [2]}            | '(' is missing
            {'descr': '<f4', 'fortran_order': False, 'shape': (2)}            | no tuple
            {'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}          | no whole number
            {'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}          | comma
            {'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)} | 20 digits
            {'descr': '<f4', 'fortran_order': False, 'shape': (2,)            | '}' is missing
            {'descr': '<f4', 'fortran_order': False, 'shape': (2,)} + f()     | text after the dict
            __import__('os').system('true')                                   | '{' is missing
            {'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,)}  | structured dtype
            {'descr': '|O', 'fortran_order': False, 'shape': (2,)}            | pickled Python objects
            {'descr': '<c8', 'fortran_order': False, 'shape': (2,)}           | dtype '<c8' is not supported
            {'descr': '<f16', 'fortran_order': False, 'shape': (2,)}          | dtype '<f16' is not supported
            {'descr': '<f\\x34', 'fortran_order': False, 'shape': (2,)}       | escapes
            {'descr': '<f4                                                    | does not end
            {'descr': '', 'fortran_order': False, 'shape': (2,)}              | dtype '' is not understood
            {'descr': '<i4', 'fortran_order': False, 'shape': (2,)}           | has dtype int32, must be float16
            {'descr': '<f4', 'fortran_order': False, 'shape': (3,)}           | is truncated: shape [3] of float32 needs 12
            {'descr': '<f4', 'fortran_order': False, 'shape': (1,)}           | bytes left over
            {'descr': '<f4', 'fortran_order': False, 'shape': (65536, 32768)} | 2^31 elements or more
            {'descr': '<f4', 'fortran_order': False, 'shape': (65536, 65536, 65536, 65536)} | 2^31 elements or more
            {'descr': '<f4', 'fortran_order': False, 'shape': (2147483647,)}  | needs 8589934588 bytes, there are 8
            """)
    void damagedHeader(String header, String words) {
        assertRefused(raw(header, new byte[8]), words);
    }

    @Test
    void emptyArray() {
        assertRefused(raw(dict("<f4", "(1, 0, 4)"), new byte[0]), "is empty: shape [1, 0, 4]");
    }

    @Test
    void headerLongerThanItsFile() {
        assertRefused(raw(2, Integer.MAX_VALUE, "{", new byte[0]), "header of 2147483647 bytes");
        assertRefused(raw(2, -1, "{", new byte[0]), "header of 4294967295 bytes");
        assertRefused(raw(1, 5000, "{", new byte[0]), "is truncated");
    }

    @Test
    void noArrayAtAll() {
        assertRefused(new byte[0], "is not an .npy array");
        assertRefused("\u0093NUMPY".getBytes(StandardCharsets.ISO_8859_1), "is truncated");
        assertRefused("a text that is no array".getBytes(StandardCharsets.US_ASCII), "is not an .npy array");
        assertRefused(raw(9, 2, "{}", new byte[0]), "has format version 9.0");
    }

    @Test
    void tooManyDimensions() {
        assertRefused(raw(dict("<f4", "(" + "1, ".repeat(65) + ")"), new byte[4]), "more than 64 dimensions");
    }

    @Test
    void float64BeyondFloat32() {
        byte[] data = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putDouble(1).putDouble(1e300).array();
        assertRefused(raw(dict("<f8", "(2,)"), data), "1.0E300 at element 1", "does not fit float32");
    }

    @Test
    void pickledObjectsAndOtherDtypesOfNumpy() {
        Path file = Path.of(URI.create(HostileFilesTest.class.getResource("/npy/objects.npz").toString()));
        try (ArraySource source = ArraySource.npz(file)) {
            Map<String, String> reasons = Map.of(
                    "q", "pickled Python objects", "record", "structured dtype", "text", "'<U2'", "complex", "'<c8'");
            for (Map.Entry<String, String> expected : reasons.entrySet()) {
                assertThatExceptionOfType(UsageException.class)
                        .isThrownBy(() -> source.header(expected.getKey()))
                        .withMessageContainingAll("array '" + expected.getKey() + "' of", expected.getValue());
            }
        }
    }

    @Test
    void missingArray() {
        Path file = NpyFiles.npz(folder.resolve("in.npz"), "q", NpyFiles.floats(2), "key", NpyFiles.floats(2));
        try (ArraySource source = ArraySource.npz(file)) {
            assertThatExceptionOfType(UsageException.class).isThrownBy(() -> source.floats("k"))
                    .withMessageContainingAll("array 'k' of", "is missing (present: q, key)");
        }
    }

    @Test
    void noZip() {
        assertFileRefused("hello".getBytes(StandardCharsets.US_ASCII), "is not a zip file");
        assertFileRefused(new byte[0], "is empty");
        assertFileRefused(NpyFiles.floats(2), "is a single array (.npy)");
    }

    @Test
    void truncatedAnywhere() {
        byte[] whole = NpyFiles.zip(Map.of("q", NpyFiles.floats(100)));
        for (int length = 4; length < whole.length; length += 7) {
            assertFileRefused(Arrays.copyOf(whole, length), "truncated or damaged");
        }
    }

    @Test
    void anyFlippedByteIsNoticedOrHarmless() {
        byte[] whole = NpyFiles.zip(Map.of("q", NpyFiles.floats(64)));
        float[] values = new float[64];
        for (int n = 0; n < values.length; n++) {
            values[n] = (n * 37 % 101 - 50) / 40f;
        }
        for (int at = 0; at < whole.length; at++) {
            byte[] damaged = whole.clone();
            damaged[at] ^= 0x15;
            Path file = NpyFiles.write(folder.resolve("in.npz"), damaged);
            try (ArraySource source = ArraySource.npz(file)) {
                // what still reads (a date was hit, or a name in the local header) must read the same
                assertThat(source.floats("q").toArray()).containsExactly(values);
            } catch (UsageException e) {
                assertThat(e.getMessage()).contains("in.npz");
            }
        }
    }

    @Test
    void aHeaderThatClaimsMoreThanDeflateCanHold() {
        byte[] whole = NpyFiles.zip(Map.of("q", raw(dict("<f4", "(1, 4, 100000, 1000)"), new byte[0])));
        // the central directory's uncompressed size, at offset 24 of the record that begins PK\1\2
        int record = indexOf(whole, new byte[] {'P', 'K', 1, 2});
        ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).putInt(record + 24, 1_600_000_070);
        Path file = NpyFiles.write(folder.resolve("in.npz"), whole);
        try (ArraySource source = ArraySource.npz(file)) {
            assertThatExceptionOfType(UsageException.class).isThrownBy(() -> source.header("q"))
                    .withMessageContainingAll("claims to unpack to 1600000070 bytes");
        }
    }

    @Test
    void aStreamLongerThanItsEntrySays() {
        byte[] array = NpyFiles.floats(10);
        byte[] whole = NpyFiles.zip(Map.of("q", Arrays.copyOf(array, array.length + 5000)));
        int record = indexOf(whole, new byte[] {'P', 'K', 1, 2});
        ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).putInt(record + 24, array.length);
        Path file = NpyFiles.write(folder.resolve("in.npz"), whole);
        try (ArraySource source = ArraySource.npz(file)) {
            assertThatExceptionOfType(UsageException.class).isThrownBy(() -> source.floats("q")).withMessageContaining("in.npz");
        }
    }

    @Test
    void integersThatAreNone() {
        Path file = NpyFiles.npz(folder.resolve("in.npz"),
                "wide", raw(dict("<i8", "(1,)"), ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(1L << 40).array()),
                "floats", NpyFiles.floats(1));
        try (ArraySource source = ArraySource.npz(file)) {
            assertThatExceptionOfType(UsageException.class).isThrownBy(() -> source.integers("wide"))
                    .withMessageContaining("1099511627776 at element 0, which is too large");
            assertThatExceptionOfType(UsageException.class).isThrownBy(() -> source.integers("floats"))
                    .withMessageContaining("has dtype float32, must be int32 or int64");
            assertThatExceptionOfType(UsageException.class).isThrownBy(() -> source.flags("floats"))
                    .withMessageContaining("has dtype float32, must be uint8 or bool");
        }
    }

    @Test
    void foldersAndMissingFiles() {
        assertThatExceptionOfType(UsageException.class).isThrownBy(() -> ArraySource.npz(folder))
                .withMessageContaining("is a folder");
        assertThatExceptionOfType(UsageException.class).isThrownBy(() -> ArraySource.npz(folder.resolve("none.npz")))
                .withMessageContaining("none.npz: no such file");
    }

    @Test
    void outputThatCannotBeWritten() throws Exception {
        Path file = Files.writeString(folder.resolve("plain"), "x");
        for (Path bad : new Path[] {folder, file.resolve("out.npz"), folder.resolve("missing/out.npz"), Path.of("/dev/null")}) {
            assertThatExceptionOfType(UsageException.class).isThrownBy(() -> OutputFile.open(bad))
                    .withMessageContaining("cannot write " + bad);
        }
    }

    @Test
    void aFailureLeavesTheOldFileAndNothingElse() throws Exception {
        Path target = Files.writeString(folder.resolve("out.npz"), "old");
        try (OutputFile output = OutputFile.open(target)) {
            assertThatExceptionOfType(UsageException.class)
                    .isThrownBy(() -> output.commit(out -> {
                        out.write(1);
                        throw new IOException("disk full");
                    }))
                    .withMessageContaining("disk full");
        }
        try (OutputFile abandoned = OutputFile.open(target)) {
            assertThat(abandoned).isNotNull();
        }
        assertThat(target).hasContent("old");
        try (var files = Files.list(folder)) {
            assertThat(files).containsExactly(target);
        }
    }

    private static int indexOf(byte[] bytes, byte[] wanted) {
        for (int at = 0; at < bytes.length; at++) {
            if (Arrays.equals(bytes, at, at + wanted.length, wanted, 0, wanted.length)) {
                return at;
            }
        }
        throw new AssertionError("not found");
    }
}
