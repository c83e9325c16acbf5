package io.github.tornadoattention.host.npy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** Arrays that lie in a file each. */
final class NpySource extends ArraySource {
    private final Map<String, Path> files;

    NpySource(Map<String, Path> files) {
        this.files = new LinkedHashMap<>(files);
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(files.keySet());
    }

    @Override
    public String label(String name) {
        return files.containsKey(name) ? files.get(name).toString() : "array '%s'".formatted(name);
    }

    @Override
    Content open(String name) throws IOException {
        Path file = Objects.requireNonNull(files.get(name), name);
        NpzSource.requireReadable(file);
        return new Content(Files.newInputStream(file), Files.size(file), -1);
    }
}
