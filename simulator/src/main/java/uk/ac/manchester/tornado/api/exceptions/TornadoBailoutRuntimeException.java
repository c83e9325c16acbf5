package uk.ac.manchester.tornado.api.exceptions;

/** A kernel could not be compiled. */
public class TornadoBailoutRuntimeException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** With a message. */
    public TornadoBailoutRuntimeException(String message) {
        super(message);
    }

    /** With a message and a cause. */
    public TornadoBailoutRuntimeException(String message, Exception cause) {
        super(message, cause);
    }
}
