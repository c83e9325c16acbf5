package io.github.tornadoattention.host.npy;

import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipException;

/**
 * Named arrays in a file or several. Headers are read first and cheaply, so that a caller can refuse shapes before any data is
 * read; arrays that nobody asks for are never looked at. Every failure is a {@link UsageException} that names file and array.
 */
public abstract sealed class ArraySource implements Closeable permits NpzSource, NpySource {
    /** The bytes of one array file and what is known about them: {@code crc} is -1 if no checksum was stored. */
    record Content(InputStream in, long length, long crc) implements Closeable {
        @Override
        public void close() throws IOException {
            in.close();
        }
    }

    /** What is done with the bytes of an array once its header has been read and checked. */
    private interface Decoder<T> {
        T decode(InputStream in, NpyHeader header) throws IOException;
    }

    /**
     * The arrays of an .npz file, as {@code np.savez} and {@code np.savez_compressed} write it.
     *
     * @throws UsageException if it is missing, no zip, truncated or encrypted
     */
    public static ArraySource npz(Path file) {
        return NpzSource.open(file);
    }

    /**
     * One .npy file for each array.
     *
     * @param files names of arrays and where each one is
     */
    public static ArraySource npy(Map<String, Path> files) {
        return new NpySource(files);
    }

    /** The names of the arrays, in the order of the file. */
    public abstract Set<String> names();

    /** The array as errors call it: {@code array 'q' of in.npz}. */
    public abstract String label(String name);

    /** The bytes of one array. */
    abstract Content open(String name) throws IOException;

    /** Closes the file. Errors of closing a file that was only read mean nothing to anybody. */
    @Override
    public void close() {}

    /** Whether there is an array of this name. */
    public final boolean has(String name) {
        return names().contains(name);
    }

    /**
     * Type and shape of an array, compared with the bytes that are there.
     *
     * @throws UsageException if there is no such array, or it is damaged, truncated or of no supported type
     */
    public final NpyHeader header(String name) {
        return read(name, false, (in, header) -> header);
    }

    /**
     * An array of float16, float32 or float64 as float32 in row-major order, read straight into off-heap memory.
     *
     * @throws UsageException as {@link #header}, and if it holds no floats, is empty, or a float64 does not fit float32
     */
    public final Tensor floats(String name) {
        return read(name, true, Elements::floats);
    }

    /**
     * An array of int32 or int64 in row-major order.
     *
     * @throws UsageException as {@link #header}, and if it has another type or a value does not fit 32 bits
     */
    public final int[] integers(String name) {
        return read(name, true, Elements::integers);
    }

    /**
     * An array of uint8 or bool in row-major order.
     *
     * @throws UsageException as {@link #header}, and if it has another type
     */
    public final byte[] flags(String name) {
        return read(name, true, Elements::flags);
    }

    private <T> T read(String name, boolean whole, Decoder<T> decoder) {
        if (!has(name)) {
            throw new UsageException("%s is missing (present: %s)".formatted(label(name), String.join(", ", names())));
        }
        try (Content content = open(name)) {
            CRC32 crc = new CRC32();
            InputStream in = new CheckedInputStream(content.in, crc);
            T result = decoder.decode(in, NpyHeader.read(in, content.length));
            if (whole) {
                requireEnd(in, content, crc);
            }
            return result;
        } catch (MalformedArrayException e) {
            throw new UsageException(label(name) + " " + e.getMessage(), e);
        } catch (EOFException e) {
            throw new UsageException(label(name) + " is truncated", e);
        } catch (ZipException e) {
            throw new UsageException("%s is damaged: %s".formatted(label(name), e.getMessage()), e);
        } catch (IOException e) {
            throw new UsageException("%s cannot be read: %s".formatted(label(name), e.getMessage()), e);
        }
    }

    private static void requireEnd(InputStream in, Content content, CRC32 crc) throws IOException {
        if (in.read() != -1) {
            throw new MalformedArrayException("has more bytes than its file says");
        }
        if (content.crc != -1 && content.crc != crc.getValue()) {
            throw new MalformedArrayException("is damaged: its checksum does not match");
        }
    }
}
