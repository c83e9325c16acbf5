package uk.ac.manchester.tornado.api.exceptions;

/** Device memory was used in a way that is not allowed. */
public class TornadoMemoryException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** With a message. */
    public TornadoMemoryException(String message) {
        super(message);
    }
}
