package io.github.tornadoattention.host.npy;

import io.github.tornadoattention.host.UsageException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/** The arrays of one .npz: a zip file, entries stored or deflated, zip64 where it is needed. */
final class NpzSource extends ArraySource {
    /** Deflate spends at least two bits on 258 bytes: it never expands further than this. */
    private static final long MAX_EXPANSION = 1032;

    private final Path file;
    private final long fileBytes;
    private final ZipFile zip;
    private final Map<String, ZipEntry> entries;

    private NpzSource(Path file, long fileBytes, ZipFile zip, Map<String, ZipEntry> entries) {
        this.file = file;
        this.fileBytes = fileBytes;
        this.zip = zip;
        this.entries = entries;
    }

    static NpzSource open(Path file) {
        requireReadable(file);
        ZipFile zip = null;
        try {
            requireZip(file);
            long fileBytes = Files.size(file);
            zip = new ZipFile(file.toFile());
            NpzSource source = new NpzSource(file, fileBytes, zip, entries(file, zip));
            zip = null;
            return source;
        } catch (ZipException e) {
            throw new UsageException("%s is a truncated or damaged zip file: %s".formatted(file, e.getMessage()), e);
        } catch (IOException e) {
            throw new UsageException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
        } finally {
            closeQuietly(zip);
        }
    }

    /** Refuses what is missing or no plain file, by name. */
    static void requireReadable(Path file) {
        if (!Files.exists(file)) {
            throw new UsageException("%s: no such file".formatted(file));
        }
        if (!Files.isRegularFile(file)) {
            throw new UsageException("%s is %s, not a file".formatted(file,
                    Files.isDirectory(file) ? "a folder" : "a device or pipe"));
        }
        if (!Files.isReadable(file)) {
            throw new UsageException("%s: no permission to read it".formatted(file));
        }
    }

    private static void requireZip(Path file) throws IOException {
        byte[] start;
        try (InputStream in = Files.newInputStream(file)) {
            start = in.readNBytes(6);
        }
        if (start.length == 0) {
            throw new UsageException("%s is empty".formatted(file));
        }
        if (Arrays.equals(start, new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'})) {
            throw new UsageException(
                    "%s is a single array (.npy), an .npz is needed here; or use --q, --k and --v".formatted(file));
        }
        if (start.length < 4 || start[0] != 'P' || start[1] != 'K') {
            throw new UsageException("%s is not a zip file, so not an .npz".formatted(file));
        }
    }

    private static Map<String, ZipEntry> entries(Path file, ZipFile zip) {
        Map<String, ZipEntry> entries = new LinkedHashMap<>();
        zip.stream().filter(entry -> !entry.isDirectory()).forEach(entry -> {
            String name = entry.getName().endsWith(".npy")
                    ? entry.getName().substring(0, entry.getName().length() - ".npy".length())
                    : entry.getName();
            if (entries.put(name, entry) != null) {
                throw new UsageException("%s holds array '%s' twice".formatted(file, name));
            }
        });
        return entries;
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(entries.keySet());
    }

    @Override
    public String label(String name) {
        return "array '%s' of %s".formatted(name, file);
    }

    @Override
    Content open(String name) throws IOException {
        ZipEntry entry = Objects.requireNonNull(entries.get(name), name);
        long packed = entry.getCompressedSize();
        boolean stored = entry.getMethod() == ZipEntry.STORED;
        if (!stored && entry.getMethod() != ZipEntry.DEFLATED) {
            throw new MalformedArrayException(
                    "is packed by zip method %d; stored and deflated are read".formatted(entry.getMethod()));
        }
        if (packed > fileBytes) {
            throw new MalformedArrayException("is truncated: %d packed bytes in a file of %d".formatted(packed, fileBytes));
        }
        if (entry.getSize() > (stored ? packed : packed * MAX_EXPANSION)) {
            throw new MalformedArrayException(
                    "is damaged: it claims to unpack to %d bytes from %d packed ones".formatted(entry.getSize(), packed));
        }
        return new Content(zip.getInputStream(entry), entry.getSize(), entry.getCrc());
    }

    @Override
    public void close() {
        closeQuietly(zip);
    }

    private static void closeQuietly(@Nullable ZipFile zip) {
        try {
            if (zip != null) {
                zip.close();
            }
        } catch (IOException ignored) {
            // the file was only read: nothing is lost
        }
    }
}
