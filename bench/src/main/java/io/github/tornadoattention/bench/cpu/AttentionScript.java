package io.github.tornadoattention.bench.cpu;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A TorchScript module of one call: {@code torch.scaled_dot_product_attention(q, k, v)}. The file is a zip of source text and two
 * pickles.
 */
final class AttentionScript {
    private static final String SOURCE = """
            class Attention(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              def forward(self: __torch__.Attention,
                q: Tensor,
                k: Tensor,
                v: Tensor) -> Tensor:
                return torch.scaled_dot_product_attention(q, k, v, None, 0., %s, scale=%s)
            """;

    private AttentionScript() {}

    /** The file's bytes. */
    static byte[] bytes(boolean causal, double scale) throws IOException {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(file)) {
            store(zip, "data.pkl", module());
            store(zip, "code/__torch__.py", SOURCE.formatted(causal ? "True" : "False", Double.toString(scale))
                    .getBytes(StandardCharsets.UTF_8));
            // an empty tuple
            store(zip, "constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
            store(zip, "version", "3\n".getBytes(StandardCharsets.UTF_8));
        }
        return file.toByteArray();
    }

    /** A pickle of an object of the class {@code __torch__.Attention} whose field {@code training} is false. */
    private static byte[] module() throws IOException {
        ByteArrayOutputStream pickle = new ByteArrayOutputStream();
        pickle.write(new byte[] {(byte) 0x80, 2});
        pickle.write("c__torch__\nAttention\n".getBytes(StandardCharsets.UTF_8));
        pickle.write(new byte[] {')', (byte) 0x81, '}', '('});
        byte[] field = "training".getBytes(StandardCharsets.UTF_8);
        pickle.write(new byte[] {'X', (byte) field.length, 0, 0, 0});
        pickle.write(field);
        pickle.write(new byte[] {(byte) 0x89, 'u', 'b', '.'});
        return pickle.toByteArray();
    }

    /** PyTorch reads files that are not compressed. */
    private static void store(ZipOutputStream zip, String name, byte[] content) throws IOException {
        ZipEntry entry = new ZipEntry("attention/" + name);
        CRC32 crc = new CRC32();
        crc.update(content);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }
}
