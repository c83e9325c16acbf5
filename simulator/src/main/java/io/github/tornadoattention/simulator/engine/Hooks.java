package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;
import io.github.tornadoattention.simulator.Simulator;
import uk.ac.manchester.tornado.api.KernelContext;

/** What rewritten kernels call. {@code site} is a number of {@link SourceSites}. */
public final class Hooks {

    /** A plain field, since every call of a device method reads it. */
    private static int loopBudget = Simulator.settings().loopBudget();

    private Hooks() {
    }

    /** Sets what {@link #loopBudget()} returns from now on. */
    public static void loopBudget(int iterations) {
        loopBudget = iterations;
    }

    /** In place of a barrier of a {@link KernelContext}. */
    public static void barrier(KernelContext context, int site) {
        WorkItem.of(context).barrier(site);
    }

    /** How many loop iterations one call may make. */
    public static int loopBudget() {
        return loopBudget;
    }

    /** A call made more loop iterations than it may: throws. */
    public static void loopBudgetSpent() {
        throw new Violation(KernelFault.Kind.LOOP_BUDGET, "a loop ran past the budget of " + loopBudget
                + " iterations (property simulator.loop.budget)");
    }

    /** A new private array, as a device would hand it out. */
    public static Object privateArray(Object array) {
        if (WatchedLaunch.current() != null) {
            Poison.fill(array);
        }
        return array;
    }

    /** In place of {@code array[index]}. */
    public static float load(float[] array, int index, int site) {
        WatchedLaunch launch = WatchedLaunch.current();
        if (launch == null || launch.read(array, array.length, index, site)) {
            return array[index];
        }
        float value = array[index];
        if (Poison.isPoison(value)) {
            throw unwritten(index);
        }
        return value;
    }

    /** In place of {@code array[index]}. */
    public static double load(double[] array, int index, int site) {
        WatchedLaunch launch = WatchedLaunch.current();
        if (launch == null || launch.read(array, array.length, index, site)) {
            return array[index];
        }
        double value = array[index];
        if (Poison.isPoison(value)) {
            throw unwritten(index);
        }
        return value;
    }

    /** In place of {@code array[index]}. */
    public static int load(int[] array, int index, int site) {
        WatchedLaunch launch = WatchedLaunch.current();
        if (launch != null) {
            launch.read(array, array.length, index, site);
        }
        return array[index];
    }

    /** In place of {@code array[index]}. */
    public static long load(long[] array, int index, int site) {
        WatchedLaunch launch = WatchedLaunch.current();
        if (launch != null) {
            launch.read(array, array.length, index, site);
        }
        return array[index];
    }

    /** In place of {@code array[index]}. */
    public static short load(short[] array, int index, int site) {
        WatchedLaunch launch = WatchedLaunch.current();
        if (launch != null) {
            launch.read(array, array.length, index, site);
        }
        return array[index];
    }

    /** In front of an access to a byte or boolean array, which share an instruction, or of a read of an object array. */
    public static void access(Object array, int index, boolean write, int site) {
        WatchedLaunch launch = WatchedLaunch.current();
        if (launch == null || array == null) {
            return;
        }
        int length = java.lang.reflect.Array.getLength(array);
        if (write) {
            launch.write(array, length, index, site);
        } else {
            launch.read(array, length, index, site);
        }
    }

    /** In place of {@code array[index] = value}. */
    public static void store(float[] array, int index, float value, int site) {
        WatchedLaunch launch = WatchedLaunch.current();
        if (launch != null) {
            launch.write(array, array.length, index, site);
        }
        array[index] = value;
    }

    /** In place of {@code array[index] = value}. */
    public static void store(double[] array, int index, double value, int site) {
        WatchedLaunch launch = WatchedLaunch.current();
        if (launch != null) {
            launch.write(array, array.length, index, site);
        }
        array[index] = value;
    }

    /** In place of {@code array[index] = value}. */
    public static void store(int[] array, int index, int value, int site) {
        WatchedLaunch launch = WatchedLaunch.current();
        if (launch != null) {
            launch.write(array, array.length, index, site);
        }
        array[index] = value;
    }

    /** In place of {@code array[index] = value}. */
    public static void store(long[] array, int index, long value, int site) {
        WatchedLaunch launch = WatchedLaunch.current();
        if (launch != null) {
            launch.write(array, array.length, index, site);
        }
        array[index] = value;
    }

    /** In place of {@code array[index] = value}. */
    public static void store(short[] array, int index, short value, int site) {
        WatchedLaunch launch = WatchedLaunch.current();
        if (launch != null) {
            launch.write(array, array.length, index, site);
        }
        array[index] = value;
    }

    /** In place of {@code array[index] = value}, for arrays of bytes and of booleans. */
    public static void store(Object array, int index, byte value, int site) {
        access(array, index, true, site);
        if (array instanceof byte[] bytes) {
            bytes[index] = value;
        } else {
            ((boolean[]) array)[index] = (value & 1) != 0;
        }
    }

    /** In place of {@code array[index] = value}. */
    public static void store(Object[] array, int index, Object value, int site) {
        access(array, index, true, site);
        array[index] = value;
    }

    private static Violation unwritten(int index) {
        return new Violation(KernelFault.Kind.UNWRITTEN_READ, "read of element " + index
                + " of a private array, which the work-item has not written yet");
    }
}
