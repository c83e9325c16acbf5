package io.github.tornadoattention.simulator;

/**
 * How the simulator runs kernels.
 *
 * @param watch whether local memory, private arrays and the groups' use of global memory are watched; slow
 * @param loopBudget loop iterations that one call of a kernel, or of a method that it calls, may make; in a kernel of parallel
 *     loops, one iteration of an outermost loop
 * @param threads threads that work-groups are dealt to; watching and counting always use one
 * @param scheduling what work-items of a group run on
 */
public record Settings(boolean watch, int loopBudget, int threads, Scheduling scheduling) {

    /** What lets a work-item stop at a barrier and go on later. */
    public enum Scheduling {
        /** The JDK's continuations: fast, and a debugger steps through them. */
        CONTINUATIONS,
        /** Virtual threads that hand over to each other: where the JDK's continuations are not exported. */
        VIRTUAL_THREADS
    }

    /** Refuses settings that run nothing. */
    public Settings {
        if (loopBudget < 1 || threads < 1) {
            throw new IllegalArgumentException("loop budget " + loopBudget + " and threads " + threads + " must be positive");
        }
    }

    /**
     * The settings of system properties: {@code simulator.watch} (false), {@code simulator.loop.budget} (10^9),
     * {@code simulator.threads} (all processors) and {@code simulator.scheduling} ({@code continuations} where they are exported,
     * else {@code virtual_threads}).
     */
    public static Settings fromProperties() {
        String scheduling = System.getProperty("simulator.scheduling", "continuations");
        return new Settings(Boolean.getBoolean("simulator.watch"), Integer.getInteger("simulator.loop.budget", 1_000_000_000),
                Integer.getInteger("simulator.threads", Runtime.getRuntime().availableProcessors()),
                Scheduling.valueOf(scheduling.toUpperCase(java.util.Locale.ROOT)));
    }

    /** These settings with watching on or off. */
    public Settings withWatch(boolean on) {
        return new Settings(on, loopBudget, threads, scheduling);
    }

    /** These settings with another loop budget. */
    public Settings withLoopBudget(int branches) {
        return new Settings(watch, branches, threads, scheduling);
    }

    /** These settings with another number of threads. */
    public Settings withThreads(int count) {
        return new Settings(watch, loopBudget, count, scheduling);
    }

    /** These settings with another way to schedule work-items. */
    public Settings withScheduling(Scheduling way) {
        return new Settings(watch, loopBudget, threads, way);
    }
}
