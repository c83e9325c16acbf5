package io.github.tornadoattention.bench.minilm;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.ObjIntConsumer;

/** The float weights of an ONNX model. Numbers are the field numbers of onnx.proto; what is not needed is skipped. */
final class OnnxWeights {
    private static final int LENGTH_DELIMITED = 2;

    private final Map<String, ByteBuffer> tensors = new HashMap<>();
    private final Map<String, String> factors = new HashMap<>();

    OnnxWeights(byte[] model) {
        ByteBuffer graph = only(ByteBuffer.wrap(model), 7);
        fields(graph, (field, number) -> {
            if (number == 1) {
                node(field);
            } else if (number == 5) {
                tensors.put(text(only(field, 8)), only(field, 9));
            }
        });
    }

    /** A tensor by its name, row-major. */
    float[] tensor(String name) {
        ByteBuffer bytes = tensors.get(name);
        if (bytes == null) {
            throw new NoSuchElementException("the model has no tensor " + name);
        }
        float[] values = new float[bytes.remaining() / Float.BYTES];
        bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
        return values;
    }

    /** The right factor of the product that has this path: the exporter gives such tensors numbers for names. */
    float[] factor(String path) {
        return tensor(factors.getOrDefault("/" + path + "/MatMul_output_0", path));
    }

    private void node(ByteBuffer node) {
        List<String> inputs = new ArrayList<>();
        List<String> outputs = new ArrayList<>();
        fields(node, (field, number) -> {
            if (number <= 2) {
                (number == 1 ? inputs : outputs).add(text(field));
            }
        });
        if (inputs.size() == 2) {
            factors.put(outputs.getFirst(), inputs.getLast());
        }
    }

    /** The first field with a number. */
    private static ByteBuffer only(ByteBuffer message, int wanted) {
        List<ByteBuffer> found = new ArrayList<>();
        fields(message, (field, number) -> {
            if (number == wanted) {
                found.add(field);
            }
        });
        return found.isEmpty() ? ByteBuffer.allocate(0) : found.getFirst();
    }

    /** Hands out the fields of a message that have a length: texts, messages and raw data. */
    private static void fields(ByteBuffer message, ObjIntConsumer<ByteBuffer> consumer) {
        ByteBuffer rest = message.duplicate();
        while (rest.hasRemaining()) {
            int tag = Math.toIntExact(varint(rest));
            switch (tag & 7) {
                case 0 -> varint(rest);
                case 1 -> rest.position(rest.position() + Long.BYTES);
                case LENGTH_DELIMITED -> {
                    int length = Math.toIntExact(varint(rest));
                    consumer.accept(rest.slice(rest.position(), length), tag >>> 3);
                    rest.position(rest.position() + length);
                }
                case 5 -> rest.position(rest.position() + Integer.BYTES);
                default -> throw new IllegalArgumentException("no protobuf message: wire type " + (tag & 7));
            }
        }
    }

    private static long varint(ByteBuffer bytes) {
        long value = 0;
        for (int shift = 0;; shift += 7) {
            byte next = bytes.get();
            value |= (long) (next & 0x7F) << shift;
            if (next >= 0) {
                return value;
            }
        }
    }

    private static String text(ByteBuffer bytes) {
        return StandardCharsets.UTF_8.decode(bytes.duplicate()).toString();
    }
}
