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
        int d = ctx.globalIdx % headDim;
        int room = step.get(Step.ROOM);
        int row = ctx.globalIdx / headDim;
        int key = row % room;
        int batch = step.get(Step.BATCH);
        int kvHeads = step.get(Step.KV_HEADS);
        int entry = row / room / kvHeads;
        if (entry < batch) {
            int kvHead = row / room % kvHeads;
            int added = step.get(Step.added(batch) + entry);
            if (key < added) {
                int to = (kvHead * step.get(Step.ROWS) + row(step, batch, entry, added, key)) * headDim + d;
                float x = newKeys.get(row * headDim + d);
                if ((options & Options.ROTARY) != 0) {
                    int rotary = step.get(Step.ROTARY);
                    int angles = (entry * room + room - added + key) * rotary;
                    x = Rotation.rotated(newKeys, row * headDim, d, rotary, step.get(Step.PARTNER), rotations, angles);
                }
                // TornadoVM carries no array over that the first task only writes, so this one seems to read them: there is
                // always room.
                keys.set(to, room > 0 ? x : keys.get(to));
                values.set(to, room > 0 ? newValues.get(row * headDim + d) : values.get(to));
            }
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
        int d = ctx.globalIdx % ints;
        int room = step.get(Step.ROOM);
        int row = ctx.globalIdx / ints;
        int key = row % room;
        int batch = step.get(Step.BATCH);
        int kvHeads = step.get(Step.KV_HEADS);
        int entry = row / room / kvHeads;
        if (entry < batch) {
            int kvHead = row / room % kvHeads;
            int added = step.get(Step.added(batch) + entry);
            if (key < added) {
                int to = (kvHead * step.get(Step.ROWS) + row(step, batch, entry, added, key)) * ints + d;
                // read for the same reason as above
                keys.set(to, room > 0 ? newKeys.get(row * ints + d) : keys.get(to));
                values.set(to, room > 0 ? newValues.get(row * ints + d) : values.get(to));
            }
        }
    }

    /** The same for a cache of float16 that the kernels read as such: one work-item for each element. */
    public static void appendHalves(KernelContext ctx, HalfFloatArray newKeys, HalfFloatArray newValues, HalfFloatArray keys,
            HalfFloatArray values, IntArray step, int headDim) {
        int d = ctx.globalIdx % headDim;
        int room = step.get(Step.ROOM);
        int row = ctx.globalIdx / headDim;
        int key = row % room;
        int batch = step.get(Step.BATCH);
        int kvHeads = step.get(Step.KV_HEADS);
        int entry = row / room / kvHeads;
        if (entry < batch) {
            int kvHead = row / room % kvHeads;
            int added = step.get(Step.added(batch) + entry);
            if (key < added) {
                int to = (kvHead * step.get(Step.ROWS) + row(step, batch, entry, added, key)) * headDim + d;
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
    }

    /** The cache's row for new key {@code key} of an entry that gets so many of them. */
    private static int row(IntArray step, int batch, int entry, int added, int key) {
        int position = step.get(Step.LENGTHS + entry) - added + key;
        int shift = step.get(Step.PAGE_SHIFT);
        int page = step.get(Step.pages(batch) + entry * step.get(Step.PAGES) + (position >> shift));
        return page * step.get(Step.PAGE_SIZE) + (position & ((1 << shift) - 1));
    }
}
