package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.npy.ArraySource;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Real activations: queries, keys, values and the gradient of the output of layer 3 of 4 of a character-level GPT (validation
 * loss 1.147 nats a character) on 600 characters of the King James text. Causal, 4 heads of 64.
 *
 * @param spec what the layer computes
 * @param q queries, {@code [1, 4, n, 64]}
 * @param k keys, {@code [1, 4, n, 64]}
 * @param v values, {@code [1, 4, n, 64]}
 * @param dOut gradient of the loss with respect to the output, {@code [1, 4, n, 64]}
 */
record DemoInput(AttentionSpec spec, Tensor q, Tensor k, Tensor v, Tensor dOut) {
    private static final String RESOURCE = "demo.npz";

    /**
     * The whole text.
     *
     * @throws UsageException if there is no folder for temporary files
     */
    static DemoInput read() {
        try {
            Path file = Files.createTempFile("attention-demo", ".npz");
            try (InputStream resource = DemoInput.class.getResourceAsStream(RESOURCE)) {
                if (resource == null) {
                    throw new IllegalStateException("the demo's input is missing from the jar: " + RESOURCE);
                }
                Files.copy(resource, file, StandardCopyOption.REPLACE_EXISTING);
                try (ArraySource source = ArraySource.npz(file)) {
                    return of(source.floats("q"), source.floats("k"), source.floats("v"), source.floats("dout"));
                }
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UsageException("the demo cannot unpack its input to the folder for temporary files: " + e.getMessage(), e);
        }
    }

    private static DemoInput of(Tensor q, Tensor k, Tensor v, Tensor dOut) {
        int[] shape = q.shape();
        return new DemoInput(AttentionSpec.builder(shape[0], shape[1], shape[2], shape[3]).causal().build(), q, k, v, dOut);
    }
}
