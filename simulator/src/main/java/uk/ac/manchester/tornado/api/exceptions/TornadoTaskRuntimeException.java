package uk.ac.manchester.tornado.api.exceptions;

/** A task was described wrongly. */
public class TornadoTaskRuntimeException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** With a message. */
    public TornadoTaskRuntimeException(String message) {
        super(message);
    }

    /** With a message and a cause. */
    public TornadoTaskRuntimeException(String message, Exception cause) {
        super(message, cause);
    }
}
