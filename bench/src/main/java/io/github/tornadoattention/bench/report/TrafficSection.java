package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMasks;
import io.github.tornadoattention.host.tornado.TrafficModel;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/** The IO model as figures: the paper's theorem 2 and proposition 4, for the paper's algorithms and for our kernels. */
final class TrafficSection {
    private static final int N = 4096;
    private static final int D = 64;
    private static final int BLOCK = 64;
    private static final double MIB = 1048576;

    /** Bytes of local memory that the paper takes as typical (section 3.2), and of an element of float16. */
    private static final double PAPERS_LOCAL = 100 * 1024;
    private static final int HALF = 2;

    private static final int[] SIDES = {16, 32, 48, 64, 96, 128, 192, 256};
    private static final int[] LENGTHS = IntStream.rangeClosed(7, 16).map(e -> 1 << e).toArray();
    private static final double[] DENSITIES = {0.03125, 0.0625, 0.125, 0.25, 0.5, 0.75, 1};

    private TrafficSection() {}

    /**
     * A command for the shell that prints the totals of each point of a figure; {@code arguments} say {@code $x} for the point.
     */
    private static List<String> command(String points, String arguments, String lines) {
        return List.of("for x in %s; do scripts/attention trace %s | grep -E '%s'; done".formatted(points, arguments, lines));
    }

    private static String words(IntStream points) {
        return points.mapToObj(Integer::toString).collect(Collectors.joining(" "));
    }

    /** Bytes that the forward kernel's work-items move with tiles of this size. */
    static double movedForward(Result r, int blockQ, int blockK) {
        AttentionSpec spec = AttentionSpec.builder((int) r.number("batch"), (int) r.number("heads"), (int) r.number("seq_q"),
                (int) r.number("head_dim")).build();
        return TrafficModel.ofBlocks(spec, blockQ, blockK).bytes("forward");
    }

    static void write(Page page) {
        page.heading("The IO model");
        page.paragraph(("Bytes between device memory and local memory by calculation, one head, head dim %d, float32, forward. "
                + "The counts of our kernels are equal to the simulator's counters byte for byte (a test says so). \"Moved by "
                + "work-items\" is as if no cache held anything, which is how the paper counts flash attention; \"once\" is as "
                + "if a cache forgot nothing during a launch, which is how the paper counts standard attention.").formatted(D));
        againstMemory(page);
        againstLength(page);
        againstDensity(page);
    }

    private static AttentionSpec spec(int n) {
        return AttentionSpec.builder(1, 1, n, D).build();
    }

    /** MiB of a forward pass, each element once a launch. */
    private static double once(int n, Algorithm algorithm) {
        return TrafficModel.of(spec(n), algorithm).bytesOnce("forward") / MIB;
    }

    /** Theorem 2: O(N² D² / M). */
    private static void againstMemory(Page page) {
        List<Double> bytes = new ArrayList<>();
        List<Double> local = new ArrayList<>();
        for (int side : SIDES) {
            TrafficModel model = TrafficModel.ofBlocks(spec(N), side, side);
            local.add(model.forward().getFirst().localBytes() / 1024.0);
            bytes.add(model.bytes("forward") / MIB);
        }
        double[] kib = array(local);
        double[] paper = local.stream().mapToDouble(k -> paperFlash(N, k * 1024, Float.BYTES) / MIB).toArray();
        double[] standard = local.stream().mapToDouble(k -> once(N, Algorithm.STANDARD)).toArray();
        page.figure(new Plot("Theorem 2: bytes against local memory, forward, N %d".formatted(N), "local memory of a group, KiB",
                true, "MiB moved", true)
                        .line("flash, our kernel with square tiles", kib, array(bytes))
                        .bound("flash, the paper's algorithm 1", kib, paper)
                        .bound("standard, once (algorithm 0)", kib, standard),
                "Theorem 2: flash attention moves O(N² D² / M) bytes, standard attention O(N D + N²) whatever the local "
                        + "memory M. Forward.",
                command(words(IntStream.of(SIDES)), "--shape 1,1,%d,%d --block $x,$x".formatted(N, D),
                        "^forward|flash.forward: "));
    }

    /**
     * Bytes that the paper's algorithm 1 moves with so many bytes of local memory: K and V once, Q, O, l and m once for each
     * block of keys.
     *
     * @param element bytes of an element
     */
    static double paperFlash(double n, double local, int element) {
        double blocks = Math.ceil(n / Math.max(1, Math.floor(local / element / (4.0 * D))));
        return element * (2 * n * D + blocks * (3 * n * D + 4 * n));
    }

    /** Bytes that the paper's algorithm 0 moves: S and P written and read once each, Q, K, V and O once. */
    static double paperStandard(double n, int element) {
        return element * (4 * n * n + 4 * n * D);
    }

    private static void againstLength(Page page) {
        int[] lengths = LENGTHS;
        double[] n = IntStream.of(lengths).asDoubleStream().toArray();
        page.figure(new Plot("Bytes against N, forward", "N", true, "MiB moved", true)
                        .line("standard, once", n, IntStream.of(lengths)
                                .mapToDouble(x -> once(x, Algorithm.STANDARD)).toArray())
                        .line("flash, moved by work-items", n, IntStream.of(lengths)
                                .mapToDouble(x -> TrafficModel.of(spec(x), Algorithm.FLASH).bytes("forward") / MIB).toArray())
                        .line("flash, once", n, IntStream.of(lengths).mapToDouble(x -> once(x, Algorithm.FLASH)).toArray())
                        .bound("the paper's algorithm 0, standard, float16", n,
                                IntStream.of(lengths).mapToDouble(x -> paperStandard(x, HALF) / MIB).toArray())
                        .bound("the paper's algorithm 1, flash, float16, 100 KiB", n,
                                IntStream.of(lengths).mapToDouble(x -> paperFlash(x, PAPERS_LOCAL, HALF) / MIB).toArray()),
                ("Bytes against N: what flash attention needs once is linear in N, standard attention's matrix is not. Ours in "
                        + "float32 (marked lines); the paper's algorithms in float16 with the 100 KiB of local memory that it "
                        + "names: at N %d its standard attention moves %.1f times the bytes of its flash attention. In float32 "
                        + "with 48 KiB it would be %.2f times: algorithm 1 reads and writes O for every block of keys, and gains "
                        + "where M is well above D² elements.")
                        .formatted(N, paperStandard(N, HALF) / paperFlash(N, PAPERS_LOCAL, HALF),
                                paperStandard(N, Float.BYTES) / paperFlash(N, 48 * 1024, Float.BYTES)),
                command(words(IntStream.of(LENGTHS)), "--shape 1,1,$x,%d".formatted(D), "^forward"));
    }

    /** Proposition 4: O(N D + N² D² s / M). */
    private static void againstDensity(Page page) {
        double[] density = DENSITIES;
        double[] bytes = java.util.Arrays.stream(density).map(s -> TrafficModel.ofBlocks(AttentionSpec.builder(1, 1, N, D)
                .blockMask(BlockMasks.random(N, N, BLOCK, s, 1)).build(), BLOCK, BLOCK).bytes("forward") / MIB).toArray();
        double[] dense = java.util.Arrays.stream(density).map(s -> bytes[bytes.length - 1] * s).toArray();
        page.figure(new Plot("Proposition 4: bytes against density, forward, N %d".formatted(N), "share of blocks that are set",
                false, "MiB moved", false)
                        .line("block-sparse, our kernel", density, bytes)
                        .bound("proportional to density", density, dense),
                "Proposition 4: block-sparse flash attention moves the dense bytes times the share of blocks, and O(N D) beside "
                        + "them. Forward.",
                command(DoubleStream.of(DENSITIES).mapToObj(Plot::number).collect(Collectors.joining(" ")),
                        "--shape 1,1,%d,%d --block %d,%d --density $x".formatted(N, D, BLOCK, BLOCK), "^forward"));
    }

    private static double[] array(List<Double> values) {
        return values.stream().mapToDouble(x -> x).toArray();
    }
}
