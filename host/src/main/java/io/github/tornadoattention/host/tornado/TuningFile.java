package io.github.tornadoattention.host.tornado;

import com.fasterxml.jackson.jr.ob.JSON;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.npy.OutputFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The file in which {@code attention tune} keeps what it found: a JSON array, one tiling a line. It is written whole or not at
 * all, and under a lock ({@code tunings.json.lock} beside it), so that processes which tune together merge what they found.
 */
public final class TuningFile {
    /** System property: the file, or {@code off} for none. */
    public static final String PROPERTY = "attention.tunings";

    private static final String OFF = "off";
    private static final String FOLDER = "tornado-attention";
    private static final String NAME = "tunings.json";
    private static final int SIZES = 6;
    /** A file lock is the whole JVM's: its threads take turns here. */
    private static final ReentrantLock IN_THIS_JVM = new ReentrantLock();
    private static final Set<String> SAID = ConcurrentHashMap.newKeySet();

    private final Path path;

    /** The file at this place, which need not exist. */
    public TuningFile(Path path) {
        this.path = path.toAbsolutePath();
    }

    /** An entry: what it is for, the six numbers of the tiling, and whatever else the line says. */
    record Entry(Map<String, Object> fields) {
        static Entry of(TuningKey key, Tiling tiling, double milliseconds, double tableMilliseconds, String date) {
            Map<String, Object> fields = key.fields();
            fields.put("tiling", tiling.sizes());
            fields.put("ms", milliseconds);
            fields.put("table_ms", tableMilliseconds);
            fields.put("date", date);
            return new Entry(fields);
        }

        boolean isOf(TuningKey key) {
            return fields.entrySet().containsAll(key.fields().entrySet());
        }

        List<?> sizes() {
            return fields.get("tiling") instanceof List<?> sizes ? sizes : List.of();
        }

        String date() {
            return String.valueOf(fields.get("date"));
        }

        private boolean sound() {
            return fields.get("kernel") instanceof String && sizes(fields.get("tiling"));
        }

        private static boolean sizes(@Nullable Object value) {
            return value instanceof List<?> list && list.size() == SIZES && list.stream().allMatch(Integer.class::isInstance);
        }
    }

    /**
     * The file of a user, null for none.
     *
     * @param told the system property's value, "" if it is not set
     */
    static @Nullable Path usual(String told, Map<String, String> environment, String system, Path home) {
        if (!told.isEmpty()) {
            return told.equals(OFF) ? null : Path.of(told);
        }
        String cache = environment.getOrDefault("XDG_CACHE_HOME", "");
        String local = environment.getOrDefault("LOCALAPPDATA", "");
        Path folder;
        // a relative one is to be ignored, says the XDG specification
        if (!cache.isEmpty() && Path.of(cache).isAbsolute()) {
            folder = Path.of(cache);
        } else if (system.toLowerCase(Locale.ROOT).startsWith("windows") && !local.isEmpty()) {
            folder = Path.of(local);
        } else {
            folder = home.resolve(system.startsWith("Mac") ? "Library/Caches" : ".cache");
        }
        return folder.resolve(FOLDER).resolve(NAME);
    }

    /** The file of the user who runs this JVM, null if it is switched off. */
    public static @Nullable TuningFile usual() {
        return Tunings.USUAL.file();
    }

    /** Where it is. */
    public Path path() {
        return path;
    }

    /** The entry of a key; null if there is none, or if the file cannot be read, which is said once on stderr. */
    @Nullable Entry find(TuningKey key) {
        try {
            return entries().stream().filter(entry -> entry.isOf(key)).findFirst().orElse(null);
        } catch (UsageException e) {
            say(e.getMessage() + "; ignored");
            return null;
        }
    }

    /** One line on stderr, once. */
    void say(@Nullable String line) {
        if (line != null && SAID.add(line)) {
            System.err.println("attention: " + line);
        }
    }

    /**
     * Puts an entry in the place of an older one of its key.
     *
     * @param entry null to take the older one out
     * @throws UsageException if the file cannot be written, or holds something else
     */
    void replace(TuningKey key, @Nullable Entry entry) {
        locked(entries -> {
            boolean changed = entries.removeIf(old -> old.isOf(key));
            return entry == null ? changed : entries.add(entry);
        });
    }

    /**
     * Requires that {@link #replace} would work, so that nobody measures for nothing.
     *
     * @throws UsageException if the file cannot be written, or holds something else
     */
    public void requireWritable() {
        locked(entries -> false);
        OutputFile.open(path).close();
    }

    private interface Change {
        /** Whether the file has to be written. */
        boolean of(List<Entry> entries);
    }

    private void locked(Change change) {
        IN_THIS_JVM.lock();
        try {
            Files.createDirectories(folder());
            try (FileChannel channel = FileChannel.open(folder().resolve(path.getFileName() + ".lock"),
                    StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                channel.lock(); // given back as the channel closes
                List<Entry> entries = new ArrayList<>(entries());
                if (change.of(entries)) {
                    write(entries);
                }
            }
        } catch (IOException e) {
            throw new UsageException("cannot write %s: %s".formatted(path, e), e);
        } finally {
            IN_THIS_JVM.unlock();
        }
    }

    private Path folder() {
        Path folder = path.getParent();
        if (folder == null) {
            throw new UsageException("cannot write %s: it is a folder".formatted(path));
        }
        return folder;
    }

    private void write(List<Entry> entries) throws IOException {
        List<String> lines = new ArrayList<>();
        for (Entry entry : entries) {
            lines.add(JSON.std.asString(entry.fields()));
        }
        byte[] text = ("[\n" + String.join(",\n", lines) + "\n]\n").getBytes(StandardCharsets.UTF_8);
        try (OutputFile file = OutputFile.open(path)) {
            file.commit(out -> out.write(text));
        }
    }

    private List<Entry> entries() {
        List<Entry> entries = new ArrayList<>();
        try {
            for (Object one : JSON.std.listFrom(Files.readString(path))) {
                Map<String, Object> fields = new LinkedHashMap<>();
                if (one instanceof Map<?, ?> map) {
                    map.forEach((name, value) -> fields.put(String.valueOf(name), value));
                }
                Entry entry = new Entry(fields);
                if (!entry.sound()) {
                    throw new UsageException("%s: entry %d is no tiling of attention tune's".formatted(path, entries.size() + 1));
                }
                entries.add(entry);
            }
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException | ClassCastException e) {
            String reason = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            throw new UsageException("%s is no file of attention tune's: %s".formatted(path, reason), e);
        }
        return entries;
    }
}
