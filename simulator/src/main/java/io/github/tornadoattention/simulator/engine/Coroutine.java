package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.Settings.Scheduling;

/** Code that can stop in its middle and go on later. One of them runs at a time; who resumes it decides the order. */
interface Coroutine {

    /** Runs until the code pauses or ends. */
    void resume();

    /** Called by the code itself: stops here until somebody resumes it. */
    void pause();

    /** Whether the code has ended. */
    boolean isDone();

    /** Called where the code will never be resumed. */
    void abandon();

    /** A coroutine of a kind; the code must not throw. */
    static Coroutine of(Scheduling scheduling, Runnable code) {
        return switch (scheduling) {
            case CONTINUATIONS -> new ContinuationCoroutine(code);
            case VIRTUAL_THREADS -> new ThreadCoroutine(code);
        };
    }
}
