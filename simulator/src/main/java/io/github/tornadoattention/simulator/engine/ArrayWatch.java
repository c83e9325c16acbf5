package io.github.tornadoattention.simulator.engine;

import java.util.function.BiConsumer;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Is told of every element of a global array that a kernel reads or writes. An array without a watch pays one null check. */
public abstract class ArrayWatch {

    private static BiConsumer<TornadoNativeArray, ArrayWatch> setter;

    /** The array type hands in the way to set its watch, so that this needs no public method there. */
    public static void connect(BiConsumer<TornadoNativeArray, ArrayWatch> arraySetter) {
        setter = arraySetter;
    }

    /** Sets or, with null, removes the watch of an array. */
    static void attach(TornadoNativeArray array, ArrayWatch watch) {
        setter.accept(array, watch);
    }

    /** An element is about to be read; the index is not checked yet. */
    public abstract void read(int index);

    /** An element is about to be written; the index is not checked yet. */
    public abstract void write(int index);
}
