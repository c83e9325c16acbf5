package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Writes new keys and values into the cache, in place; keys are rotated on the way in, if there is a rotary embedding. */
public final class CacheAppend {
    private CacheAppend() {
    }

    /**
     * One launch: a work-item for each element of {@code newKeys}; those that find no new key do nothing.
     *
     * @param newKeys   [B, Hkv, room, D], of which the first keys of each entry and head are used, as many as {@code step} says
     * @param newValues likewise
     * @param keys      [Hkv, rows, D], where {@code step} says which row a key has
     * @param values    likewise
     * @param step      the slots of {@link Step}
     * @param rotations [B, room, rotary / 2, 2] cosine and sine for the last {@code room} positions of each entry; read only with
     *     {@link Options#ROTARY}
     * @param headDim   D
     * @param options   bits of {@link Options}
     */
    public static void append(KernelContext ctx, FloatArray newKeys, FloatArray newValues, FloatArray keys, FloatArray values,
            IntArray step, FloatArray rotations, int headDim, int options) {
        int row = ctx.globalIdx / headDim;
        int d = ctx.globalIdx % headDim;
        int room = step.get(Step.ROOM);
        int entry = row / room / step.get(Step.KV_HEADS);
        int target = target(step, row, room, entry);
        if (target >= 0) {
            int to = target * headDim + d;
            float x = newKeys.get(row * headDim + d);
            if ((options & Options.ROTARY) != 0) {
                x = Rotation.rotated(newKeys, row * headDim, d, step, rotations, position(step, row, room, entry));
            }
            // TornadoVM carries no array over that the first task only writes, so this one seems to read them: there is
            // always room.
            keys.set(to, room > 0 ? x : keys.get(to));
            values.set(to, room > 0 ? newValues.get(row * headDim + d) : values.get(to));
        }
    }

    /**
     * The same for a cache of 16-bit numbers: the host has rotated the new keys and rounded everything.
     *
     * @param newKeys [B, Hkv, room, D / 2], two numbers to an int, see {@link CachedNumber}
     * @param keys    [Hkv, rows, D / 2] likewise
     * @param ints    D / 2
     */
    public static void appendPacked(KernelContext ctx, IntArray newKeys, IntArray newValues, IntArray keys, IntArray values,
            IntArray step, int ints) {
        int row = ctx.globalIdx / ints;
        int d = ctx.globalIdx % ints;
        int room = step.get(Step.ROOM);
        int entry = row / room / step.get(Step.KV_HEADS);
        int target = target(step, row, room, entry);
        if (target >= 0) {
            int to = target * ints + d;
            // read for the same reason as above
            keys.set(to, room > 0 ? newKeys.get(row * ints + d) : keys.get(to));
            values.set(to, room > 0 ? newValues.get(row * ints + d) : values.get(to));
        }
    }

    /** The same for a cache of float16 that the kernels read as such: one work-item for each element. */
    public static void appendHalves(KernelContext ctx, HalfFloatArray newKeys, HalfFloatArray newValues, HalfFloatArray keys,
            HalfFloatArray values, IntArray step, int headDim) {
        int row = ctx.globalIdx / headDim;
        int d = ctx.globalIdx % headDim;
        int room = step.get(Step.ROOM);
        int entry = row / room / step.get(Step.KV_HEADS);
        int target = target(step, row, room, entry);
        if (target >= 0) {
            int to = target * headDim + d;
            // read for the same reason as above
            float x = newKeys.get(row * headDim + d).getFloat32();
            float y = newValues.get(row * headDim + d).getFloat32();
            if (room <= 0) {
                x = keys.get(to).getFloat32();
                y = values.get(to).getFloat32();
            }
            keys.set(to, new HalfFloat(x));
            values.set(to, new HalfFloat(y));
        }
    }

    /** The cache's row for a row of new keys, counted through [B, Hkv, room]; -1 if there is no new key, or no such entry. */
    private static int target(IntArray step, int row, int room, int entry) {
        int target = -1;
        int batch = step.get(Step.BATCH);
        if (entry < batch) {
            int kvHead = row / room % step.get(Step.KV_HEADS);
            int key = row % room;
            int added = step.get(Step.added(batch) + entry);
            if (key < added) {
                int pages = Step.pages(batch) + entry * step.get(Step.PAGES);
                int place = step.get(Step.LENGTHS + entry) - added + key;
                target = kvHead * step.get(Step.ROWS)
                        + Step.row(step, pages, step.get(Step.PAGE_SIZE), step.get(Step.PAGE_SHIFT), place);
            }
        }
        return target;
    }

    /** Where a row of new keys stands among the positions of {@code rotations}, counted through [B, room], the new ones last. */
    private static int position(IntArray step, int row, int room, int entry) {
        int added = step.get(Step.added(step.get(Step.BATCH)) + entry);
        return entry * room + room - added + row % room;
    }
}
