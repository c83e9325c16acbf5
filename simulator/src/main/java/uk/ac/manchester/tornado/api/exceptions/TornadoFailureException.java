package uk.ac.manchester.tornado.api.exceptions;

/** A kernel or a transfer failed. */
public class TornadoFailureException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** With a message. */
    public TornadoFailureException(String message) {
        super(message);
    }

    /** With a cause. */
    public TornadoFailureException(Exception cause) {
        super(cause);
    }
}
