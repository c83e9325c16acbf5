package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.AttentionException;
import io.github.tornadoattention.host.launch.LaunchException;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a failure means to the caller of the command line: the one place where exceptions become exit codes.
 *
 * @param exitCode the exit code of the process
 * @param line one line for stderr
 */
public record Failure(int exitCode, String line) {
    /** Everything was done. */
    public static final int DONE = 0;
    /** A comparison or another check failed. */
    public static final int CHECK_FAILED = 1;
    /** Wrong usage, unreadable input, output not writable. */
    public static final int USAGE = 2;
    /** No such backend, device, JDK or SDK. */
    public static final int UNAVAILABLE = 3;
    /** Device, compiler or memory failed. */
    public static final int DEVICE = 4;
    /** A bug of this project. */
    public static final int BUG = 70;

    private static final String TORNADOVM = "uk.ac.manchester.tornado.";
    private static final String SIMULATOR = "io.github.tornadoattention.simulator.";

    private static final Pattern COLOR = Pattern.compile("\u001B\\[[0-9;]*m");

    /** What an exception means. */
    public static Failure of(Throwable cause) {
        return switch (cause) {
            case AttentionException e -> new Failure(e.exitCode(), line(e));
            case LaunchException e -> new Failure(UNAVAILABLE, line(e));
            case LinkageError e when missingLibrary(e) != null -> new Failure(UNAVAILABLE,
                    "TornadoVM cannot load its driver: %s; install the driver of the device, or unset TORNADOVM_HOME"
                            .formatted(missingLibrary(e)));
            case OutOfMemoryError e -> new Failure(DEVICE,
                    "out of memory: %s (-J-XX:MaxDirectMemorySize=<size> and -J-Xmx<size> allow more)"
                    .formatted(line(e)));
            case Throwable e when e.getClass().getName().startsWith(TORNADOVM) ->
                    new Failure(DEVICE, "TornadoVM failed: " + name(e));
            case Throwable e when e.getClass().getName().startsWith(SIMULATOR) -> new Failure(DEVICE, "simulator: " + line(e));
            default -> new Failure(BUG, ("internal error: %s; this is a bug of tornado-attention: --verbose shows the stack "
                    + "trace, please report it").formatted(name(cause)));
        };
    }

    /** Why TornadoVM's classes could not be initialized, null if it is something else that is wrong. */
    private static @Nullable String missingLibrary(Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            String message = cause.getMessage() == null ? "" : cause.getMessage();
            // a second attempt only remembers the text of the first one's reason
            boolean remembered = message.startsWith("Exception " + TORNADOVM)
                    || message.startsWith("Exception " + UnsatisfiedLinkError.class.getName());
            if (cause instanceof UnsatisfiedLinkError || cause.getClass().getName().startsWith(TORNADOVM) || remembered) {
                return line(cause);
            }
        }
        return null;
    }

    private static String name(Throwable e) {
        return e.getClass().getSimpleName() + (e.getMessage() == null ? "" : ": " + line(e));
    }

    /** The message as one line without colors, whatever it holds. */
    private static String line(Throwable e) {
        String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        return COLOR.matcher(message).replaceAll("").lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .collect(Collectors.joining("; "));
    }
}
