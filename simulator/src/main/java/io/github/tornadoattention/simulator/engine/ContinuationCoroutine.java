package io.github.tornadoattention.simulator.engine;

import jdk.internal.vm.Continuation;
import jdk.internal.vm.ContinuationScope;

/** A coroutine on the JDK's own continuations: a switch costs about as much as a few calls. */
final class ContinuationCoroutine implements Coroutine {

    private static final ContinuationScope SCOPE = new ContinuationScope("work-item");

    private final Continuation continuation;

    ContinuationCoroutine(Runnable code) {
        continuation = new Continuation(SCOPE, code);
    }

    @Override
    public void resume() {
        continuation.run();
    }

    @Override
    public void pause() {
        Continuation.yield(SCOPE);
    }

    @Override
    public boolean isDone() {
        return continuation.isDone();
    }

    @Override
    public void abandon() {
        // Nothing runs and nothing refers to it: the garbage collector takes it.
    }
}
