package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;
import io.github.tornadoattention.simulator.Settings.Scheduling;

/** One work-item of a running group: a coroutine that pauses at barriers and at operations of its warp. */
final class GroupItem extends WorkItem {

    private final Launch launch;
    private final Geometry geometry;
    private final KernelFault.Place group;
    private final KernelFault.Place local;
    private final int index;
    private final LocalMemory memory;
    private final Warp warp;
    private final AsyncCopies copies = new AsyncCopies();
    private final Coroutine coroutine;
    private int allocations;
    private int meetings;
    private String operation;
    private int site;
    private Throwable failure;

    GroupItem(Launch launch, KernelFault.Place group, int index, LocalMemory memory, Warp warp,
            Scheduling scheduling) {
        this.launch = launch;
        this.geometry = launch.geometry();
        this.group = group;
        this.local = geometry.itemPlace(index);
        this.index = index;
        this.memory = memory;
        this.warp = warp;
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

    /** Runs up to the next barrier or operation of the warp, or to the end. */
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

    /** The operation of the warp that the work-item waits for, or null. */
    String operation() {
        return operation;
    }

    /** Where the work-item waits. */
    int site() {
        return site;
    }

    KernelFault.Place place() {
        return local;
    }

    @Override
    GroupItem inGroup(String wanted) {
        return this;
    }

    /** Index within the warp. */
    int lane() {
        return index % Warp.LANES;
    }

    LocalMemory memory() {
        return memory;
    }

    AsyncCopies copies() {
        return copies;
    }

    /** Where the lanes put their operands for the next {@link #meet}. */
    Warp.Exchange exchange() {
        return warp.exchange(meetings);
    }

    /** Waits until all lanes of the warp are at this operation and have brought their operands. */
    void meet(String wanted, int operationSite) {
        operation = wanted;
        site = operationSite;
        meetings++;
        launch.faults().learnKernel();
        coroutine.pause();
        operation = null;
    }

    /** Refuses a group whose warps do not run along x: there, TornadoVM computes places in a tile from x alone. */
    void requireRows(String wanted) {
        if (geometry.group(0) % Warp.LANES != 0) {
            throw new Violation(KernelFault.Kind.WARP_OPERAND, wanted + " in groups of " + geometry.group(0)
                    + " work-items along x: warps run along x, so these must be a multiple of " + Warp.LANES);
        }
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
