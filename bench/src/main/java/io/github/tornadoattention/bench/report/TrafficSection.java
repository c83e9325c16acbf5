package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMasks;
import io.github.tornadoattention.host.tornado.KernelTraffic;
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
        page.paragraph(("Bytes between device memory and local memory by calculation, one head, head dim %d, float32. The "
                + "counts of our kernels are equal to the simulator's counters byte for byte (a test says so). \"Moved by "
                + "work-items\" is as if no cache held anything, which is how the paper counts flash attention; \"once\" is as "
                + "if a cache forgot nothing during a launch, which is how the paper counts standard attention. Backward, local "
                + "memory is that of the kernel which takes most.").formatted(D));
        for (Pass pass : Pass.values()) {
            againstMemory(page, pass);
        }
        for (Pass pass : Pass.values()) {
            againstLength(page, pass);
        }
        againstDensity(page);
    }

    /** A pass of attention and what the paper says of it: algorithms 0 and 1 and theorem 2, algorithms 3 and 4 and theorem 5. */
    enum Pass {
        FORWARD("forward", 2, 0, 1) {
            @Override
            double standard(double n, int element) {
                return element * (4 * n * n + 4 * n * D);
            }

            @Override
            double flash(double n, double blocks, int element) {
                return element * (2 * n * D + blocks * (3 * n * D + 4 * n));
            }
        },
        BACKWARD("backward", 5, 3, 4) {
            @Override
            double standard(double n, int element) {
                return element * (7 * n * n + 8 * n * D);
            }

            @Override
            double flash(double n, double blocks, int element) {
                return element * (4 * n * D + blocks * (5 * n * D + 2 * n));
            }
        };

        private final String direction;
        private final int theorem;
        private final int standardAlgorithm;
        private final int flashAlgorithm;

        Pass(String direction, int theorem, int standardAlgorithm, int flashAlgorithm) {
            this.direction = direction;
            this.theorem = theorem;
            this.standardAlgorithm = standardAlgorithm;
            this.flashAlgorithm = flashAlgorithm;
        }

        /**
         * Bytes that the paper's standard attention moves. Forward S and P written and read once each, Q, K, V and O once;
         * backward P read twice, dP written and read, dS written and read twice, and eight times a tensor.
         */
        abstract double standard(double n, int element);

        /**
         * Bytes that the paper's flash attention moves with so many blocks of keys. Forward K and V once, Q, O, l and m for each
         * block; backward K, V, dK and dV once, Q, O, dO and dQ, l and m for each block, dQ both ways.
         */
        abstract double flash(double n, double blocks, int element);

        /** Likewise, with so many bytes of local memory. */
        final double flashIn(double n, double local, int element) {
            return flash(n, Math.ceil(n / Math.max(1, Math.floor(local / element / (4.0 * D)))), element);
        }

        /** MiB that our standard attention, or flash attention with the host's tiles, moves with each element once a launch. */
        double once(int n, Algorithm algorithm) {
            return TrafficModel.of(spec(n), algorithm).bytesOnce(direction) / MIB;
        }

        private long local(TrafficModel model) {
            return (this == FORWARD ? model.forward() : model.backward()).stream().mapToLong(KernelTraffic::localBytes).max()
                    .orElse(0);
        }
    }

    private static AttentionSpec spec(int n) {
        return AttentionSpec.builder(1, 1, n, D).build();
    }

    /** Theorems 2 and 5: O(N² D² / M). */
    private static void againstMemory(Page page, Pass pass) {
        List<Double> bytes = new ArrayList<>();
        List<Double> local = new ArrayList<>();
        for (int side : SIDES) {
            TrafficModel model = TrafficModel.ofBlocks(spec(N), side, side);
            local.add(pass.local(model) / 1024.0);
            bytes.add(model.bytes(pass.direction) / MIB);
        }
        double[] kib = array(local);
        double[] paper = local.stream().mapToDouble(k -> pass.flashIn(N, k * 1024, Float.BYTES) / MIB).toArray();
        double[] standard = local.stream().mapToDouble(k -> pass.once(N, Algorithm.STANDARD)).toArray();
        page.figure(new Plot("Theorem %d: bytes against local memory, %s, N %d".formatted(pass.theorem, pass.direction, N),
                "local memory of a group, KiB", true, "MiB moved", true)
                        .line("flash, our kernels with square tiles", kib, array(bytes))
                        .bound("flash, the paper's algorithm %d".formatted(pass.flashAlgorithm), kib, paper)
                        .bound("standard, once (algorithm %d)".formatted(pass.standardAlgorithm), kib, standard),
                ("Theorem %d: flash attention moves O(N² D² / M) bytes, standard attention O(N D + N²) whatever the local "
                        + "memory M. %s.").formatted(pass.theorem, pass == Pass.FORWARD ? "Forward" : "Backward"),
                command(words(IntStream.of(SIDES)), "--shape 1,1,%d,%d --block $x,$x".formatted(N, D),
                        pass == Pass.FORWARD ? "^forward|flash.forward: " : "^backward|flashBackward.*: "));
    }

    private static void againstLength(Page page, Pass pass) {
        double[] n = IntStream.of(LENGTHS).asDoubleStream().toArray();
        page.figure(new Plot("Bytes against N, " + pass.direction, "N", true, "MiB moved", true)
                        .line("standard, once", n, IntStream.of(LENGTHS)
                                .mapToDouble(x -> pass.once(x, Algorithm.STANDARD)).toArray())
                        .line("flash, moved by work-items", n, IntStream.of(LENGTHS)
                                .mapToDouble(x -> TrafficModel.of(spec(x), Algorithm.FLASH).bytes(pass.direction) / MIB)
                                .toArray())
                        .line("flash, once", n, IntStream.of(LENGTHS).mapToDouble(x -> pass.once(x, Algorithm.FLASH)).toArray())
                        .bound("the paper's algorithm %d, standard, float16".formatted(pass.standardAlgorithm), n,
                                IntStream.of(LENGTHS).mapToDouble(x -> pass.standard(x, HALF) / MIB).toArray())
                        .bound("the paper's algorithm %d, flash, float16, 100 KiB".formatted(pass.flashAlgorithm), n,
                                IntStream.of(LENGTHS).mapToDouble(x -> pass.flashIn(x, PAPERS_LOCAL, HALF) / MIB).toArray()),
                ("Bytes against N, %s: what flash attention needs once is linear in N, standard attention's matrix is not. "
                        + "Ours in float32 (marked lines); the paper's algorithms in float16 with the 100 KiB of local memory "
                        + "that it names: at N %d its standard attention moves %.1f times the bytes of its flash attention. In "
                        + "float32 with 48 KiB it would be %.2f times: algorithm %d reads and writes %s for every block of keys, "
                        + "and gains where M is well above D² elements.")
                        .formatted(pass.direction, N, pass.standard(N, HALF) / pass.flashIn(N, PAPERS_LOCAL, HALF),
                                pass.standard(N, Float.BYTES) / pass.flashIn(N, 48 * 1024, Float.BYTES), pass.flashAlgorithm,
                                pass == Pass.FORWARD ? "O" : "dQ"),
                command(words(IntStream.of(LENGTHS)), "--shape 1,1,$x,%d".formatted(D), "^" + pass.direction));
    }

    /** Proposition 4: O(N D + N² D² s / M). */
    private static void againstDensity(Page page) {
        double[] density = DENSITIES;
        Plot plot = new Plot("Proposition 4: bytes against density, N %d".formatted(N), "share of blocks that are set",
                false, "MiB moved", false);
        for (Pass pass : Pass.values()) {
            double[] bytes = DoubleStream.of(density).map(s -> TrafficModel.ofBlocks(AttentionSpec.builder(1, 1, N, D)
                    .blockMask(BlockMasks.random(N, N, BLOCK, s, 1)).build(), BLOCK, BLOCK).bytes(pass.direction) / MIB)
                    .toArray();
            double[] dense = DoubleStream.of(density).map(s -> bytes[bytes.length - 1] * s).toArray();
            plot.line("block-sparse, our kernels, " + pass.direction, density, bytes)
                    .bound("proportional to density, " + pass.direction, density, dense);
        }
        page.figure(plot,
                "Proposition 4: block-sparse flash attention moves the dense bytes times the share of blocks, and O(N D) beside "
                        + "them.",
                command(DoubleStream.of(DENSITIES).mapToObj(Plot::number).collect(Collectors.joining(" ")),
                        "--shape 1,1,%d,%d --block %d,%d --density $x".formatted(N, D, BLOCK, BLOCK), "^forward|^backward"));
    }

    private static double[] array(List<Double> values) {
        return values.stream().mapToDouble(x -> x).toArray();
    }
}
