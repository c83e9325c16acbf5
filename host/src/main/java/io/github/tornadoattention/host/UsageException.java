package io.github.tornadoattention.host;

/** What was asked for is wrong, unreadable, or not supported by the chosen backend (exit code 2). */
public class UsageException extends AttentionException {
    private static final long serialVersionUID = 1L;

    /** With one line that names what is at fault. */
    public UsageException(String message) {
        super(2, message);
    }

    /** With one line that names what is at fault, and what happened below. */
    public UsageException(String message, Throwable cause) {
        super(2, message, cause);
    }
}
