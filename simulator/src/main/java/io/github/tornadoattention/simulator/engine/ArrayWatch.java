package io.github.tornadoattention.simulator.engine;

import java.util.function.BiConsumer;
import java.util.function.Function;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Is told of every element of a global array that a kernel reads or writes. An array without a watch pays one null check. */
public abstract class ArrayWatch {

    private static BiConsumer<TornadoNativeArray, ArrayWatch> setter;
    private static Function<TornadoNativeArray, ArrayWatch> getter;

    /** The array type hands in the ways to set its watch and to get it, so that these need no public methods there. */
    public static void connect(BiConsumer<TornadoNativeArray, ArrayWatch> arraySetter,
            Function<TornadoNativeArray, ArrayWatch> arrayGetter) {
        setter = arraySetter;
        getter = arrayGetter;
    }

    /** The watch of an array, or null. */
    static ArrayWatch of(TornadoNativeArray array) {
        return getter.apply(array);
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
