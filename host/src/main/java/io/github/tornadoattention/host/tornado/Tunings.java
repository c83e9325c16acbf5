package io.github.tornadoattention.host.tornado;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Where the tilings of a device come from before {@link TileTable} is asked: a file of {@code attention tune}'s, or nowhere. */
public final class Tunings {
    /** The table alone. */
    static final Tunings NONE = new Tunings(null, false, Map.of());
    /** The file of the user who runs this JVM. */
    static final Tunings USUAL = new Tunings(null, true, Map.of());

    private final @Nullable Path named;
    private final boolean usual;
    private final Map<Class<?>, Tiling> forced;

    private Tunings(@Nullable Path named, boolean usual, Map<Class<?>, Tiling> forced) {
        this.named = named;
        this.usual = usual;
        this.forced = forced;
    }

    static Tunings of(Path file) {
        return new Tunings(file, false, Map.of());
    }

    /** The same, but this kernel gets this tiling. */
    Tunings with(Class<?> kernel, Tiling tiling) {
        Map<Class<?>, Tiling> more = new HashMap<>(forced);
        more.put(kernel, tiling);
        return new Tunings(named, usual, Map.copyOf(more));
    }

    /** The tiling that a kernel gets whatever fits best, null if that is not decided. */
    @Nullable Tiling forced(Class<?> kernel) {
        return forced.get(kernel);
    }

    /** The file, null if there is to be none. */
    @Nullable TuningFile file() {
        Path path = usual ? TuningFile.usual(Objects.requireNonNullElse(System.getProperty(TuningFile.PROPERTY), ""),
                System.getenv(), System.getProperty("os.name", ""), Path.of(System.getProperty("user.home", ""))) : named;
        return path == null ? null : new TuningFile(path);
    }
}
