package uk.ac.manchester.tornado.api.exceptions;

/** No backend of that index or type. */
public class TornadoBackendNotFound extends TornadoRuntimeException {

    private static final long serialVersionUID = 1L;

    /** With a message. */
    public TornadoBackendNotFound(String message) {
        super(message);
    }
}
