package uk.ac.manchester.tornado.api.exceptions;

/** The device has too little memory. */
public class TornadoOutOfMemoryException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** With a message. */
    public TornadoOutOfMemoryException(String message) {
        super(message);
    }
}
