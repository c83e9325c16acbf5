package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
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
                int position = step.get(Step.LENGTHS + entry) - added + key;
                int shift = step.get(Step.PAGE_SHIFT);
                int page = step.get(Step.pages(batch) + entry * step.get(Step.PAGES) + (position >> shift));
                int cached = page * step.get(Step.PAGE_SIZE) + (position & ((1 << shift) - 1));
                int to = (kvHead * step.get(Step.ROWS) + cached) * headDim + d;
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
}
