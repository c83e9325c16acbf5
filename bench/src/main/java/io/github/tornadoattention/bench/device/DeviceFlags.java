package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.bench.GridFlags;
import io.github.tornadoattention.host.UsageException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The flags of commands that measure a grid on devices. */
final class DeviceFlags {
    @Option(names = "--lock", paramLabel = "FILE",
            description = "Several processes with this command share one device and one --out: each takes what no other has, "
                    + "and computes while no other does.")
    private @Nullable Path lock;

    @Option(names = "--wall", negatable = true,
            description = "On devices, time calls too, in runs of their own, which compiles everything again, or do not "
                    + "(--no-wall); done without --quick.")
    private @Nullable Boolean wall;

    /** Whether calls are timed besides a device's kernels. */
    boolean wall(GridFlags flags) {
        return wall == null ? !flags.quick() : wall;
    }

    /**
     * The file by which processes share a device, if they do.
     *
     * @throws UsageException if nothing says where the results of all of them go
     */
    @Nullable Path lock(GridFlags flags) {
        if (lock != null && flags.out() == null) {
            throw new UsageException("--lock %s needs --out: what others have measured is read there".formatted(lock));
        }
        return lock;
    }
}
