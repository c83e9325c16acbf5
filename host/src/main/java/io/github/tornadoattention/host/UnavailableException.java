package io.github.tornadoattention.host;

/** A backend, device, JDK or SDK that was asked for is not there (exit code 3). */
public class UnavailableException extends AttentionException {
    private static final long serialVersionUID = 1L;

    /** With one line that names what is at fault. */
    public UnavailableException(String message) {
        super(3, message);
    }

    /** With one line that names what is at fault, and what happened below. */
    public UnavailableException(String message, Throwable cause) {
        super(3, message, cause);
    }
}
