package uk.ac.manchester.tornado.api.exceptions;

/** The device has no tensor cores. */
public class TornadoDeviceMMANotSupported extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** With a message. */
    public TornadoDeviceMMANotSupported(String message) {
        super(message);
    }
}
