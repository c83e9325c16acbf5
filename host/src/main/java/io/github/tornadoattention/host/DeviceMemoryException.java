package io.github.tornadoattention.host;

/** The device has not enough memory; the message says how much is needed and how much there is. */
public final class DeviceMemoryException extends DeviceException {
    private static final long serialVersionUID = 1L;

    /** The message is shown to the user as it is. */
    public DeviceMemoryException(String message) {
        super(message);
    }
}
