package io.github.tornadoattention.bench.cpu;

/**
 * An ONNX model of one node: {@code com.microsoft.MultiHeadAttention}, inputs and output {@code [batch, sequence, heads *
 * headDim]}. The numbers are the field numbers of onnx.proto.
 */
final class AttentionModel {
    private static final int IR_VERSION = 8;
    private static final int OPSET = 17;
    private static final int FLOAT = 1;
    private static final int TYPE_FLOAT = 1;
    private static final int TYPE_INT = 2;

    private AttentionModel() {}

    /** The file's bytes. */
    static byte[] bytes(int heads, float scale, boolean causal) {
        Protobuf node = new Protobuf().text(1, "q").text(1, "k").text(1, "v").text(2, "out")
                .text(4, "MultiHeadAttention")
                .message(5, new Protobuf().text(1, "num_heads").number(3, heads).number(20, TYPE_INT))
                .message(5, new Protobuf().text(1, "scale").number(2, scale).number(20, TYPE_FLOAT))
                .message(5, new Protobuf().text(1, "unidirectional").number(3, causal ? 1 : 0).number(20, TYPE_INT))
                .text(7, "com.microsoft");
        Protobuf graph = new Protobuf().message(1, node).text(2, "attention");
        for (String input : new String[] {"q", "k", "v"}) {
            graph.message(11, value(input));
        }
        graph.message(12, value("out"));
        return new Protobuf().number(1, IR_VERSION).message(7, graph)
                .message(8, new Protobuf().text(1, "").number(2, OPSET))
                .message(8, new Protobuf().text(1, "com.microsoft").number(2, 1))
                .toByteArray();
    }

    private static Protobuf value(String name) {
        Protobuf shape = new Protobuf();
        for (String dim : new String[] {"b", name + "_n", "hd"}) {
            shape.message(1, new Protobuf().text(2, dim));
        }
        Protobuf tensor = new Protobuf().number(1, FLOAT).message(2, shape);
        return new Protobuf().text(1, name).message(2, new Protobuf().message(1, tensor));
    }
}
