package io.github.tornadoattention.host.cpu;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A fixed number of threads that share numbered tasks. Which worker gets which task is left to chance; a task's result
 * must not depend on it. The calling thread is worker 0.
 */
final class Workers implements AutoCloseable {
    /** One task, done by one worker. */
    interface Task {
        void run(int worker, int task);
    }

    private final int count;
    private @Nullable ExecutorService others;

    Workers(int count) {
        this.count = count;
    }

    int count() {
        return count;
    }

    /** Runs tasks {@code 0 .. tasks - 1}, in about that order, and returns when all are done; a failure of any is thrown on. */
    void run(int tasks, Task body) {
        AtomicInteger next = new AtomicInteger();
        List<Future<@Nullable Throwable>> running = new ArrayList<>();
        for (int w = 1; w < Math.min(count, tasks); w++) {
            int worker = w;
            running.add(threads().submit(() -> drain(worker, tasks, next, body)));
        }
        Throwable failure = drain(0, tasks, next, body);
        for (Future<@Nullable Throwable> other : running) {
            Throwable another = await(other);
            failure = failure == null ? another : failure;
        }
        switch (failure) {
            case null -> { }
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(failure);
        }
    }

    /** Works until no task is left; after a failure nobody starts another task. */
    private static @Nullable Throwable drain(int worker, int tasks, AtomicInteger next, Task body) {
        try {
            for (int task = next.getAndIncrement(); task < tasks; task = next.getAndIncrement()) {
                body.run(worker, task);
            }
            return null;
        } catch (RuntimeException | Error failure) {
            next.set(tasks);
            return failure;
        }
    }

    /** Waits through interruptions, because the workers write into the caller's arrays. */
    private static @Nullable Throwable await(Future<@Nullable Throwable> running) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return running.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    return e.getCause();
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private ExecutorService threads() {
        ExecutorService present = others;
        if (present == null) {
            present = Executors.newFixedThreadPool(
                    count - 1, Thread.ofPlatform().daemon().name("attention-cpu-", 1).factory());
            others = present;
        }
        return present;
    }

    @Override
    public void close() {
        ExecutorService present = others;
        if (present != null) {
            present.shutdown();
            others = null;
        }
    }
}
