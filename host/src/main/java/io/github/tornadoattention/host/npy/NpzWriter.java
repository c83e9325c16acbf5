package io.github.tornadoattention.host.npy;

import io.github.tornadoattention.host.Tensor;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.zip.CRC32;
import java.util.zip.CheckedOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Writes float32 arrays as {@code np.load} reads them. The same arrays give the same bytes. */
public final class NpzWriter {
    private static final int CHUNK_BYTES = 1 << 16;
    private static final int ALIGNMENT = 64;
    private static final LocalDateTime NO_DATE = LocalDateTime.of(1980, 1, 1, 0, 0);

    private NpzWriter() {}

    /** How the arrays are packed. */
    public enum Packing {
        /** As they are, like {@code np.savez}: fast, and floats hardly shrink. */
        STORED,
        /** Deflated, like {@code np.savez_compressed}. */
        DEFLATED
    }

    /**
     * Writes an .npz.
     *
     * @param arrays names and values, in the order in which they are to stand in the file
     */
    public static void write(OutputStream out, Map<String, Tensor> arrays, Packing packing) throws IOException {
        ZipOutputStream zip = new ZipOutputStream(out);
        for (Map.Entry<String, Tensor> array : arrays.entrySet()) {
            ZipEntry entry = new ZipEntry(array.getKey() + ".npy");
            entry.setTimeLocal(NO_DATE);
            if (packing == Packing.STORED) {
                // a stored entry states size and checksum before its bytes
                CheckedOutputStream dry = new CheckedOutputStream(OutputStream.nullOutputStream(), new CRC32());
                long bytes = writeArray(dry, array.getValue());
                entry.setMethod(ZipEntry.STORED);
                entry.setSize(bytes);
                entry.setCrc(dry.getChecksum().getValue());
            }
            zip.putNextEntry(entry);
            writeArray(zip, array.getValue());
            zip.closeEntry();
        }
        zip.finish();
    }

    /**
     * Writes one array as an .npy file, format 1.0, row-major, {@code <f4}.
     *
     * @return the bytes written
     */
    public static long writeArray(OutputStream out, Tensor tensor) throws IOException {
        byte[] header = header(tensor.shape());
        out.write(header);
        MemorySegment from = tensor.segment();
        byte[] chunk = new byte[CHUNK_BYTES];
        ValueLayout.OfFloat file = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        for (long at = 0; at < from.byteSize(); at += CHUNK_BYTES) {
            int bytes = (int) Math.min(CHUNK_BYTES, from.byteSize() - at);
            MemorySegment.copy(from, ValueLayout.JAVA_FLOAT_UNALIGNED, at, MemorySegment.ofArray(chunk), file, 0,
                    bytes / Float.BYTES);
            out.write(chunk, 0, bytes);
        }
        return header.length + from.byteSize();
    }

    private static byte[] header(int[] shape) {
        String lengths = Arrays.stream(shape).mapToObj(String::valueOf).collect(Collectors.joining(", "));
        String dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s%s), }".formatted(lengths,
                shape.length == 1 ? "," : "");
        int prefix = 10;
        int total = Math.ceilDiv(prefix + dict.length() + 1, ALIGNMENT) * ALIGNMENT;
        int rest = total - prefix;
        byte[] header = Arrays.copyOf(
                new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) rest, (byte) (rest >> 8)}, total);
        Arrays.fill(header, prefix, total, (byte) ' ');
        System.arraycopy(dict.getBytes(StandardCharsets.US_ASCII), 0, header, prefix, dict.length());
        header[total - 1] = '\n';
        return header;
    }
}
