package uk.ac.manchester.tornado.api.exceptions;

/** The runtime refused or failed. */
public class TornadoRuntimeException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** With a message. */
    public TornadoRuntimeException(String message) {
        super(message);
    }

    /** With a cause. */
    public TornadoRuntimeException(Exception cause) {
        super(cause);
    }
}
