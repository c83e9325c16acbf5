package io.github.tornadoattention.host.npy;

/** What is wrong with the bytes of one array; {@link ArraySource} adds which file and array it was. */
final class MalformedArrayException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MalformedArrayException(String message) {
        super(message);
    }
}
