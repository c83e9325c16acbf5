package uk.ac.manchester.tornado.api.exceptions;

/** A state that the runtime holds to be impossible. An {@link Error}: {@code catch (Exception e)} does not see it. */
public class TornadoInternalError extends Error {

    private static final long serialVersionUID = 1L;

    /** With a message in the manner of {@link String#format}. */
    public TornadoInternalError(String message, Object... arguments) {
        super(String.format(message, arguments));
    }

    /** With a cause. */
    public TornadoInternalError(Throwable cause) {
        super(cause);
    }

    /** Throws: this point should never be reached. */
    public static RuntimeException shouldNotReachHere() {
        throw new TornadoInternalError("should not reach here");
    }

    /** Throws: this point should never be reached, with a reason. */
    public static RuntimeException shouldNotReachHere(String reason) {
        throw new TornadoInternalError("should not reach here: %s", reason);
    }

    /** Throws: this point should never be reached, with a formatted reason. */
    public static RuntimeException shouldNotReachHere(String reason, Object... arguments) {
        throw new TornadoInternalError("should not reach here: " + reason, arguments);
    }

    /** Throws: this point should never be reached, with a cause. */
    public static RuntimeException shouldNotReachHere(Throwable cause) {
        throw new TornadoInternalError(cause);
    }

    /** Throws if a condition does not hold. */
    public static void guarantee(boolean condition, String message, Object... arguments) {
        if (!condition) {
            throw new TornadoInternalError("failed guarantee: " + message, arguments);
        }
    }
}
