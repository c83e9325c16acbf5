package io.github.tornadoattention.host.npy;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What the first bytes of an .npy array say, already compared with the number of bytes that follow. Format: NEP 1 and
 * {@code numpy.lib.format}, versions 1.0, 2.0 and 3.0.
 *
 * @param type the elements
 * @param fortranOrder whether the first index moves fastest
 * @param shape the lengths, outermost first; their product is below 2^31
 * @param dataOffset where the elements begin, in bytes from the start of the array's file
 */
public record NpyHeader(ElementType type, boolean fortranOrder, List<Integer> shape, long dataOffset) {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

    /** NumPy refuses headers beyond 10000 bytes unless told to trust them; plain arrays need about a hundred. */
    private static final int MAX_DICT_BYTES = 10_000;

    /** Copies the shape. */
    public NpyHeader {
        shape = List.copyOf(shape);
    }

    /** The number of elements. */
    public int elements() {
        int elements = 1;
        for (int length : shape) {
            elements *= length;
        }
        return elements;
    }

    /** The shape as an array. */
    public int[] dims() {
        return shape.stream().mapToInt(Integer::intValue).toArray();
    }

    /** The shape as people write it: {@code [2, 3]}. */
    public String shapeText() {
        return shape.stream().map(String::valueOf).collect(Collectors.joining(", ", "[", "]"));
    }

    /**
     * Reads a header and checks that the elements it announces are exactly the bytes that follow it. Allocates no more than the
     * header's own text, and that only once its length is known to be sensible.
     *
     * @param in stands at the first byte of the array; stands at the first element afterwards
     * @param length bytes of the whole array file, header included
     * @throws MalformedArrayException if it is no .npy array, is damaged, or announces something else than what follows
     */
    static NpyHeader read(InputStream in, long length) throws IOException {
        if (!Arrays.equals(in.readNBytes(MAGIC.length), MAGIC)) {
            throw new MalformedArrayException("is not an .npy array (it does not begin with \\x93NUMPY)");
        }
        if (length < MAGIC.length + 4) {
            throw new MalformedArrayException("is truncated: %d bytes are no header".formatted(length));
        }
        DataInputStream data = new DataInputStream(in);
        int major = data.readUnsignedByte();
        int minor = data.readUnsignedByte();
        if (major < 1 || major > 3 || minor != 0) {
            throw new MalformedArrayException(
                    "has format version %d.%d; 1.0, 2.0 and 3.0 are understood".formatted(major, minor));
        }
        int prefix = major == 1 ? MAGIC.length + 4 : MAGIC.length + 6;
        long dictBytes = major == 1
                ? Short.toUnsignedLong(Short.reverseBytes(data.readShort()))
                : Integer.toUnsignedLong(Integer.reverseBytes(data.readInt()));
        if (dictBytes > MAX_DICT_BYTES) {
            throw new MalformedArrayException(
                    "announces a header of %d bytes, at most %d are read".formatted(dictBytes, MAX_DICT_BYTES));
        }
        if (prefix + dictBytes > length) {
            throw new MalformedArrayException("is truncated: a header of %d bytes in %d".formatted(dictBytes, length));
        }
        byte[] text = new byte[(int) dictBytes];
        data.readFully(text);
        HeaderDict dict = HeaderDict.parse(new String(text, major == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1));
        NpyHeader header = new NpyHeader(ElementType.parse(dict.descr()), dict.fortranOrder(), lengths(dict.shape()),
                prefix + dictBytes);
        header.requireBytes(length - header.dataOffset);
        return header;
    }

    private static List<Integer> lengths(List<Long> shape) {
        long elements = 1;
        boolean empty = shape.contains(0L);
        for (long length : shape) {
            boolean fits = length <= Integer.MAX_VALUE && (empty || elements * length <= Integer.MAX_VALUE);
            if (!fits) {
                throw new MalformedArrayException("has shape %s: 2^31 elements or more, which is too many".formatted(shape));
            }
            elements = empty ? 0 : elements * length;
        }
        return shape.stream().map(Long::intValue).toList();
    }

    private void requireBytes(long present) {
        long announced = (long) elements() * type.bytes();
        if (announced != present) {
            throw new MalformedArrayException("%s: shape %s of %s needs %d bytes, there are %d".formatted(
                    announced > present ? "is truncated" : "has bytes left over", shapeText(), type, announced, present));
        }
    }
}
