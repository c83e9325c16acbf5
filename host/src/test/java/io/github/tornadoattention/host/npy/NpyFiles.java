package io.github.tornadoattention.host.npy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Makes .npy bytes and .npz files for tests, sound ones and such as an attacker or a broken disk would. */
public final class NpyFiles {
    private NpyFiles() {}

    /** An .npy of format 1.0 with this dict and these bytes after it. */
    public static byte[] raw(String dict, byte[] data) {
        return raw(1, dict.length(), dict, data);
    }

    /** An .npy of a given format version that announces a header of a given length. */
    public static byte[] raw(int version, int headerLength, String dict, byte[] data) {
        ByteBuffer bytes = ByteBuffer.allocate(12 + dict.length() + data.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
        if (version == 1) {
            bytes.putShort((short) headerLength);
        } else {
            bytes.putInt(headerLength);
        }
        bytes.put(dict.getBytes(StandardCharsets.ISO_8859_1)).put(data);
        byte[] whole = new byte[bytes.position()];
        bytes.flip().get(whole);
        return whole;
    }

    /** The dict of an array in row-major order. */
    public static String dict(String descr, String shape) {
        return "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n".formatted(descr, shape);
    }

    /** float32 values of the given shape, all numbers small and different. */
    public static byte[] floats(int... shape) {
        int size = 1;
        StringBuilder text = new StringBuilder();
        for (int length : shape) {
            size *= length;
            text.append(length).append(", ");
        }
        ByteBuffer data = ByteBuffer.allocate(4 * size).order(ByteOrder.LITTLE_ENDIAN);
        for (int n = 0; n < size; n++) {
            data.putFloat((n * 37 % 101 - 50) / 40f);
        }
        return raw(dict("<f4", "(" + text + ")"), data.array());
    }

    /** float32 values of a shape written as in Python. */
    public static byte[] floats(String shape, float... values) {
        ByteBuffer data = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            data.putFloat(value);
        }
        return raw(dict("<f4", shape), data.array());
    }

    /** A one-dimensional array of int32. */
    public static byte[] ints(int... values) {
        ByteBuffer data = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int value : values) {
            data.putInt(value);
        }
        return raw(dict("<i4", "(" + values.length + ",)"), data.array());
    }

    /** A zip of the given arrays. */
    public static byte[] zip(Map<String, byte[]> arrays) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            for (Map.Entry<String, byte[]> array : arrays.entrySet()) {
                zip.putNextEntry(new ZipEntry(array.getKey() + ".npy"));
                zip.write(array.getValue());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** Writes an .npz of the given names and arrays. */
    public static Path npz(Path file, Object... namesAndArrays) {
        Map<String, byte[]> arrays = new LinkedHashMap<>();
        for (int n = 0; n < namesAndArrays.length; n += 2) {
            arrays.put((String) namesAndArrays[n], (byte[]) namesAndArrays[n + 1]);
        }
        return write(file, zip(arrays));
    }

    /** Writes bytes. */
    public static Path write(Path file, byte[] bytes) {
        try {
            return Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
