package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.DeviceLimits;
import io.github.tornadoattention.simulator.KernelFault;
import io.github.tornadoattention.simulator.Settings;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import uk.ac.manchester.tornado.api.KernelContext;

/** One run of a kernel over its grid. Groups are dealt to threads in their order; each group runs on one thread. */
final class Launch {

    private static final ExecutorService THREADS = Executors.newCachedThreadPool(
            Thread.ofPlatform().daemon().name("simulator-", 0).factory());

    private final KernelCall call;
    private final Object[] arguments;
    private final Geometry geometry;
    private final Faults faults;
    private final Settings settings;
    private final DeviceLimits limits;
    private final int contextAt;

    /** {@code arguments} are the device's; {@code geometry} is null for a kernel of plain loops. */
    Launch(GraphStep.Task task, Object[] arguments, Geometry geometry, Settings settings, DeviceLimits limits) {
        this.call = task.call();
        this.arguments = arguments;
        this.geometry = geometry;
        this.settings = settings;
        this.limits = limits;
        this.faults = new Faults(task.name(), task.loader(), arguments);
        this.contextAt = contextPosition(arguments);
    }

    /** The position of the kernel's context, or -1 for a kernel of plain loops. */
    static int contextPosition(Object[] arguments) {
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i] instanceof KernelContext) {
                return i;
            }
        }
        return -1;
    }

    Geometry geometry() {
        return geometry;
    }

    Faults faults() {
        return faults;
    }

    /** Runs all groups; the fault of the first group in order that has one is thrown. {@code watched} may be null. */
    void run(WatchedLaunch watched, boolean oneThread) {
        if (contextAt < 0) {
            runLoops();
            return;
        }
        int threads = oneThread ? 1 : Math.min(settings.threads(), geometry.groupCount());
        AtomicInteger nextGroup = new AtomicInteger();
        AtomicReference<Failure> first = new AtomicReference<>();
        CountDownLatch ended = new CountDownLatch(threads);
        Runnable worker = () -> {
            try {
                runGroups(nextGroup, first, watched);
            } finally {
                ended.countDown();
            }
        };
        // A virtual thread cannot carry continuations of its own as a platform thread does.
        int helpers = Thread.currentThread().isVirtual() ? threads : threads - 1;
        for (int i = 0; i < helpers; i++) {
            THREADS.execute(worker);
        }
        if (helpers < threads) {
            worker.run();
        }
        awaitAll(ended);
        if (first.get() != null) {
            first.get().rethrow();
        }
    }

    private void runLoops() {
        try {
            call.run(new Arguments(arguments));
        } catch (RuntimeException | StackOverflowError thrown) {
            throw faults.ofThrown(thrown, null, List.of());
        }
    }

    private void runGroups(AtomicInteger nextGroup, AtomicReference<Failure> first, WatchedLaunch watched) {
        LocalMemory memory = new LocalMemory(limits.localBytes(), watched != null);
        int groups = geometry.groupCount();
        for (int g = nextGroup.getAndIncrement(); g < groups; g = nextGroup.getAndIncrement()) {
            if (first.get() != null && first.get().group < g) {
                return;
            }
            try {
                new WorkGroup(this, g, memory, settings.scheduling(), watched).run();
            } catch (RuntimeException | Error thrown) {
                // Every group before this one is done or running, so the least failed group is always found.
                Failure failure = new Failure(g, thrown);
                first.accumulateAndGet(failure, (a, b) -> a == null || b.group < a.group ? b : a);
            }
        }
    }

    /** Calls the kernel for one work-item. */
    void call(WorkItem item) {
        Object[] own = arguments.clone();
        own[contextAt] = WorkItem.context(item);
        call.run(new Arguments(own));
    }

    private static void awaitAll(CountDownLatch ended) {
        boolean interrupted = false;
        while (true) {
            try {
                ended.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true; // device kernels cannot be interrupted either
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private record Failure(int group, Throwable thrown) {

        void rethrow() {
            if (thrown instanceof Error error) {
                throw error;
            }
            if (thrown instanceof KernelFault fault) {
                throw fault;
            }
            throw (RuntimeException) thrown;
        }
    }
}
