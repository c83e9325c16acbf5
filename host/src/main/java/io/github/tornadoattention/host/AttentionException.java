package io.github.tornadoattention.host;

/** A failure with a message for people and the exit code that the command line gives it. */
public abstract class AttentionException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int exitCode;

    /**
     * A failure without another one behind it.
     *
     * @param exitCode the exit code of the process if nobody handles this
     * @param message one line that names what is at fault
     */
    protected AttentionException(int exitCode, String message) {
        super(message);
        this.exitCode = exitCode;
    }

    /**
     * A failure that another one brought about.
     *
     * @param exitCode the exit code of the process if nobody handles this
     * @param message one line that names what is at fault
     * @param cause what happened below
     */
    protected AttentionException(int exitCode, String message, Throwable cause) {
        super(message, cause);
        this.exitCode = exitCode;
    }

    /** The exit code that the command line ends with: 2 wrong usage, 3 something is missing, 4 the device failed. */
    public final int exitCode() {
        return exitCode;
    }
}
