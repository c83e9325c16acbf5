package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.KvCache;
import io.github.tornadoattention.host.Rotary;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.kernels.CacheAppend;
import io.github.tornadoattention.kernels.CachedNumber;
import io.github.tornadoattention.kernels.Options;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * A cache as the kernels take it, and the arrays in which new keys and values get to it. A cache of 16-bit numbers goes over as
 * ints of two numbers each, unless the device has the type, and so do new ones, which the host has rotated and rounded.
 */
final class CacheArrays {
    /** One element in a cache of 16-bit numbers; kernels do not read it. */
    final FloatArray keys;
    final FloatArray values;
    /** One word where kernels do not read it. */
    final IntArray keys16;
    final IntArray values16;
    /** Likewise one number. */
    final HalfFloatArray keysHalf;
    final HalfFloatArray valuesHalf;
    final FloatArray powers;
    private final KvCache cache;
    private final @Nullable Rotary rotary;
    private final int room;
    private final int options;
    private final FloatArray newKeys;
    private final FloatArray newValues;
    private final IntArray newKeys16;
    private final IntArray newValues16;
    private final boolean halves;

    /** {@code room}: the most new keys of an entry that are carried over at a time. */
    CacheArrays(KvCache cache, @Nullable Rotary rotary, int room, CacheReading reading) {
        this.cache = cache;
        this.rotary = rotary;
        this.room = room;
        this.options = reading.options(cache.dtype());
        this.halves = reading.halves(cache.dtype());
        boolean floats = cache.dtype() == DType.FP32;
        boolean ints = !floats && !halves;
        int fresh = Math.multiplyExact(cache.batch() * cache.kvHeads(), Math.multiplyExact(room, cache.headDim()));
        keys = floats ? cache.keys().data() : new FloatArray(1);
        values = floats ? cache.values().data() : new FloatArray(1);
        keys16 = ints ? ints(cache.keys()) : new IntArray(1);
        values16 = ints ? ints(cache.values()) : new IntArray(1);
        keysHalf = halves ? (HalfFloatArray) cache.keys().array() : new HalfFloatArray(1);
        valuesHalf = halves ? (HalfFloatArray) cache.values().array() : new HalfFloatArray(1);
        newKeys = new FloatArray(floats ? fresh : 1);
        newValues = new FloatArray(floats ? fresh : 1);
        newKeys16 = new IntArray(floats ? 1 : fresh / 2);
        newValues16 = new IntArray(floats ? 1 : fresh / 2);
        powers = ints ? CachedNumber.powers(options) : new FloatArray(1);
    }

    /** The memory of 16-bit numbers as ints. */
    private static IntArray ints(Tensor tensor) {
        return IntArray.fromSegmentShallow(tensor.array().getSegmentWithHeader());
    }

    /** The option bits that say what the cache holds. */
    int options() {
        return options;
    }

    /** Elements of new keys, or pairs of them: work-items of the kernel. */
    int newElements() {
        return options == 0 ? newKeys.getSize() : halves ? 2 * newKeys16.getSize() : newKeys16.getSize();
    }

    /** Adds the task that writes what is new into the cache, and its transfers. */
    void append(TaskGraph graph, String task, IntArray step, FloatArray rotations, int allOptions) {
        if (options == 0) {
            graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, newKeys, newValues)
                    .task(task, CacheAppend::append, new KernelContext(), newKeys, newValues, keys, values, step, rotations,
                            cache.headDim(), allOptions);
        } else if (halves) {
            HalfFloatArray newKeysHalf = HalfFloatArray.fromSegmentShallow(newKeys16.getSegmentWithHeader());
            HalfFloatArray newValuesHalf = HalfFloatArray.fromSegmentShallow(newValues16.getSegmentWithHeader());
            graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, newKeysHalf, newValuesHalf)
                    .task(task, CacheAppend::appendHalves, new KernelContext(), newKeysHalf, newValuesHalf, keysHalf, valuesHalf,
                            step, cache.headDim());
        } else {
            graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, newKeys16, newValues16)
                    .task(task, CacheAppend::appendPacked, new KernelContext(), newKeys16, newValues16, keys16, values16, step,
                            cache.headDim() / 2);
        }
    }

    /**
     * Takes over new keys and values {@code from}, {@code from + 1}, … of an entry.
     *
     * @param position of the first of them in its sequence
     */
    void copyIn(Tensor k, Tensor v, int b, int from, int count, int position) {
        int all = k.shape()[2];
        int dim = cache.headDim();
        float[] row = new float[dim];
        int[] packed = new int[dim / 2];
        for (int g = 0; g < cache.kvHeads(); g++) {
            long head = (long) b * cache.kvHeads() + g;
            if (options == 0) {
                long bytes = (long) dim * Float.BYTES;
                MemorySegment.copy(k.segment(), (head * all + from) * bytes, newKeys.getSegment(), head * room * bytes,
                        count * bytes);
                MemorySegment.copy(v.segment(), (head * all + from) * bytes, newValues.getSegment(), head * room * bytes,
                        count * bytes);
                continue;
            }
            for (int n = 0; n < count; n++) {
                int to = (int) (head * room + n) * (dim / 2);
                k.read((head * all + from + n) * dim, row, 0, dim);
                if (rotary != null) {
                    rotary.rotate(row, 0, position + n);
                }
                pack(row, packed, newKeys16, to);
                v.read((head * all + from + n) * dim, row, 0, dim);
                pack(row, packed, newValues16, to);
            }
        }
    }

    private void pack(float[] row, int[] packed, IntArray into, int at) {
        DType dtype = cache.dtype();
        for (int d = 0; d < row.length; d += 2) {
            packed[d / 2] = dtype.narrow(row[d]) & 0xFFFF | dtype.narrow(row[d + 1]) << Short.SIZE;
        }
        MemorySegment.copy(packed, 0, into.getSegment(), ValueLayout.JAVA_INT, (long) at * Integer.BYTES, packed.length);
    }
}
