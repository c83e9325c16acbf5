package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.Attention;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.simulator.Traffic;
import io.github.tornadoattention.simulator.Traffic.ArrayTraffic;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What no query sees is not loaded: the bytes that stream past a tile (keys and values, or queries and gradients) fall with the
 * number of visible pairs. Within 10 %, and but for a floor of a few passes over the sequence: tiles at the edge of a band are
 * loaded whole, and each tile starts and ends its own stream.
 */
class ProportionalWorkTest {
    private static final int LENGTH = 1024;
    private static final int DIM = 4;
    private static final int BLOCK = 64;
    private static final long PASS = (long) LENGTH * DIM * Float.BYTES;

    private static final Map<String, Long> DENSE = streamed(spec().build());

    private static SpecBuilder spec() {
        return AttentionSpec.builder(1, 1, LENGTH, DIM);
    }

    /** Bytes read of each array that streams, forward and backward. */
    private static Map<String, Long> streamed(AttentionSpec spec) {
        Inputs in = Inputs.random(spec, 1);
        try (Attention attention = Attention.on(Backend.of("simulator"), spec); Traffic traffic = Traffic.record()) {
            Forward f = attention.forward(in.inputs());
            attention.backward(in.dOut(), f);
            Map<String, Long> bytes = new TreeMap<>();
            bytes.put("forward k", array(traffic, "flash.forward", 1).bytesRead());
            bytes.put("forward v", array(traffic, "flash.forward", 2).bytesRead());
            bytes.put("backward, keys q", array(traffic, "flashBackward.keys", 0).bytesRead());
            bytes.put("backward, keys dOut", array(traffic, "flashBackward.keys", 3).bytesRead());
            bytes.put("backward, queries k", array(traffic, "flashBackward.queries", 1).bytesRead());
            bytes.put("backward, queries v", array(traffic, "flashBackward.queries", 2).bytesRead());
            return bytes;
        }
    }

    /** An array of a launch, by its place among the arrays of the kernel's arguments. */
    private static ArrayTraffic array(Traffic traffic, String task, int place) {
        return traffic.launches().stream()
                .filter(launch -> launch.task().equals(task))
                .findFirst()
                .orElseThrow()
                .arrays()
                .get(place);
    }

    private static void assertProportional(AttentionSpec spec, double fraction, double passes) {
        Map<String, Long> actual = streamed(spec);
        DENSE.forEach((name, dense) -> assertThat((double) actual.get(name))
                .as("%s of %s", name, spec)
                .isBetween(0.9 * fraction * dense, 1.1 * fraction * dense + passes * PASS));
    }

    /** Every {@code step}-th block of each row and of each column, so that no tile has less to do than another. */
    private static BlockMask everyNth(int step) {
        int blocks = LENGTH / BLOCK;
        byte[] set = new byte[blocks * blocks];
        for (int n = 0; n < set.length; n++) {
            set[n] = (byte) ((n / blocks + n % blocks) % step == 0 ? 1 : 0);
        }
        return new BlockMask(BLOCK, 1, blocks, blocks, set);
    }

    @Test
    void withoutMaskEveryTileStreamsEverything() {
        DENSE.forEach((name, bytes) -> assertThat(bytes).as(name).isGreaterThanOrEqualTo(8 * PASS));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 8})
    void blocks(int step) {
        AttentionSpec spec = spec().blockMask(everyNth(step)).build();

        assertThat((double) spec.visiblePairs()).isEqualTo((double) LENGTH * LENGTH / step);
        assertProportional(spec, 1.0 / step, 1);
    }

    static Stream<AttentionSpec> bands() {
        return Stream.of(
                spec().causal().build(),
                spec().causal(Causal.TOP_LEFT).build(),
                spec().window(300, 300).build(),
                spec().window(100, 100).build(),
                spec().window(0, 0).build(),
                spec().window(200, -1).causal().build(),
                spec().window(-1, 64).build());
    }

    @ParameterizedTest
    @MethodSource("bands")
    void bands(AttentionSpec spec) {
        assertProportional(spec, (double) spec.visiblePairs() / LENGTH / LENGTH, 3);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 256, 512})
    void keyLengths(int length) {
        assertProportional(spec().keyLengths(length).build(), (double) length / LENGTH, length == 0 ? 0 : 2);
    }

    /** Results are written once, by whoever owns them. */
    @Test
    void resultsAreWrittenOnce() {
        AttentionSpec spec = AttentionSpec.builder(2, 4, 70, 20).kvHeads(2).seqK(90).causal().keyLengths(90, 0).build();
        Inputs in = Inputs.random(spec, 1);
        try (Traffic traffic = Traffic.record()) {
            in.on(Backend.of("simulator"), Algorithm.FLASH);
            long queries = 2 * 4 * 70 * 20 * Float.BYTES;
            long keys = 2 * 2 * 90 * 20 * Float.BYTES;
            assertThat(traffic.bytesWritten("flash.forward")).isEqualTo(queries + queries / 20);
            assertThat(traffic.bytesWritten("flashBackward.keys")).isEqualTo(2 * keys);
            assertThat(traffic.bytesWritten("flashBackward.queries")).isEqualTo(queries);
            assertThat(traffic.launches()).map(Traffic.LaunchTraffic::task)
                    .isEqualTo(List.of("flashUpload.arrived", "flash.forward", "flashBackwardUpload.arrived",
                            "flashBackward.rowDots", "flashBackward.keys", "flashBackward.queries"));
        }
    }
}
