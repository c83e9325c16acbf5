package io.github.tornadoattention.host.check;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Gradients;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.tornado.TornadoBackend;
import java.util.OptionalLong;
import java.util.Random;

/**
 * An attention drawn at random that has to do with so little of the device's memory that it is streamed in blocks.
 *
 * @param drawn the attention
 * @param memory bytes that the device may use
 */
public record RandomStreamed(RandomSpecs.Drawn drawn, long memory) implements RandomCase {
    private static final int STEP = 16;

    /**
     * Draws one; see {@link RandomKind#draw}.
     *
     * @throws UsageException if the longest is so short that nothing can be cut
     */
    public static RandomStreamed draw(long seed, int longest) {
        if (longest < 2 * STEP) {
            throw new UsageException("attention of at most %d queries and keys is not streamed; %d are needed"
                    .formatted(longest, 2 * STEP));
        }
        Random random = Draws.random(seed);
        while (true) {
            RandomSpecs.Drawn drawn = RandomSpecs.draw(random.nextLong(), longest);
            AttentionSpec spec = drawn.spec();
            OptionalLong memory = TornadoBackend.streamingMemory(spec, block(random, spec.seqQ()), block(random, spec.seqK()));
            if (memory.isPresent()) {
                return new RandomStreamed(drawn, memory.getAsLong());
            }
        }
    }

    private static int block(Random random, int length) {
        return STEP * (1 + random.nextInt(Math.ceilDiv(length, STEP)));
    }

    @Override
    public String what() {
        return "%s in %d bytes".formatted(drawn.what(), memory);
    }

    @Override
    public String failure(Backend backend, Algorithm algorithm) {
        RandomSpecs.Expected expected = drawn.expected();
        try (Attention attention = Attention.on(backend.withDeviceMemory(memory), drawn.spec(), algorithm)) {
            Forward f = attention.forward(drawn.inputs());
            Gradients g = attention.backward(drawn.dOut(), f);
            if (!streamed(f.report()) || !streamed(g.report())) {
                return "was not streamed, but computed by %s and %s".formatted(f.report().kernels(), g.report().kernels());
            }
            return Comparison.of(drawn.spec(), expected.exact(), f, g, expected.tolerance()).firstFailure();
        }
    }

    private static boolean streamed(Report report) {
        return report.remarks().stream().anyMatch(remark -> remark.startsWith("streamed in blocks of "));
    }
}
