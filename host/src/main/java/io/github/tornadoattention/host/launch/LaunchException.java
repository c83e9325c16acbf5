package io.github.tornadoattention.host.launch;

/** The JVM cannot be started as asked: the message is one line that says what is wrong and what to do. Exit code 3. */
public final class LaunchException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** With one line for people. */
    public LaunchException(String message) {
        super(message);
    }
}
