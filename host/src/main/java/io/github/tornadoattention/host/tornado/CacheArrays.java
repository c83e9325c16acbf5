package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.KvCache;
import io.github.tornadoattention.host.Rotary;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.kernels.CacheAppend;
import io.github.tornadoattention.kernels.CachedNumber;
import io.github.tornadoattention.kernels.Options;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * A cache as the kernels take it, and the arrays in which new keys and values get to it. A cache of 16-bit numbers goes over as
 * ints of two numbers each, and so do new ones, which the host has rotated and rounded: devices need no such type of their own.
 */
final class CacheArrays {
    /** One element in a cache of 16-bit numbers; kernels do not read it. */
    final FloatArray keys;
    final FloatArray values;
    /** One word in a cache of floats; kernels do not read it. */
    final IntArray keys16;
    final IntArray values16;
    final FloatArray powers;
    private final KvCache cache;
    private final @Nullable Rotary rotary;
    private final int room;
    private final int options;
    private final FloatArray newKeys;
    private final FloatArray newValues;
    private final IntArray newKeys16;
    private final IntArray newValues16;

    /** {@code room}: the most new keys of an entry that are carried over at a time. */
    CacheArrays(KvCache cache, @Nullable Rotary rotary, int room) {
        this.cache = cache;
        this.rotary = rotary;
        this.room = room;
        this.options = switch (cache.dtype()) {
            case FP32 -> 0;
            case FP16 -> Options.CACHE_HALF;
            case BF16 -> Options.CACHE_BRAIN;
        };
        boolean floats = options == 0;
        int fresh = Math.multiplyExact(cache.batch() * cache.kvHeads(), Math.multiplyExact(room, cache.headDim()));
        keys = floats ? cache.keys().data() : new FloatArray(1);
        values = floats ? cache.values().data() : new FloatArray(1);
        keys16 = floats ? new IntArray(1) : ints(cache.keys());
        values16 = floats ? new IntArray(1) : ints(cache.values());
        newKeys = new FloatArray(floats ? fresh : 1);
        newValues = new FloatArray(floats ? fresh : 1);
        newKeys16 = new IntArray(floats ? 1 : fresh / 2);
        newValues16 = new IntArray(floats ? 1 : fresh / 2);
        powers = floats ? new FloatArray(1) : CachedNumber.powers(options);
    }

    /** The memory of 16-bit numbers as ints. */
    private static IntArray ints(Tensor tensor) {
        return IntArray.fromSegmentShallow(tensor.array().getSegmentWithHeader());
    }

    /** The option bits that say what the cache holds. */
    int options() {
        return options;
    }

    /** Elements, or pairs of them, of new keys: work-items of the kernel. */
    int newElements() {
        return options == 0 ? newKeys.getSize() : newKeys16.getSize();
    }

    /** Adds the task that writes what is new into the cache, and its transfers. */
    void append(TaskGraph graph, String task, IntArray step, FloatArray rotations, int allOptions) {
        if (options == 0) {
            graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, newKeys, newValues)
                    .task(task, CacheAppend::append, new KernelContext(), newKeys, newValues, keys, values, step, rotations,
                            cache.headDim(), allOptions);
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
                pack(row, newKeys16, to);
                v.read((head * all + from + n) * dim, row, 0, dim);
                pack(row, newValues16, to);
            }
        }
    }

    private void pack(float[] row, IntArray into, int at) {
        DType dtype = cache.dtype();
        for (int d = 0; d < row.length; d += 2) {
            into.set(at + d / 2, dtype.narrow(row[d]) & 0xFFFF | dtype.narrow(row[d + 1]) << Short.SIZE);
        }
    }
}
