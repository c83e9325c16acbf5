package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.Settings;
import io.github.tornadoattention.simulator.Settings.Scheduling;

/** Knows whether this JVM lets us use continuations. */
public final class Scheduler {

    private static final boolean CONTINUATIONS = hasContinuations();

    private Scheduler() {
    }

    private static boolean hasContinuations() {
        try {
            Coroutine probe = new ContinuationCoroutine(() -> { });
            probe.resume();
            return probe.isDone();
        } catch (IllegalAccessError notExported) {
            return false;
        }
    }

    /** The settings, with virtual threads in place of continuations where there are none. */
    public static Settings possible(Settings wanted) {
        return wanted.scheduling() == Scheduling.CONTINUATIONS && !CONTINUATIONS
                ? wanted.withScheduling(Scheduling.VIRTUAL_THREADS)
                : wanted;
    }
}
