package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Which groups of one launch wrote and read each element of a global array: groups run in any order, so they must not meet. */
final class GlobalShadow extends ArrayWatch {

    private static final int SEVERAL = -1;

    private final TornadoNativeArray array;
    private final WatchedLaunch launch;
    private final ArrayWatch next;
    /** Group number plus one, or 0. */
    private final int[] writer;
    private final int[] reader;

    /** {@code next} is told of every access too; it may be null. */
    GlobalShadow(TornadoNativeArray array, WatchedLaunch launch, ArrayWatch next) {
        this.array = array;
        this.launch = launch;
        this.next = next;
        writer = new int[array.getSize()];
        reader = new int[array.getSize()];
    }

    @Override
    public void read(int index) {
        if (next != null) {
            next.read(index);
        }
        if (index < 0 || index >= writer.length) {
            return; // the array itself reports this
        }
        int group = launch.group() + 1;
        if (writer[index] != 0 && writer[index] != group) {
            throw race("reads", index, "wrote", writer[index]);
        }
        if (writer[index] == 0 && Poison.remains(array, index)) {
            throw new Violation(KernelFault.Kind.UNWRITTEN_READ, "read of element " + index + " of " + Violation.ARRAY
                    + ", which no kernel has written and no transfer has filled", array);
        }
        if (reader[index] == 0) {
            reader[index] = group;
        } else if (reader[index] != group) {
            reader[index] = SEVERAL;
        }
    }

    @Override
    public void write(int index) {
        if (next != null) {
            next.write(index);
        }
        if (index < 0 || index >= writer.length) {
            return;
        }
        int group = launch.group() + 1;
        if (writer[index] != 0 && writer[index] != group) {
            throw race("writes", index, "wrote", writer[index]);
        }
        if (reader[index] != 0 && reader[index] != group) {
            throw race("writes", index, "read", reader[index]);
        }
        writer[index] = group;
    }

    private Violation race(String does, int index, String did, int other) {
        String who = other == SEVERAL ? "other groups" : "group " + launch.groupPlace(other - 1);
        return new Violation(KernelFault.Kind.GLOBAL_RACE, "the group " + does + " element " + index + " of " + Violation.ARRAY
                + ", which " + who + " " + did + " in the same launch", array);
    }
}
