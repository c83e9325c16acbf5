package io.github.tornadoattention.host;

/** A device, its compiler or its memory failed while computing (exit code 4). */
public class DeviceException extends AttentionException {
    private static final long serialVersionUID = 1L;

    /** With one line that names what is at fault. */
    public DeviceException(String message) {
        super(4, message);
    }

    /** With one line that names what is at fault, and what happened below. */
    public DeviceException(String message, Throwable cause) {
        super(4, message, cause);
    }
}
