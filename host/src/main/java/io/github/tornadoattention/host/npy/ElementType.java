package io.github.tornadoattention.host.npy;

import java.nio.ByteOrder;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * NumPy's description of one array element, as {@code <f4}: byte order, kind, size.
 *
 * @param kind what the bytes mean
 * @param bytes size of one element in bytes
 * @param order byte order; native where it does not matter
 */
public record ElementType(Kind kind, int bytes, ByteOrder order) {
    private static final Pattern DESCR = Pattern.compile("([<>|=])([A-Za-z])(\\d{0,6})");

    /** What the bytes of an element mean. */
    public enum Kind {
        /** IEEE 754 of 2, 4 or 8 bytes. */
        FLOAT("float"),
        /** Two's complement of 1, 2, 4 or 8 bytes. */
        SIGNED("int"),
        /** Without sign, 1, 2, 4 or 8 bytes. */
        UNSIGNED("uint"),
        /** One byte, 0 or 1. */
        BOOL("bool");

        private final String word;

        Kind(String word) {
            this.word = word;
        }
    }

    /**
     * Reads a description.
     *
     * @throws MalformedArrayException if it is none, or one of a kind that holds no plain numbers
     */
    static ElementType parse(String descr) {
        Matcher match = DESCR.matcher(descr);
        if (!match.matches()) {
            throw new MalformedArrayException("dtype '%s' is not understood".formatted(descr));
        }
        char letter = match.group(2).charAt(0);
        if (letter == 'O') {
            throw new MalformedArrayException(
                    "holds pickled Python objects (dtype object), which are never loaded; save plain numbers");
        }
        int bytes = match.group(3).isEmpty() ? 0 : Integer.parseInt(match.group(3));
        Kind kind = switch (letter) {
            case 'f' -> bytes == 2 || bytes == 4 || bytes == 8 ? Kind.FLOAT : null;
            case 'i' -> bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8 ? Kind.SIGNED : null;
            case 'u' -> bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8 ? Kind.UNSIGNED : null;
            case 'b' -> bytes == 1 ? Kind.BOOL : null;
            default -> null;
        };
        if (kind == null) {
            throw new MalformedArrayException("dtype '%s' is not supported".formatted(descr));
        }
        ByteOrder order = switch (match.group(1)) {
            case "<" -> ByteOrder.LITTLE_ENDIAN;
            case ">" -> ByteOrder.BIG_ENDIAN;
            default -> ByteOrder.nativeOrder();
        };
        return new ElementType(kind, bytes, order);
    }

    /** As NumPy's users call it: {@code float32}, {@code uint8}, {@code bool}. */
    @Override
    public String toString() {
        return kind == Kind.BOOL ? kind.word : kind.word + 8 * bytes;
    }
}
