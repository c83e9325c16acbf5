package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.tornado.TuningFile;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The flags that say where tilings that {@code attention tune} found are kept. */
final class TuningFlags {
    @Option(names = "--cache", paramLabel = "FILE", description = "Where attention tune keeps the tilings that it found; "
            + "default: tornado-attention/tunings.json in XDG_CACHE_HOME, or in the cache folder of your account.")
    private @Nullable Path cache;

    @Option(names = "--no-cache", description = "Neither use nor keep tilings of attention tune's.")
    private boolean noCache;

    /** The backend with the tilings asked for. */
    Backend on(Backend backend) {
        requireOne();
        if (noCache) {
            return backend.untuned();
        }
        return cache == null ? backend : backend.withTunings(cache);
    }

    /** The file, null if there is to be none. */
    @Nullable TuningFile file() {
        requireOne();
        if (noCache) {
            return null;
        }
        return cache == null ? TuningFile.usual() : new TuningFile(cache);
    }

    private void requireOne() {
        if (noCache && cache != null) {
            throw new UsageException("give either --cache or --no-cache, not both");
        }
    }
}
