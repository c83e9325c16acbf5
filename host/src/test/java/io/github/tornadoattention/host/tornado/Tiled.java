package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.kernels.FlashBackwardKeys;
import io.github.tornadoattention.kernels.FlashBackwardQueries;
import io.github.tornadoattention.kernels.FlashForward;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Flash attention on the simulator with tilings of the test's choice. */
record Tiled(Tiling forward, Tiling queries, Tiling keys) implements Backend {
    static final List<Class<?>> KERNELS = List.of(FlashForward.class, FlashBackwardQueries.class, FlashBackwardKeys.class);

    /** Tiles as small as the kernels' contracts allow. */
    static final Tiling SMALLEST = new Tiling(4, 4, 4, 2, 16, 4);

    static final Platform.Device SIMULATOR =
            Platform.devices().stream().filter(Platform.Device::simulated).findFirst().orElseThrow();

    /** All tilings of a kernel that the host would take for a spec on some device, and the smallest one. */
    static List<Tiling> fitting(Class<?> kernel, AttentionSpec spec) {
        int blockSize = spec.blockMask() == null ? 0 : spec.blockMask().size();
        List<Tiling> hosts = TileTable.fitting(kernel, spec.headDim(), blockSize, SIMULATOR.limits());
        return Stream.concat(hosts.stream(), Stream.of(SMALLEST)).toList();
    }

    /** As many backends as it takes to run every tiling of every kernel at least once. */
    static List<Tiled> all(AttentionSpec spec) {
        List<List<Tiling>> lists = KERNELS.stream().map(kernel -> fitting(kernel, spec)).toList();
        int most = lists.stream().mapToInt(List::size).max().orElseThrow();
        return IntStream.range(0, most).mapToObj(n -> of(lists, n, n, n)).toList();
    }

    /** Tilings drawn from those that fit the spec. */
    static Tiled random(AttentionSpec spec, long seed) {
        Random random = new Random(seed);
        List<List<Tiling>> lists = KERNELS.stream().map(kernel -> fitting(kernel, spec)).toList();
        return of(lists, random.nextInt(64), random.nextInt(64), random.nextInt(64));
    }

    private static Tiled of(List<List<Tiling>> lists, int forward, int queries, int keys) {
        return new Tiled(cyclic(lists.getFirst(), forward), cyclic(lists.get(1), queries), cyclic(lists.getLast(), keys));
    }

    private static Tiling cyclic(List<Tiling> tilings, int n) {
        return tilings.get(n % tilings.size());
    }

    /** The same but for one kernel. */
    Tiled with(Class<?> kernel, Tiling tiling) {
        return new Tiled(kernel == FlashForward.class ? tiling : forward, kernel == FlashBackwardQueries.class ? tiling : queries,
                kernel == FlashBackwardKeys.class ? tiling : keys);
    }

    Tiling of(Class<?> kernel) {
        if (kernel == FlashForward.class) {
            return forward;
        }
        return kernel == FlashBackwardQueries.class ? queries : keys;
    }

    @Override
    public String name() {
        return "simulator";
    }

    @Override
    public String device() {
        return "forward %s, queries %s, keys %s".formatted(forward, queries, keys);
    }

    @Override
    public Plan open(AttentionSpec spec, Algorithm algorithm) {
        return new FlashPlan(name(), SIMULATOR, spec, false) {
            @Override
            Tiling tiling(Class<?> kernel) {
                return of(kernel);
            }
        };
    }
}
