package io.github.tornadoattention.host.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The widest vectors of this processor, and the panel that all tile matrices of the vector code are cut into: {@link #WIDTH}
 * neighboring items, one a lane, in four vectors.
 *
 * <p>Everything works on one {@code float[]} a worker with int offsets, because C2 hoists the bounds checks of such loops
 * altogether; over memory segments the checks of one product of 64 terms cost a sixth of its time.
 */
final class Lanes {
    static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());

    /** Floats in a vector. */
    static final int COUNT = FLOATS.length();

    /** Items in a panel. */
    static final int WIDTH = 4 * COUNT;

    /** Whether 16 sums, four vectors and a factor fit into registers: not with 8 lanes, since AVX2 has 16 of them. */
    static final boolean MANY_REGISTERS = COUNT != 8;

    private static final IntVector NUMBERS = IntVector.zero(INTS).addIndex(1);

    private Lanes() {}

    static FloatVector at(float[] a, int index) {
        return FloatVector.fromArray(FLOATS, a, index);
    }

    static FloatVector all(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }

    /** The larger one, {@code a} where they do not compare: half the instructions of {@code max}, which orders zeros and NaN. */
    static FloatVector larger(FloatVector a, FloatVector b) {
        return a.blend(b, b.compare(VectorOperators.GT, a));
    }

    /** Lanes {@code from <= lane < to}. */
    static VectorMask<Float> between(int from, int to) {
        return NUMBERS.compare(VectorOperators.GE, from).and(NUMBERS.compare(VectorOperators.LT, to)).cast(FLOATS);
    }
}
