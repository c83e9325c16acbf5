package io.github.tornadoattention.bench;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static java.util.Objects.requireNonNull;

import io.github.tornadoattention.host.UsageException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** A file of results, one a line. Reading skips lines that are none, and says so; writing appends whole lines or nothing. */
public final class ResultsFile {
    /** How errors begin where a device has not enough memory. */
    public static final String TOO_LARGE = "out-of-memory";

    /** How errors begin of results that differ from float64. */
    public static final String WRONG = "wrong result";

    /** How errors begin that are this project's own. */
    public static final String BUG = "internal error";

    /** How every result begins, ours and those of {@code torch_sdpa.py}. */
    private static final String BEGINNING = "{\"backend\":";

    private final Path file;
    private final Set<String> present = new HashSet<>();
    /** Bytes that were read. */
    private long read;

    private ResultsFile(Path file) {
        this.file = file;
    }

    /**
     * Opens a file to append to. What is in it counts as done, and is not measured again.
     *
     * @param warnings where lines that are no results are reported
     * @throws UsageException if it cannot be read or written, or is a file of something else
     */
    public static ResultsFile append(Path file, PrintStream warnings) {
        ResultsFile results = new ResultsFile(file);
        if (Files.exists(file)) {
            ByteArrayOutputStream said = new ByteArrayOutputStream();
            List<Result> found = lines(file, new PrintStream(said, false, StandardCharsets.UTF_8));
            if (found.isEmpty() && isForeign(file)) {
                throw new UsageException("--out %s holds something else than results of scripts/bench".formatted(file));
            }
            warnings.print(said.toString(StandardCharsets.UTF_8));
            found.forEach(results::remember);
            results.read = file.toFile().length();
        }
        Path folder = file.toAbsolutePath().getParent();
        if (Files.isDirectory(file) || folder == null || !Files.isDirectory(folder)
                || !Files.isWritable(Files.exists(file) ? file : folder)) {
            throw new UsageException("--out %s cannot be written".formatted(file));
        }
        return results;
    }

    /** Whether the first line of a file is not even the beginning of a result. */
    private static boolean isForeign(Path file) {
        try (Stream<String> lines = Files.lines(file, StandardCharsets.ISO_8859_1)) {
            String first = lines.filter(line -> !line.isBlank()).findFirst().orElse("");
            return !first.startsWith(BEGINNING) && !BEGINNING.startsWith(first);
        } catch (IOException e) {
            throw new UsageException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
        }
    }

    /**
     * Reads all results of a file.
     *
     * @throws UsageException if the file cannot be read or holds no result at all
     */
    public static List<Result> read(Path file, PrintStream warnings) {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        List<Result> results = lines(file, new PrintStream(said, false, StandardCharsets.UTF_8));
        if (results.isEmpty()) { // another kind of file, of whose lines nobody wants to hear
            throw new UsageException("%s holds no result of scripts/bench".formatted(file));
        }
        warnings.print(said.toString(StandardCharsets.UTF_8));
        return results;
    }

    /** The results of a file whose other lines have been reported already. */
    public static List<Result> readQuietly(Path file) {
        return lines(file, new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8));
    }

    private static List<Result> lines(Path file, PrintStream warnings) {
        if (!Files.isRegularFile(file)) {
            throw new UsageException("%s: %s".formatted(file, Files.exists(file) ? "is no file" : "no such file"));
        }
        List<Result> results = new ArrayList<>();
        try {
            // decoding replaces what is no UTF-8, so that a damaged line is one bad line
            String[] lines = new String(Files.readAllBytes(file), StandardCharsets.UTF_8).split("\n", -1);
            for (int n = 0; n < lines.length; n++) {
                if (lines[n].isBlank()) {
                    continue;
                }
                try {
                    results.add(Result.parse(lines[n]));
                } catch (IllegalArgumentException e) {
                    warnings.println("bench: %s:%d: %s, skipped".formatted(file, n + 1, e.getMessage()));
                }
            }
        } catch (IOException e) {
            throw new UsageException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
        }
        return results;
    }

    /**
     * Reads what other processes have appended. What failed there counts as done for this process; it is measured again once the
     * file is opened anew.
     *
     * @throws UsageException if that fails
     */
    public void refresh() {
        if (!Files.exists(file)) {
            return;
        }
        try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
            byte[] added = new byte[(int) Math.max(0, in.length() - read)];
            in.seek(read);
            in.readFully(added);
            int end = added.length;
            while (end > 0 && added[end - 1] != '\n') {
                end--;
            }
            read += end;
            for (String line : new String(added, 0, end, StandardCharsets.UTF_8).split("\n", -1)) {
                if (!line.isBlank()) {
                    remember(line);
                }
            }
        } catch (IOException e) {
            throw new UsageException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
        }
    }

    private void remember(String line) {
        try {
            Result result = Result.parse(line);
            if (!result.profiled()) {
                present.add(result.identity());
            }
        } catch (IllegalArgumentException e) {
            return; // reported where it is read for good
        }
    }

    /** Whether the file holds this measurement already. */
    public boolean has(Result result) {
        return present.contains(result.identity());
    }

    /**
     * Appends a result. A last line that was cut off is ended first, so that it does not spoil this one. Other processes may
     * append to the same file.
     *
     * @throws UsageException if that fails; the file is then as it was
     */
    public void append(Result result) {
        synchronized (ResultsFile.class) {
            write(result);
        }
        remember(result);
    }

    private void write(Result result) {
        try (FileChannel channel = FileChannel.open(file, CREATE, READ, WRITE);
                FileLock alone = channel.lock()) {
            requireNonNull(alone);
            long end = channel.size();
            ByteBuffer line = ByteBuffer.wrap(((endsALine(channel, end) ? "" : "\n") + result.json() + "\n")
                    .getBytes(StandardCharsets.UTF_8));
            try {
                channel.position(end);
                while (line.hasRemaining()) {
                    channel.write(line);
                }
            } catch (IOException e) {
                channel.truncate(end);
                throw e;
            }
        } catch (IOException e) {
            throw new UsageException("--out %s cannot be written: %s".formatted(file, e.getMessage()), e);
        }
    }

    /** What failed for another reason than its size is measured again, and what a profiler counted is no measurement of time. */
    private void remember(Result result) {
        if (result.profiled()) {
            return;
        }
        if (result.get("error") == null || result.text("error").startsWith(TOO_LARGE)) {
            present.add(result.identity());
        }
    }

    private static boolean endsALine(FileChannel channel, long end) throws IOException {
        if (end == 0) {
            return true;
        }
        ByteBuffer last = ByteBuffer.allocate(1);
        return channel.read(last, end - 1) == 1 && last.get(0) == '\n';
    }
}
