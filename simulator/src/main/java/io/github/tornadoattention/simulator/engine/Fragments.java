package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.BFloat16;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Tensor-core products of the shape m16n8k16. A tile is spread over the lanes of a warp as NVIDIA's PTX manual says ("Matrix
 * fragments for mma.m16n8k16"), and tiles are read as its instruction {@code ldmatrix} does. With g = lane / 4 and t = lane % 4:
 *
 * <ul>
 * <li>A, 16 x 16, 8 elements a lane: rows g, g, g + 8, g + 8 and again, columns 2t and 2t + 1, then 8 further right;
 * <li>B, 16 x 8, 4 elements a lane: column g, rows 2t and 2t + 1, then 8 further down;
 * <li>the accumulator, 16 x 8, 4 elements a lane: rows g, g, g + 8, g + 8, columns 2t and 2t + 1.
 * </ul>
 */
final class Fragments {

    private static final int DEPTH = 16;
    private static final int A_ROW_BYTES = 32;
    private static final int B_ROW_BYTES = 16;
    private static final int ROW_ALIGNMENT = 16;
    private static final int A_ELEMENTS = 8;
    private static final int B_ELEMENTS = 4;
    private static final int ACCUMULATORS = 4;

    private Fragments() {
    }

    /** Reads A from 16 rows of 32 bytes. */
    static HalfFloat[] loadA(GroupItem lane, int[] tile, int depth, int byteOffset, int site) {
        int l = lane.lane();
        int row = l / 8 % 2 * 8 + l % 8;
        Warp.Exchange all = meet(lane, "mmaLoadA", tile, depth, row * A_ROW_BYTES + l / 16 * 16, byteOffset, site);
        HalfFloat[] fragment = new HalfFloat[A_ELEMENTS];
        // Four matrices of 8 x 8: top left, bottom left, top right, bottom right; lane 8i + r has the address of row r of matrix
        // i.
        for (int i = 0; i < A_ELEMENTS; i += 2) {
            int row8 = i / 2 * 8 + l / 4;
            fragment[i] = packed(all, row8, l % 4 * 2, site);
            fragment[i + 1] = packed(all, row8, l % 4 * 2 + 1, site);
        }
        return fragment;
    }

    /** Reads B from 16 rows of 16 bytes, each a row of B. */
    static HalfFloat[] loadB(GroupItem lane, int[] tile, int depth, int byteOffset, int site) {
        Warp.Exchange all = meet(lane, "mmaLoadB", tile, depth, rowOfB(lane), byteOffset, site);
        HalfFloat[] fragment = new HalfFloat[B_ELEMENTS];
        for (int i = 0; i < B_ELEMENTS; i++) {
            fragment[i] = packed(all, depthOfB(lane, i), lane.lane() / 4, site);
        }
        return fragment;
    }

    /** Reads B from rows that {@link Swizzle} has moved. */
    static HalfFloat[] loadSwizzledB(GroupItem lane, HalfFloat[] tile, int depth, int byteOffset, int site) {
        Warp.Exchange all = meet(lane, "mmaLoadBSwizzled", tile, depth, Swizzle.bytes(rowOfB(lane)), byteOffset, site);
        HalfFloat[] fragment = new HalfFloat[B_ELEMENTS];
        for (int i = 0; i < B_ELEMENTS; i++) {
            int row = depthOfB(lane, i);
            HalfFloat[] from = (HalfFloat[]) all.tiles[row];
            int index = all.addresses[row] / 2 + lane.lane() / 4;
            Hooks.access(from, index, false, site);
            fragment[i] = from[index];
        }
        return fragment;
    }

    private static int rowOfB(GroupItem lane) {
        return lane.lane() % 16 * B_ROW_BYTES;
    }

    private static int depthOfB(GroupItem lane, int element) {
        return lane.lane() % 4 * 2 + element % 2 + element / 2 * 8;
    }

    private static Warp.Exchange meet(GroupItem lane, String operation, Object tile, int depth, int address, int byteOffset,
            int site) {
        lane.requireRows(operation);
        lane.memory().requireLocal(operation, tile);
        lane.memory().requireAligned(operation);
        if (depth != DEPTH) {
            throw refused(operation + " with a depth of " + depth + ": the device reads tiles of depth " + DEPTH);
        }
        if (byteOffset % ROW_ALIGNMENT != 0) {
            throw refused(operation + " at byte " + byteOffset + ": rows must start at multiples of " + ROW_ALIGNMENT + " bytes");
        }
        Warp.Exchange all = lane.exchange();
        all.tiles[lane.lane()] = tile;
        all.addresses[lane.lane()] = address + byteOffset;
        lane.meet(operation, site);
        return all;
    }

    /** An element of the row of 8 halves whose address a lane has brought. */
    private static HalfFloat packed(Warp.Exchange all, int addressLane, int column, int site) {
        int[] tile = (int[]) all.tiles[addressLane];
        int word = Hooks.load(tile, Math.floorDiv(all.addresses[addressLane], 4) + column / 2, site);
        return new HalfFloat((short) (word >>> column % 2 * 16));
    }

    /**
     * {@code a * b + c}. Products are exact in 16-bit floats; they are added to c in float, one after the other in the order of
     * the depth, where a device adds several at a time and may cut off instead of rounding.
     */
    static float[] multiply(GroupItem lane, Operand type, HalfFloat[] a, HalfFloat[] b, float[] c, MMAShape shape, int site) {
        checkOperands(type.operation, a, b, c, shape);
        int g = lane.lane() / 4;
        int t = lane.lane() % 4 * 2;
        Warp.Exchange all = lane.exchange();
        for (int i = 0; i < A_ELEMENTS; i++) {
            all.a[(g + i / 2 % 2 * 8) * DEPTH + t + i % 2 + i / 4 * 8] = type.value(a[i]);
        }
        for (int i = 0; i < B_ELEMENTS; i++) {
            all.b[g * DEPTH + depthOfB(lane, i)] = type.value(b[i]);
        }
        lane.meet(type.operation, site);
        float[] d = new float[ACCUMULATORS];
        for (int i = 0; i < ACCUMULATORS; i++) {
            d[i] = c[i];
            int row = (g + i / 2 * 8) * DEPTH;
            int column = (t + i % 2) * DEPTH;
            for (int k = 0; k < DEPTH; k++) {
                d[i] += all.a[row + k] * all.b[column + k];
            }
        }
        return d;
    }

    private static void checkOperands(String operation, HalfFloat[] a, HalfFloat[] b, float[] c, MMAShape shape) {
        if (shape != MMAShape.M16N8K16) {
            throw refused(operation + " takes the shape M16N8K16, not " + shape);
        }
        if (a.length != A_ELEMENTS || b.length != B_ELEMENTS) {
            throw refused(operation + " takes a fragment of mmaLoadA and one of mmaLoadB, of " + A_ELEMENTS + " and " + B_ELEMENTS
                    + " elements a lane, not of " + a.length + " and " + b.length);
        }
        checkAccumulator(operation, c);
    }

    private static void checkAccumulator(String operation, float[] c) {
        if (c.length != ACCUMULATORS) {
            throw refused(operation + " takes an accumulator of " + ACCUMULATORS + " elements a lane, not of " + c.length);
        }
        if (WatchedLaunch.current() != null) {
            for (int i = 0; i < ACCUMULATORS; i++) {
                if (Poison.isPoison(c[i])) {
                    throw new Violation(KernelFault.Kind.UNWRITTEN_READ, operation + " takes an accumulator whose element " + i
                            + " the work-item has not written yet");
                }
            }
        }
    }

    /** Writes the accumulator to a matrix with rows of {@code columns}, its corner at a row and a column. */
    static void store(GroupItem lane, float[] d, FloatArray target, int row, int column, int columns, int site) {
        lane.requireRows("mmaStore");
        checkAccumulator("mmaStore", d);
        LocalFloats local = LocalFloats.behind(target);
        lane.meet("mmaStore", site);
        int g = lane.lane() / 4;
        int t = lane.lane() % 4 * 2;
        for (int i = 0; i < ACCUMULATORS; i++) {
            int index = (row + g + i / 2 * 8) * columns + column + t + i % 2;
            if (local == null) {
                target.set(index, d[i]);
            } else {
                local.store(index, d[i], site);
            }
        }
    }

    private static Violation refused(String what) {
        return new Violation(KernelFault.Kind.WARP_OPERAND, what);
    }

    /** What the 16 bits of A and B mean. */
    enum Operand {
        /** IEEE half precision. */
        FP16("mma"),
        /** The upper half of a float. */
        BF16("mmaBF16");

        private final String operation;

        Operand(String operation) {
            this.operation = operation;
        }

        private float value(HalfFloat element) {
            return this == FP16 ? element.getFloat32() : BFloat16.bf16ToFloat(element.getHalfFloatValue());
        }
    }
}
