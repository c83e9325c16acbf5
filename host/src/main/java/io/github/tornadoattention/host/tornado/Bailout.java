package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.UnavailableException;
import org.jspecify.annotations.Nullable;

/**
 * TornadoVM's switch {@code tornado.recover.bailout}, on by default and read once: a kernel that it cannot compile then runs as
 * sequential Java, for work-item 0 alone, with wrong numbers and no exception.
 */
final class Bailout {
    private static final String PROPERTY = "tornado.recover.bailout";

    private Bailout() {}

    /**
     * Refuses a real device unless the switch is off.
     *
     * @throws UnavailableException that names the option
     */
    static void requireOff(String backend, Platform.Device device) {
        if (!device.simulated()) {
            requireOff(backend, System.getProperty(PROPERTY));
        }
    }

    static void requireOff(String backend, @Nullable String value) {
        if (!"false".equalsIgnoreCase(value)) {
            throw new UnavailableException(("backend '%s': start the JVM with -D%s=False, which is %s: TornadoVM would run "
                    + "a kernel that it cannot compile as sequential Java, with wrong results and no exception")
                    .formatted(backend, PROPERTY, value == null ? "not set" : "'" + value + "'"));
        }
    }
}
