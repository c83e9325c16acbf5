package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DecodePlan;
import io.github.tornadoattention.host.KvCache;
import io.github.tornadoattention.host.PackedPlan;
import io.github.tornadoattention.host.PackedSpec;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.Rotary;
import io.github.tornadoattention.host.SequencesByLength;
import io.github.tornadoattention.host.UnavailableException;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.kernels.FlashForward;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Backends {@code tornado} and {@code simulator}: the same kernels and the same host code, on a device of whatever stands behind
 * the TornadoVM API.
 */
public final class TornadoBackend implements Backend {
    private static final String HOME = "TORNADOVM_HOME";

    private final String name;
    private final Platform.Device device;
    private final boolean profiled;
    private final @Nullable List<Integer> forwardBlock;

    private TornadoBackend(String name, Platform.Device device, boolean profiled, @Nullable List<Integer> forwardBlock) {
        this.name = name;
        this.device = device;
        this.profiled = profiled;
        this.forwardBlock = forwardBlock;
    }

    /**
     * The simulator's device.
     *
     * @throws UnavailableException if this JVM runs under TornadoVM, whose API then hides the simulator's
     */
    public static Backend simulator() {
        return Platform.devices().stream()
                .filter(Platform.Device::simulated)
                .findFirst()
                .map(device -> new TornadoBackend("simulator", device, false, null))
                .orElseThrow(() -> new UnavailableException(
                        "backend 'simulator': this JVM was started from a TornadoVM SDK; start it without one"));
    }

    /**
     * A device of TornadoVM's.
     *
     * @param name {@code tornado} for the first GPU, or the first device if there is no GPU; {@code tornado:<driver>:<device>}
     *     for a certain one
     * @throws UnavailableException if this JVM runs without a TornadoVM SDK, or there is no such device
     */
    public static Backend device(String name) {
        List<Platform.Device> devices = real();
        if (devices.isEmpty()) {
            throw new UnavailableException("backend '%s': %s; see scripts/doctor".formatted(name, whyNone(System.getenv(HOME))));
        }
        if (name.equals("tornado")) {
            Platform.Device device = devices.stream().filter(Platform.Device::gpu).findFirst().orElse(devices.getFirst());
            return new TornadoBackend(name, device, false, null);
        }
        return devices.stream()
                .filter(device -> name.equals(address(device)))
                .findFirst()
                .map(device -> new TornadoBackend(name, device, false, null))
                .orElseThrow(() -> new UnavailableException("backend '%s': no such device; there are %s"
                        .formatted(name, devices.stream().map(TornadoBackend::address).collect(Collectors.joining(", ")))));
    }

    /** Why there is no device of TornadoVM's. */
    static String whyNone(@Nullable String home) {
        if (home == null || home.isBlank()) {
            return HOME + " is not set, it must name the folder of a TornadoVM SDK";
        }
        return Platform.devices().stream().anyMatch(Platform.Device::simulated)
                ? "this JVM was not started from the TornadoVM SDK in %s, %s".formatted(HOME, home)
                : "TornadoVM (%s) shows no device".formatted(home);
    }

    /** Whether TornadoVM is there and shows a GPU. */
    public static boolean gpuPresent() {
        return real().stream().anyMatch(Platform.Device::gpu);
    }

    private static List<Platform.Device> real() {
        return Platform.devices().stream().filter(device -> !device.simulated()).toList();
    }

    private static String address(Platform.Device device) {
        return "tornado:%d:%d".formatted(device.driver(), device.index());
    }

    @Override
    public Backend profiled() {
        return new TornadoBackend(name, device, true, forwardBlock);
    }

    @Override
    public Backend withDeviceMemory(long bytes) {
        return new TornadoBackend(name, device.withMemory(bytes), profiled, forwardBlock);
    }

    @Override
    public Backend withTunings(Path file) {
        return new TornadoBackend(name, device.withTunings(Tunings.of(file)), profiled, forwardBlock);
    }

    @Override
    public Backend untuned() {
        return new TornadoBackend(name, device.withTunings(Tunings.NONE), profiled, forwardBlock);
    }

    /** What measures the tilings that kernels can have on this device. */
    public TileTuner tuner() {
        return new TileTuner(device, new TilingClock(name, device));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String device() {
        return device.description();
    }

    /**
     * The tiles that flash attention's forward kernel can have on this device, each as Br and Bc, best first: what
     * {@link #withForwardTiles} takes.
     */
    public List<List<Integer>> forwardTiles(int headDim) {
        return TileTable.fitting(FlashForward.class, headDim, 0, device.limits()).stream()
                .map(tiling -> List.of(tiling.blockQ(), tiling.blockK()))
                .distinct()
                .toList();
    }

    /**
     * The same backend, whose flash attention has tiles of this size in the forward kernel: for measurements of what tile sizes
     * do. Opening a spec for which the kernel cannot have them is a {@link UsageException}.
     */
    public TornadoBackend withForwardTiles(int blockQ, int blockK) {
        return new TornadoBackend(name, device, profiled, List.of(blockQ, blockK));
    }

    /**
     * Whether the products of this attention are left to tensor cores: always where the kernels for 16 bits take it, and float32
     * where it is worth splitting, unless the system property {@code attention.fp32} says otherwise.
     */
    public boolean usesTensorCores(AttentionSpec spec, Algorithm algorithm) {
        return forwardBlock == null && KernelChoice.onTensorCores(device, spec, algorithm);
    }

    /**
     * A limit of device memory under which a device of any kind streams this attention, in blocks of about so many queries and
     * keys, or fewer: for tests. Empty if it takes no more in one go than the smallest blocks do.
     */
    public static OptionalLong streamingMemory(AttentionSpec spec, int queries, int keys) {
        long whole = DevicePlan.residentBytes(spec, spec.dtype());
        return BlockSize.below(spec, queries, keys, whole).map(size -> OptionalLong.of(size.bytes(spec)))
                .orElse(OptionalLong.empty());
    }

    private Tiling forwardTiling(AttentionSpec spec, List<Integer> block) {
        int blockSize = spec.blockMask() == null ? 0 : spec.blockMask().size();
        return TileTable.fitting(FlashForward.class, spec.headDim(), blockSize, device.limits()).stream()
                .filter(tiling -> tiling.blockQ() == block.get(0) && tiling.blockK() == block.get(1))
                .findFirst()
                .orElseThrow(() -> new UsageException(
                        "flash attention has no tiles of %d x %d for %s on this device; there are %s"
                        .formatted(block.get(0), block.get(1), spec, forwardTiles(spec.headDim()))));
    }

    @Override
    public Plan open(AttentionSpec spec, Algorithm algorithm) {
        Bailout.requireOff(name, device);
        if (forwardBlock == null || algorithm != Algorithm.FLASH) {
            return KernelChoice.plan(name, device, spec, algorithm, profiled);
        }
        Tiling forward = forwardTiling(spec, forwardBlock);
        return new FlashPlan(name, device, spec, profiled) {
            @Override
            Tiling tiling(Class<?> kernel) {
                return kernel == FlashForward.class ? forward : super.tiling(kernel);
            }
        };
    }

    @Override
    public PackedPlan openPacked(PackedSpec spec, Algorithm algorithm) {
        return switch (algorithm) {
            case FLASH -> new PackedFlashPlan(name, device, spec, profiled);
            case STANDARD -> new SequencesByLength(this, spec, algorithm);
        };
    }

    @Override
    public DecodePlan openDecoding(AttentionSpec spec, KvCache cache, @Nullable Rotary rotary) {
        Bailout.requireOff(name, device);
        return new DeviceDecoding(name, device, profiled, spec, cache, rotary);
    }
}
