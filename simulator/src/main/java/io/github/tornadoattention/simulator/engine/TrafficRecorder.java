package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.Traffic;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** Hands each counted launch to everybody who records just now. */
public final class TrafficRecorder {

    private static final List<Consumer<Traffic.LaunchTraffic>> LISTENERS = new CopyOnWriteArrayList<>();

    private TrafficRecorder() {
    }

    /** Starts to record. */
    public static void add(Consumer<Traffic.LaunchTraffic> listener) {
        LISTENERS.add(listener);
    }

    /** Ends to record. */
    public static void remove(Consumer<Traffic.LaunchTraffic> listener) {
        LISTENERS.remove(listener);
    }

    static boolean isOn() {
        return !LISTENERS.isEmpty();
    }

    static void record(Traffic.LaunchTraffic launch) {
        LISTENERS.forEach(listener -> listener.accept(launch));
    }
}
