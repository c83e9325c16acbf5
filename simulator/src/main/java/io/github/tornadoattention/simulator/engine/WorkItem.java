package io.github.tornadoattention.simulator.engine;

import java.lang.reflect.Array;
import java.util.function.Function;
import uk.ac.manchester.tornado.api.KernelContext;

/** One work-item: its place in the grid and what it shares with its group. Dimensions are 0, 1, 2 for x, y, z. */
public abstract class WorkItem {

    /** The barrier site of classes that the agent did not see. */
    public static final int UNKNOWN_SITE = 0;

    /** No launch at all: every index and size is 0, barriers do nothing and local arrays are new ones. */
    public static final WorkItem NONE = new Nowhere();

    private static Function<WorkItem, KernelContext> contextOf;
    private static Function<KernelContext, WorkItem> itemOf;

    /** The context type hands in the ways between context and work-item, so that it needs no public methods for them. */
    public static void connect(Function<WorkItem, KernelContext> context, Function<KernelContext, WorkItem> item) {
        contextOf = context;
        itemOf = item;
    }

    static KernelContext context(WorkItem item) {
        return contextOf.apply(item);
    }

    /** The work-item behind a context. */
    public static WorkItem of(KernelContext context) {
        return itemOf.apply(context);
    }

    /** Index among all work-items. */
    public abstract int globalId(int dimension);

    /** Index of the group. */
    public abstract int groupId(int dimension);

    /** Index within the group. */
    public abstract int localId(int dimension);

    /** Work-items in all. */
    public abstract int globalSize(int dimension);

    /** Work-items of a group. */
    public abstract int groupSize(int dimension);

    /** Waits for the whole group at a barrier; {@code site} tells one barrier in the source from another. */
    public abstract void barrier(int site);

    /** The group's next local array; all work-items must ask for the same ones in the same order. */
    public abstract Object allocate(Class<?> elementType, int length);

    /** The work-item of a running group that an operation needs. */
    GroupItem inGroup(String operation) {
        throw new UnsupportedOperationException(operation + " works in a launch only: there is no group here");
    }

    private static final class Nowhere extends WorkItem {

        @Override
        public int globalId(int dimension) {
            return 0;
        }

        @Override
        public int groupId(int dimension) {
            return 0;
        }

        @Override
        public int localId(int dimension) {
            return 0;
        }

        @Override
        public int globalSize(int dimension) {
            return 0;
        }

        @Override
        public int groupSize(int dimension) {
            return 0;
        }

        @Override
        public void barrier(int site) {
            // One work-item alone waits for nobody.
        }

        @Override
        public Object allocate(Class<?> elementType, int length) {
            return Array.newInstance(elementType, length);
        }
    }
}
