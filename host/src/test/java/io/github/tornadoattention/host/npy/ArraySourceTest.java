package io.github.tornadoattention.host.npy;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.Tensor;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that NumPy wrote (src/test/resources/npy, made once with numpy 2.4): every type, order and packing. */
class ArraySourceTest {
    @TempDir
    Path folder;

    private static Path resource(String name) {
        return Path.of(URI.create(ArraySourceTest.class.getResource("/npy/" + name).toString()));
    }

    /** (n - 7) / 4 for n = 0..23, of shape [2, 3, 4]. */
    private static void assertSeries(Tensor tensor) {
        assertThat(tensor.shape()).containsExactly(2, 3, 4);
        for (int n = 0; n < 24; n++) {
            assertThat(tensor.get(n / 12, n / 4 % 3, n % 4)).isEqualTo((n - 7) / 4f);
        }
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            stored.npz, half
            stored.npz, single
            stored.npz, double
            stored.npz, big
            stored.npz, big_half
            stored.npz, big_double
            stored.npz, fortran
            stored.npz, fortran_double
            deflated.npz, half
            deflated.npz, single
            deflated.npz, double
            deflated.npz, big
            deflated.npz, fortran
            """)
    void floatsOfEverySizeAndOrder(String file, String array) {
        try (ArraySource source = ArraySource.npz(resource(file))) {
            assertSeries(source.floats(array));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"single.npy", "version2.npy", "version3.npy"})
    void everyFormatVersion(String file) {
        try (ArraySource source = ArraySource.npy(Map.of("q", resource(file)))) {
            assertSeries(source.floats("q"));
        }
    }

    @Test
    void masks() {
        try (ArraySource source = ArraySource.npz(resource("deflated.npz"))) {
            assertThat(source.flags("mask")).containsExactly(0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1);
            assertThat(source.flags("mask_bool")).containsExactly(1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0);
            assertThat(source.flags("mask_fortran")).containsExactly(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0);
            assertThat(source.header("mask").type()).hasToString("uint8");
            assertThat(source.header("mask_bool").type()).hasToString("bool");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"lengths32", "lengths64", "lengths_big"})
    void lengths(String array) {
        try (ArraySource source = ArraySource.npz(resource("stored.npz"))) {
            assertThat(source.integers(array)).containsExactly(77, 40, 1);
        }
    }

    @Test
    void headersTellShapeAndType() {
        try (ArraySource source = ArraySource.npz(resource("stored.npz"))) {
            assertThat(source.names()).contains("half", "mask", "scalar").doesNotContain("half.npy");
            NpyHeader header = source.header("fortran");
            assertThat(header.shape()).containsExactly(2, 3, 4);
            assertThat(header.fortranOrder()).isTrue();
            assertThat(header.type()).hasToString("float32");
            assertThat(source.header("scalar").shape()).isEmpty();
            assertThat(source.floats("scalar").toArray()).containsExactly(2.5f);
        }
    }

    @Test
    void severalChunks() {
        try (ArraySource source = ArraySource.npz(NpyFiles.npz(folder.resolve("large.npz"), "q", NpyFiles.floats(300, 1001)))) {
            Tensor q = source.floats("q");
            for (int n : new int[] {0, 65_535, 65_536, 131_072, 300_299}) {
                assertThat(q.get(n / 1001, n % 1001)).isEqualTo((n * 37 % 101 - 50) / 40f);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"STORED", "DEFLATED"})
    void whatIsWrittenIsReadBack(NpzWriter.Packing packing) {
        float[] values = new float[70_000];
        for (int n = 0; n < values.length; n++) {
            values[n] = n % 1000 - 0.5f;
        }
        values[3] = Float.NEGATIVE_INFINITY;
        Map<String, Tensor> arrays = new LinkedHashMap<>();
        arrays.put("out", Tensor.of(values, 7, 100, 100));
        arrays.put("lse", Tensor.of(new float[] {1, 2, 3}, 3));
        Path file = folder.resolve("out.npz");
        try (OutputFile output = OutputFile.open(file)) {
            output.commit(out -> NpzWriter.write(out, arrays, packing));
        }
        try (ArraySource source = ArraySource.npz(file)) {
            assertThat(source.names()).containsExactly("out", "lse");
            assertThat(source.header("out").dataOffset() % 64).isZero();
            assertThat(source.floats("out").toArray()).containsExactly(values);
            assertThat(source.floats("lse").shape()).containsExactly(3);
        }
    }

    @Test
    void theSameArraysGiveTheSameBytes() throws Exception {
        Map<String, Tensor> arrays = Map.of("q", Tensor.of(new float[] {1, 2}, 2));
        byte[][] files = new byte[2][];
        for (int n = 0; n < 2; n++) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            NpzWriter.write(bytes, arrays, NpzWriter.Packing.DEFLATED);
            files[n] = bytes.toByteArray();
        }
        assertThat(files[0]).isEqualTo(files[1]);
    }
}
