package io.github.tornadoattention.host.cpu;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed number of threads that share numbered tasks. Which worker gets which task is left to chance; a task's result must not
 * depend on it. The calling thread is worker 0, and alone once this is closed. One thread calls at a time.
 */
final class Workers implements AutoCloseable {
    /** One task, done by one worker. */
    interface Task {
        void run(int worker, int task);
    }

    /** How long a thread looks for what it waits for before it sleeps: about what waking it up costs. */
    private static final long SPIN_NANOS = 50_000;

    private static final int LOOKS = 32;

    private final int count;
    private final boolean spins;
    private Thread @Nullable [] helpers;
    /** What there is to do, null if nothing. */
    private volatile @Nullable SharedTasks shared;
    private volatile boolean closed;

    Workers(int count) {
        this.count = count;
        this.spins = count <= Runtime.getRuntime().availableProcessors();
    }

    int count() {
        return count;
    }

    /** Runs tasks {@code 0 .. tasks - 1}, in about that order, and returns when all are done; a failure of any is thrown on. */
    void run(int tasks, Task body) {
        SharedTasks all = new SharedTasks(tasks, body);
        int wanted = Math.min(count, tasks) - 1;
        if (wanted > 0 && !closed) {
            Thread[] threads = helpers();
            shared = all;
            for (int n = 0; n < wanted; n++) {
                LockSupport.unpark(threads[n]);
            }
        }
        all.drain(0);
        shared = null;
        awaitEnd(all);
        all.throwFailure();
    }

    /** Waits through interruptions, because the helpers write into the caller's arrays. */
    private void awaitEnd(SharedTasks all) {
        boolean interrupted = false;
        if (!all.close()) {
            spinUntil(all::ended);
            while (!all.ended()) {
                LockSupport.park(this);
                interrupted |= Thread.interrupted();
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private Thread[] helpers() {
        Thread[] present = helpers;
        if (present == null) {
            present = new Thread[count - 1];
            for (int n = 0; n < present.length; n++) {
                int worker = n + 1;
                present[n] = Thread.ofPlatform().daemon().name("attention-cpu-" + worker).start(() -> help(worker));
            }
            helpers = present;
        }
        return present;
    }

    /** Takes part in whatever there is to do until all is closed. */
    private void help(int worker) {
        SharedTasks last = null;
        while (!closed) {
            SharedTasks next = shared;
            if (next != null && next != last) {
                next.join(worker);
                last = next;
            } else {
                SharedTasks known = last;
                if (!spinUntil(() -> closed || (shared != null && shared != known))) {
                    last = null;
                    LockSupport.park(this);
                }
            }
        }
    }

    private interface Condition {
        boolean holds();
    }

    /** Whether a condition comes true before it is time to sleep. */
    private boolean spinUntil(Condition condition) {
        long end = spins ? System.nanoTime() + SPIN_NANOS : System.nanoTime();
        do {
            for (int look = 0; look < LOOKS; look++) {
                if (condition.holds()) {
                    return true;
                }
                Thread.onSpinWait();
            }
        } while (System.nanoTime() < end);
        return false;
    }

    @Override
    public void close() {
        closed = true;
        Thread[] present = helpers;
        if (present != null) {
            for (Thread helper : present) {
                LockSupport.unpark(helper);
            }
            helpers = null;
        }
    }
}
