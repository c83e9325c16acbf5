package io.github.tornadoattention.host.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * Numbered tasks that one thread has begun and others join. It waits for those only that are at work when no task is left: who
 * comes later finds the door closed, and nobody waits for a thread that the operating system has not let run yet.
 */
final class SharedTasks {
    private static final int CLOSED = 1 << 30;

    private final int tasks;
    private final Workers.Task body;
    private final Thread owner = Thread.currentThread();
    private final AtomicInteger next = new AtomicInteger();
    /** How many have joined and not left, and {@link #CLOSED} once nobody else may. */
    private final AtomicInteger inside = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    SharedTasks(int tasks, Workers.Task body) {
        this.tasks = tasks;
        this.body = body;
    }

    /** Works until no task is left; after a failure nobody starts another task. */
    void drain(int worker) {
        try {
            for (int task = next.getAndIncrement(); task < tasks; task = next.getAndIncrement()) {
                body.run(worker, task);
            }
        } catch (RuntimeException | Error thrown) {
            next.set(tasks);
            failure.compareAndSet(null, thrown);
        }
    }

    /** Takes part, unless the end has come. */
    void join(int worker) {
        int present = inside.get();
        while ((present & CLOSED) == 0) {
            if (inside.compareAndSet(present, present + 1)) {
                drain(worker);
                if (inside.decrementAndGet() == CLOSED) {
                    LockSupport.unpark(owner);
                }
                return;
            }
            present = inside.get();
        }
    }

    /** Nobody else may join from now on; whether all have left. */
    boolean close() {
        return inside.accumulateAndGet(CLOSED, (a, b) -> a | b) == CLOSED;
    }

    /** Whether all have left since {@link #close}. */
    boolean ended() {
        return inside.get() == CLOSED;
    }

    /** Throws the first failure, if there was one. */
    void throwFailure() {
        switch (failure.get()) {
            case null -> { }
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(failure.get());
        }
    }
}
