package uk.ac.manchester.tornado.api.runtime;

import io.github.tornadoattention.simulator.engine.SimulatedRuntime;
import uk.ac.manchester.tornado.api.TornadoRuntime;

/** The way to the runtime. */
public class TornadoRuntimeProvider {

    /** Holds functions only. */
    public TornadoRuntimeProvider() {
    }

    /** The one runtime of this JVM. */
    public static TornadoRuntime getTornadoRuntime() {
        return SimulatedRuntime.INSTANCE;
    }

    /** Whether every plan is profiled. */
    public static boolean isProfilerEnabled() {
        return getTornadoRuntime().isProfilerEnabled();
    }

    /** Sets a property of the runtime. */
    public static void setProperty(String key, String value) {
        System.setProperty(key, value);
    }

    /** A property of the runtime, or a default. */
    public static String getProperty(String key, String value) {
        return System.getProperty(key, value);
    }

    /** A property of the runtime, or null. */
    public static String getProperty(String key) {
        return System.getProperty(key);
    }
}
