package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;
import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.types.HalfFloat;

/**
 * The local arrays of a group, in the order in which its work-items ask for them. One object serves group after group, so arrays
 * are made once and poisoned anew for each group.
 */
final class LocalMemory {

    private final long limitBytes;
    private final boolean shadowed;
    private final List<Object> arrays = new ArrayList<>();
    private final List<LocalShadow> shadows = new ArrayList<>();
    /** How many of the arrays the present group has asked for. */
    private int used;
    private long usedBytes;
    /** The last answers of {@link #shadowOf}. */
    private LocalShadow last;
    private Object lastPrivate;

    LocalMemory(long limitBytes, boolean shadowed) {
        this.limitBytes = limitBytes;
        this.shadowed = shadowed;
    }

    /** A new group starts: memory holds garbage and nothing is allocated. */
    void reset() {
        used = 0;
        usedBytes = 0;
        last = null;
        lastPrivate = null;
    }

    /** The array that a work-item gets by its {@code order}-th request. */
    Object allocate(int order, Class<?> type, int length) {
        if (order < used) {
            return sameAsBefore(order, type, length);
        }
        if (length < 0) {
            throw new Violation(KernelFault.Kind.LOCAL_ALLOCATION, "local array of " + length + " elements");
        }
        usedBytes += (long) length * bytesOf(type);
        if (usedBytes > limitBytes) {
            throw new Violation(KernelFault.Kind.LOCAL_MEMORY, "the group asks for " + usedBytes
                    + " bytes of local memory with its local array " + order + ", the device has " + limitBytes);
        }
        used++;
        if (order == arrays.size()) {
            arrays.add(null);
            shadows.add(null);
        }
        Object array = arrays.get(order);
        if (array == null || array.getClass().getComponentType() != type || Array.getLength(array) != length) {
            array = Array.newInstance(type, length);
            arrays.set(order, array);
            shadows.set(order, shadowed ? new LocalShadow(array, order, length, bytesOf(type)) : null);
        } else if (shadowed) {
            shadows.get(order).startGroup();
        }
        Poison.fill(array);
        return array;
    }

    private Object sameAsBefore(int order, Class<?> type, int length) {
        Object array = arrays.get(order);
        if (array.getClass().getComponentType() != type || Array.getLength(array) != length) {
            throw new Violation(KernelFault.Kind.LOCAL_ALLOCATION, "local array " + order + " is " + type.getSimpleName() + "["
                    + length + "] here, but other work-items of the group got "
                    + array.getClass().getComponentType().getSimpleName() + "[" + Array.getLength(array) + "]");
        }
        return array;
    }

    /** What is known of an array, or null if it is no local array of the present group. */
    @SuppressWarnings("ReferenceEquality") // the very same array, not an equal one
    LocalShadow shadowOf(Object array) {
        if (array == lastPrivate) {
            return null;
        }
        if (last != null && last.array() == array) {
            return last;
        }
        for (int i = 0; i < used; i++) {
            if (arrays.get(i) == array) {
                last = shadows.get(i);
                return last;
            }
        }
        lastPrivate = array;
        return null;
    }

    /** Refuses an array that is not local. */
    @SuppressWarnings("ReferenceEquality") // the very same array, not an equal one
    void requireLocal(String operation, Object array) {
        for (int i = 0; i < used; i++) {
            if (arrays.get(i) == array) {
                return;
            }
        }
        throw new Violation(KernelFault.Kind.WARP_OPERAND, operation + " takes a local array of the group, not a private one");
    }

    /** Bytes that rows of a fragment are loaded by. */
    private static final int ALIGNMENT = 16;

    /**
     * Refuses local arrays among which a tile may start elsewhere than at a multiple of 16 bytes: the device's compiler lays them
     * out in an order of its own, one behind the other, and a load of a fragment from such a tile fails.
     */
    void requireAligned(String operation) {
        for (int i = 0; i < used; i++) {
            Object array = arrays.get(i);
            long bytes = (long) Array.getLength(array) * bytesOf(array.getClass().getComponentType());
            if (bytes % ALIGNMENT != 0) {
                throw new Violation(KernelFault.Kind.WARP_OPERAND,
                        operation + " needs tiles that start at multiples of 16 bytes, and local array "
                        + i + " has " + bytes + " bytes: what lies behind it may not");
            }
        }
    }

    private static int bytesOf(Class<?> type) {
        if (type == byte.class) {
            return 1;
        } else if (type == short.class || type == HalfFloat.class) {
            return 2;
        }
        return type == long.class || type == double.class ? 8 : 4;
    }
}
