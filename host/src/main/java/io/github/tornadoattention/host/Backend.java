package io.github.tornadoattention.host;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Something that computes attention. Asking for one that is missing is an error; none ever falls back to another. */
public interface Backend {
    /** The name by which {@link #of} finds it. */
    String name();

    /** The device in words, as reports and tables show it. */
    String device();

    /**
     * Makes a spec ready to run. Most callers want {@link Attention#on(Backend, AttentionSpec)} instead, which checks arguments.
     *
     * @throws UsageException if this backend does not support something that the spec asks for ("not supported yet")
     * @throws DeviceException if the device fails or lacks memory
     */
    Plan open(AttentionSpec spec, Algorithm algorithm);

    /**
     * Makes a packed batch ready to run. Most callers want {@link PackedAttention#on(Backend, PackedSpec)} instead, which checks
     * arguments.
     *
     * @throws UsageException if this backend does not support something that the spec asks for
     * @throws DeviceException if the device fails or lacks memory
     */
    default PackedPlan openPacked(PackedSpec spec, Algorithm algorithm) {
        return new SequencesByLength(this, spec, algorithm);
    }

    /**
     * Makes decoding ready to run. Most callers want {@link Decoding#on} instead, which checks arguments.
     *
     * @param spec seqQ is the most queries of a step, seqK the capacity of the cache
     * @param rotary how new keys and queries are rotated, null = not at all
     * @throws DeviceException if the device fails or lacks memory
     */
    default DecodePlan openDecoding(AttentionSpec spec, KvCache cache, @Nullable Rotary rotary) {
        return new HostDecoding(this, spec, Algorithm.FLASH, cache, rotary);
    }

    /**
     * The same backend with its device's clock switched on, where that costs something: reports then tell kernel and
     * compile times.
     */
    default Backend profiled() {
        return this;
    }

    /**
     * The same backend, which uses no more than so much memory of its device: what needs more is streamed through it in blocks.
     *
     * @param bytes above 0
     * @throws UsageException if this backend computes in the host's memory
     */
    default Backend withDeviceMemory(long bytes) {
        throw new UsageException("backend %s has no device memory to limit; tornado and simulator have".formatted(name()));
    }

    /**
     * The same backend, whose kernels get the tilings in this file of {@code attention tune}'s, and not those in the user's own.
     * A file that is not there changes nothing. Backends without a device have no tilings to tune.
     */
    default Backend withTunings(Path file) {
        return this;
    }

    /** The same backend, whose kernels get the tilings of the built-in table, whatever {@code attention tune} found. */
    default Backend untuned() {
        return this;
    }

    /**
     * The backend of this name: {@code reference}, {@code cpu}, {@code simulator}, {@code tornado},
     * {@code tornado:<driver>:<device>} or {@code auto}.
     *
     * @throws UnavailableException if there is no such backend, or not on this machine
     */
    static Backend of(String name) {
        return Backends.of(name);
    }

    /** TornadoVM on a GPU if an SDK and a GPU are there, else the CPU. */
    static Backend auto() {
        return Backends.auto();
    }
}
