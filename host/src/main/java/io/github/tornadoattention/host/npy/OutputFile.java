package io.github.tornadoattention.host.npy;

import io.github.tornadoattention.host.UsageException;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A file that appears whole or not at all: bytes go to a temporary file in the same folder, {@link #commit} moves it into
 * place, and {@link #close} without a commit removes it. Opened before the work begins, so that an output that cannot be
 * written is known at once.
 */
public final class OutputFile implements Closeable {
    /** What fills the file. */
    public interface Content {
        /** Writes everything; the stream is buffered and is closed by the caller. */
        void writeTo(OutputStream out) throws IOException;
    }

    private final Path target;
    private final Path temporary;

    private OutputFile(Path target, Path temporary) {
        this.target = target;
        this.temporary = temporary;
    }

    /**
     * Reserves a file of this name; what it holds until now stays until {@link #commit}.
     *
     * @throws UsageException if nothing can be written there
     */
    public static OutputFile open(Path file) {
        try {
            // a link keeps pointing at its file
            Path target = Files.isSymbolicLink(file) && Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
            Path folder = target.getParent();
            if (folder == null || Files.isDirectory(target)) {
                throw new UsageException("cannot write %s: it is a folder".formatted(file));
            }
            if (Files.exists(target) && !Files.isRegularFile(target)) {
                throw new UsageException("cannot write %s: it is a device or pipe".formatted(file));
            }
            if (!Files.isDirectory(folder)) {
                throw new UsageException("cannot write %s: %s is %s".formatted(
                        file, folder, Files.exists(folder) ? "not a folder" : "missing"));
            }
            return new OutputFile(target, reserve(folder, target.getFileName().toString()));
        } catch (IOException e) {
            throw new UsageException("cannot write %s: %s".formatted(file, reason(e)), e);
        }
    }

    private static Path reserve(Path folder, String name) throws IOException {
        while (true) {
            Path temporary = folder.resolve(".%s.%08x.tmp".formatted(name, ThreadLocalRandom.current().nextInt()));
            try {
                Files.createFile(temporary);
                temporary.toFile().deleteOnExit();
                return temporary;
            } catch (FileAlreadyExistsException e) {
                // somebody else's: another name then
            }
        }
    }

    /**
     * Writes the content and moves the file into place.
     *
     * @throws UsageException if writing fails; nothing is left behind then
     */
    public void commit(Content content) {
        try {
            try (OutputStream out = new BufferedOutputStream(
                    Files.newOutputStream(temporary, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING), 1 << 16)) {
                content.writeTo(out);
            }
            try {
                Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
            } catch (AtomicMoveNotSupportedException e) {
                Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
            }
        } catch (IOException e) {
            throw new UsageException("cannot write %s: %s".formatted(target, reason(e)), e);
        } finally {
            close();
        }
    }

    private static String reason(IOException e) {
        String message = e.getMessage() == null ? "" : e.getMessage();
        return e.getClass().getSimpleName().replace("Exception", "") + (message.isEmpty() ? "" : " (" + message + ")");
    }

    /** Removes the temporary file if it is still there. A second call does nothing. */
    @Override
    public void close() {
        try {
            Files.deleteIfExists(temporary);
        } catch (IOException ignored) {
            // it is removed when the JVM ends
        }
    }
}
