package io.github.tornadoattention.simulator;

import io.github.tornadoattention.simulator.Settings.Scheduling;
import io.github.tornadoattention.simulator.engine.Hooks;
import io.github.tornadoattention.simulator.engine.Scheduler;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/** The simulator's switches, and what it cannot see. */
public final class Simulator {

    private static final AtomicBoolean MENTIONED = new AtomicBoolean();
    private static volatile Settings settings = Scheduler.possible(Settings.fromProperties());

    private Simulator() {
    }

    /** What has been switched on by {@link #watching()} is switched off by closing it. */
    public interface Scope extends AutoCloseable {

        @Override
        void close();
    }

    /** The settings that hold now. */
    public static Settings settings() {
        return settings;
    }

    /**
     * Sets the settings for launches that follow, and returns those that held before. Continuations are replaced by virtual
     * threads where the JVM does not export them.
     */
    public static synchronized Settings settings(Settings newSettings) {
        Settings before = settings;
        Settings possible = Scheduler.possible(newSettings);
        if (possible.watch() != before.watch()) {
            Agent.rewrite(possible.watch());
        }
        settings = possible;
        Hooks.loopBudget(possible.loopBudget());
        return before;
    }

    /** Watches all launches until the scope is closed. */
    public static Scope watching() {
        Settings before = settings(settings.withWatch(true));
        return () -> settings(settings.withWatch(before.watch()));
    }

    /** What the simulator cannot see or do in this JVM, one line each; empty if all is well. */
    public static List<String> blindSpots() {
        List<String> lines = new ArrayList<>();
        if (!Agent.isLoaded()) {
            lines.add("started without its agent (-javaagent:simulator.jar): barriers are not told apart, loops without end "
                    + "hang, local and private memory is not watched, tensor-core fragments cannot be stored to local memory");
        }
        if (settings.scheduling() == Scheduling.VIRTUAL_THREADS) {
            lines.add("work-items run on virtual threads, slowly: --add-exports=java.base/jdk.internal.vm=ALL-UNNAMED helps");
        }
        return lines;
    }

    /** Before a launch: rewrites kernel classes that are not yet, or says once, on the error stream, that nobody can. */
    public static void prepareLaunch() {
        if (Agent.isLoaded()) {
            Agent.rewriteLateKernels();
        } else if (MENTIONED.compareAndSet(false, true)) {
            System.err.println("simulator: " + blindSpots().getFirst());
        }
    }
}
