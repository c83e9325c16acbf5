package io.github.tornadoattention.host.npy;

import io.github.tornadoattention.host.Tensor;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;

/** Turns the bytes behind a checked header into Java's numbers, a chunk at a time, whatever their size and order. */
final class Elements {
    private static final int CHUNK_BYTES = 1 << 18;

    /** Takes elements {@code from .. from + count - 1}, counted in the order of the file. */
    private interface Sink {
        void accept(ByteBuffer chunk, int from, int count);
    }

    private Elements() {}

    static Tensor floats(InputStream in, NpyHeader header) throws IOException {
        ElementType type = header.type();
        if (type.kind() != ElementType.Kind.FLOAT) {
            throw new MalformedArrayException("has dtype %s, must be float16, float32 or float64".formatted(type));
        }
        if (header.elements() == 0) {
            throw new MalformedArrayException("is empty: shape %s".formatted(header.shapeText()));
        }
        Tensor tensor = Tensor.zeros(header.dims());
        MemorySegment into = tensor.data().getSegment();
        Places places = Places.of(header);
        float[] row = new float[CHUNK_BYTES / type.bytes()];
        each(in, header, (chunk, from, count) -> {
            if (type.bytes() == Float.BYTES && places.inOrder()) {
                MemorySegment.copy(MemorySegment.ofBuffer(chunk), ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(type.order()), 0,
                        into, ValueLayout.JAVA_FLOAT, (long) from * Float.BYTES, count);
                return;
            }
            convert(chunk, type, from, count, row);
            if (places.inOrder()) {
                tensor.write(row, 0, from, count);
            } else {
                for (int n = 0; n < count; n++) {
                    into.setAtIndex(ValueLayout.JAVA_FLOAT, places.next(), row[n]);
                }
            }
        });
        return tensor;
    }

    private static void convert(ByteBuffer chunk, ElementType type, int from, int count, float[] row) {
        switch (type.bytes()) {
            case 2 -> {
                for (int n = 0; n < count; n++) {
                    row[n] = Float.float16ToFloat(chunk.getShort(2 * n));
                }
            }
            case 4 -> chunk.asFloatBuffer().get(0, row, 0, count);
            default -> {
                for (int n = 0; n < count; n++) {
                    double value = chunk.getDouble(8 * n);
                    row[n] = (float) value;
                    if (Float.isInfinite(row[n]) && !Double.isInfinite(value)) {
                        throw new MalformedArrayException(
                                "holds %s at element %d, which does not fit float32".formatted(value, from + n));
                    }
                }
            }
        }
    }

    static int[] integers(InputStream in, NpyHeader header) throws IOException {
        ElementType type = header.type();
        if (type.kind() != ElementType.Kind.SIGNED || type.bytes() < 4) {
            throw new MalformedArrayException("has dtype %s, must be int32 or int64".formatted(type));
        }
        int[] values = new int[header.elements()];
        Places places = Places.of(header);
        each(in, header, (chunk, from, count) -> {
            for (int n = 0; n < count; n++) {
                long value = type.bytes() == 4 ? chunk.getInt(4 * n) : chunk.getLong(8 * n);
                if (value != (int) value) {
                    throw new MalformedArrayException("holds %d at element %d, which is too large".formatted(value, from + n));
                }
                values[places.next()] = (int) value;
            }
        });
        return values;
    }

    static byte[] flags(InputStream in, NpyHeader header) throws IOException {
        ElementType type = header.type();
        if (type.kind() != ElementType.Kind.BOOL && !(type.kind() == ElementType.Kind.UNSIGNED && type.bytes() == 1)) {
            throw new MalformedArrayException("has dtype %s, must be uint8 or bool".formatted(type));
        }
        byte[] values = new byte[header.elements()];
        Places places = Places.of(header);
        each(in, header, (chunk, from, count) -> {
            for (int n = 0; n < count; n++) {
                values[places.next()] = chunk.get(n);
            }
        });
        return values;
    }

    private static void each(InputStream in, NpyHeader header, Sink sink) throws IOException {
        int bytes = header.type().bytes();
        int elements = header.elements();
        byte[] chunk = new byte[(int) Math.min(CHUNK_BYTES, (long) elements * bytes)];
        ByteBuffer view = ByteBuffer.wrap(chunk).order(header.type().order());
        for (int from = 0; from < elements; ) {
            int count = Math.min(CHUNK_BYTES / bytes, elements - from);
            if (in.readNBytes(chunk, 0, count * bytes) != count * bytes) {
                throw new EOFException();
            }
            sink.accept(view, from, count);
            from += count;
        }
    }

    /** Where in row-major order the elements of a file belong, one after the other. */
    private static final class Places {
        private final int[] shape;
        private final int[] strides;
        private final int[] at;
        private final boolean inOrder;
        private int place;

        private Places(int[] shape, boolean inOrder) {
            this.shape = shape;
            this.inOrder = inOrder;
            this.at = new int[shape.length];
            this.strides = new int[shape.length];
            int stride = 1;
            for (int d = shape.length - 1; d >= 0; d--) {
                strides[d] = stride;
                stride *= shape[d];
            }
        }

        static Places of(NpyHeader header) {
            return new Places(header.dims(), !header.fortranOrder() || header.shape().size() < 2);
        }

        boolean inOrder() {
            return inOrder;
        }

        /** The place of the next element: the first index moves fastest in Fortran order, the last one otherwise. */
        int next() {
            int current = place;
            if (inOrder) {
                place++;
                return current;
            }
            for (int d = 0; d < shape.length; d++) {
                place += strides[d];
                if (++at[d] < shape[d]) {
                    break;
                }
                place -= at[d] * strides[d];
                at[d] = 0;
            }
            return current;
        }
    }
}
