package io.github.tornadoattention.simulator.kernels;

import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

/** What kernels call in another class, one that mentions no kernel context. */
public final class Helper {

    private Helper() {
    }

    static float halfAt(HalfFloatArray halves, int index) {
        return halves.get(index).getFloat32(); // half
    }

    static float element(float[] tile, int index) {
        return tile[index]; // element
    }

    static int endless(int start) {
        int i = start;
        while (i != start + 2) { // circle
            i = (i + 1) % (start + 1);
        }
        return i;
    }
}
