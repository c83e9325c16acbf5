package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;
import io.github.tornadoattention.simulator.Settings.Scheduling;

/** One work-item of a running group: a coroutine that pauses at barriers. */
final class GroupItem extends WorkItem {

    private final Launch launch;
    private final Geometry geometry;
    private final KernelFault.Place group;
    private final KernelFault.Place local;
    private final LocalMemory memory;
    private final Coroutine coroutine;
    private int allocations;
    private int site;
    private Throwable failure;

    GroupItem(Launch launch, KernelFault.Place group, int index, LocalMemory memory, Scheduling scheduling) {
        this.launch = launch;
        this.geometry = launch.geometry();
        this.group = group;
        this.local = geometry.itemPlace(index);
        this.memory = memory;
        this.coroutine = Coroutine.of(scheduling, this::body);
    }

    private void body() {
        try {
            launch.call(this);
        } catch (ThreadCoroutine.Abandoned left) {
            throw left;
        } catch (Throwable thrown) {
            failure = thrown;
        }
    }

    /** Runs up to the next barrier or to the end. */
    void resume() {
        coroutine.resume();
    }

    boolean isDone() {
        return coroutine.isDone();
    }

    void abandon() {
        coroutine.abandon();
    }

    /** What the kernel threw, or null. */
    Throwable failure() {
        return failure;
    }

    /** The barrier at which the work-item waits. */
    int site() {
        return site;
    }

    KernelFault.Place place() {
        return local;
    }

    @Override
    public void barrier(int barrierSite) {
        site = barrierSite;
        launch.faults().learnKernel();
        coroutine.pause();
    }

    @Override
    public Object allocate(Class<?> elementType, int length) {
        return memory.allocate(allocations++, elementType, length);
    }

    @Override
    public int globalId(int dimension) {
        return groupId(dimension) * geometry.group(dimension) + localId(dimension);
    }

    @Override
    public int groupId(int dimension) {
        return along(group, dimension);
    }

    @Override
    public int localId(int dimension) {
        return along(local, dimension);
    }

    @Override
    public int globalSize(int dimension) {
        return geometry.global(dimension);
    }

    @Override
    public int groupSize(int dimension) {
        return geometry.group(dimension);
    }

    private static int along(KernelFault.Place place, int dimension) {
        return switch (dimension) {
            case 0 -> place.x();
            case 1 -> place.y();
            default -> place.z();
        };
    }
}
